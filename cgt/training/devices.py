"""Where a job computes: the CPU, or a GPU that jobs take in turns."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from cgt.records.lock import turn

DEVICES = ("cpu", "auto", "cuda")
"""What a configuration may ask for; `auto` is a GPU where torch sees one, else the CPU."""


def resolve(asked: str) -> torch.device:
    """The device that was asked for.

    Raises:
        ValueError: for an unknown one, or `cuda` where torch sees none.
    """
    if asked not in DEVICES:
        raise ValueError(f"device is {asked!r}; allowed are {', '.join(DEVICES)}")
    if asked == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if asked == "cuda":
        raise ValueError("device is 'cuda', and torch sees no GPU; allowed here are cpu and auto")
    print("device auto: torch sees no GPU, so this job trains on the CPU", file=sys.stderr)
    return torch.device("cpu")


@contextmanager
def held(device: torch.device) -> Iterator[None]:
    """Hold a device for a job: the CPU is everybody's, a GPU serves one job after the other."""
    if device.type == "cpu":
        yield
        return
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "all").replace(",", "-") or "none"
    with turn(Path(tempfile.gettempdir()) / f"cgt-gpu-{visible}.lock"):
        yield


def make_reproducible(device: torch.device) -> None:
    """One thread; on the CPU, nothing whose result depends on chance.

    On a GPU some of torch's operations have no deterministic form, and no bytes are promised.
    """
    # Results differ between thread counts, so the count is part of the experiment.
    torch.set_num_threads(1)
    # As `use_deterministic_algorithms(True)`, which loads torch's compiler for seconds besides.
    torch.set_deterministic_debug_mode("error" if device.type == "cpu" else "default")
    # Fills every new tensor: a tenth of the training time for a guard against reading garbage.
    torch.utils.deterministic.fill_uninitialized_memory = False
