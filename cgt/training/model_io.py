"""A trained run on disk: the network's weights and what its method has learned besides.

The file says whose weights they are: dataset, method, seed and what else `run_identity` names.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from cgt.data import Dataset
from cgt.methods import Method
from cgt.networks import build
from cgt.nn.network import EarlyExitNetwork
from cgt.records.files import write_bytes

_METHOD = "method."
"""Before the names of the method's own tensors; no network's parameter starts so."""
_RUN = "run"
"""Name of the identity in the file's header. One entry: the order of several is random."""

Identity = Mapping[str, Any]


def build_network(
    data: Dataset, method: Method, network: str, exits: int | None = None
) -> EarlyExitNetwork:
    """The network that ``method`` trains on ``data``, freshly initialised, channels last.

    Args:
        network: a file of :mod:`cgt.networks`.
        exits: how many it shall have; None: its own default.

    Raises:
        ValueError: if there is no such network, or it does not fit the data.
    """
    backbone = build(network, data.train.x.shape[1:], data.num_classes, exits)
    return method.network(backbone).to(memory_format=torch.channels_last)


def run_identity(
    data: Dataset, method: str, implementation: str, seed: int, network: str, exits: int | None
) -> dict[str, Any]:
    """What weights belong to; exits: as configured."""
    return {
        "dataset": data.name,
        "prepared": data.checksums["prepared"],
        "method": method,
        "implementation": implementation,
        "seed": seed,
        "network": network,
        "exits": exits,
    }


def save_run(path: Path, network: EarlyExitNetwork, method: Method, identity: Identity) -> None:
    """Write weights and the method's state into one safetensors file that says whose they are.

    identity: JSON values, see :func:`run_identity`.
    """
    learned = {
        f"{_METHOD}{name}": value for name, value in method.state().items() if value is not None
    }
    tensors = {**network.state_dict(), **learned}
    tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
    write_bytes(path, save(tensors, {_RUN: json.dumps(identity, sort_keys=True)}))


def load_run(
    path: Path,
    data: Dataset,
    method: Method,
    network: str,
    exits: int | None = None,
    identity: Identity | None = None,
) -> EarlyExitNetwork:
    """The trained network of a run in evaluation mode; ``method`` takes back its own state.

    Args:
        path: the run's ``model.safetensors``.
        data: the dataset it was trained on.
        method: as built from the run's hyperparameters.
        network, exits: as in :func:`build_network`.
        identity: what the file must say, if given.

    Raises:
        ValueError: if the file is damaged, or another run's, or holds weights that are no numbers
            or do not fit the network.
    """
    content = Path(path).read_bytes()
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise ValueError(f"{path}: not a readable safetensors file ({error})") from error
    if identity is not None:
        _refuse_another_run(path, content, identity)
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise ValueError(f"{path}: {name} holds NaN or infinity; train the run anew")
    own = [name for name in tensors if name.startswith(_METHOD)]
    learned = {name.removeprefix(_METHOD): tensors.pop(name) for name in own}
    trained = build_network(data, method, network, exits)
    try:
        trained.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{path}: the weights do not fit {network} ({error})") from error
    method.load_state({**method.state(), **learned})
    return trained.eval()


def _refuse_another_run(path: Path, content: bytes, expected: Identity) -> None:
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size]).get("__metadata__", {})
    if _RUN not in header:
        raise ValueError(f"{path} does not say whose weights it holds; train the run anew")
    found = json.loads(header[_RUN])
    for name, value in expected.items():
        if found.get(name) != value:
            raise ValueError(
                f"{path} holds another run's weights: {name} is {found.get(name)!r}; it must be "
                f"{value!r}"
            )
