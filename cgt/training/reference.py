"""What all costs of a dataset are relative to: its network without early exits."""

from pathlib import Path

from cgt.data import Dataset, load
from cgt.methods.branchynet import BranchyNet
from cgt.methods.single_exit import SingleExit
from cgt.nn.cost import cumulative_macs
from cgt.records.reference import Reference, save_reference
from cgt.training.model_io import build_network


def reference_of(data: Dataset, network: str, exits: int | None = None) -> Reference:
    """Cost of the dataset's network with its last exit alone, and of exit 1 with all of them."""
    shape = data.train.x.shape[1:]
    alone, joint = (
        build_network(data, method, network, exits) for method in (SingleExit(), BranchyNet())
    )
    return Reference(
        dataset=data.name,
        kind=data.kind,
        class_names=tuple(data.class_names),
        network=network,
        exits=joint.num_exits,
        macs=cumulative_macs(alone, shape)[-1],
        first_exit=cumulative_macs(joint, shape)[0],
    )


def write_reference(
    dataset: str, prepared: Path, raw_dir: Path, network: str, exits: int | None, out: Path
) -> None:
    """Write the reference of a prepared dataset.

    Raises:
        ValueError: if the network does not fit the data or cannot have so many exits.
    """
    data = load(dataset, prepared, raw_dir)
    save_reference(out, reference_of(data, network, exits))
