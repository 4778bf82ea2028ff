"""A trained run on disk: the network's weights and what its method has learned besides."""

from pathlib import Path

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


def save_run(path: Path, network: EarlyExitNetwork, method: Method) -> None:
    """Write weights and the method's state into one safetensors file."""
    learned = {
        f"{_METHOD}{name}": value for name, value in method.state().items() if value is not None
    }
    tensors = {**network.state_dict(), **learned}
    write_bytes(path, save({name: value.cpu().contiguous() for name, value in tensors.items()}))


def load_run(
    path: Path, data: Dataset, method: Method, network: str, exits: int | None = None
) -> EarlyExitNetwork:
    """The trained network of a run in evaluation mode; ``method`` takes back its own state.

    Args:
        path: the run's ``model.safetensors``.
        data: the dataset it was trained on.
        method: as built from the run's hyperparameters.
        network, exits: as in :func:`build_network`.

    Raises:
        ValueError: if the file is damaged.
        RuntimeError: if the weights do not fit the network.
    """
    try:
        tensors = load(Path(path).read_bytes())
    except SafetensorError as error:
        raise ValueError(f"{path}: not a readable safetensors file ({error})") from error
    own = [name for name in tensors if name.startswith(_METHOD)]
    learned = {name.removeprefix(_METHOD): tensors.pop(name) for name in own}
    trained = build_network(data, method, network, exits)
    trained.load_state_dict(tensors)
    method.load_state({**method.state(), **learned})
    return trained.eval()
