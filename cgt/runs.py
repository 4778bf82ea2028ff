"""A finished run, ready to answer: what its manifest, weights and data together say."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from cgt.data import Dataset
from cgt.exits import MAX_SOFTMAX, ExitRule, KnownClasses
from cgt.methods import Method
from cgt.methods.classynet import ClassyNet
from cgt.network import EarlyExitNetwork
from cgt.saved import load_run
from cgt.training import Job, build_method


class Run(NamedTuple):
    """A trained network in evaluation mode, the data it was trained on, and how its exits decide.

    `job` is the manifest's: dataset, method, seed, settings, hyperparameters.
    """

    job: Mapping[str, Any]
    data: Dataset
    network: EarlyExitNetwork
    rule: ExitRule


class MethodRule(ExitRule):
    """The rule of a method, whatever it is, in terms of its :meth:`Method.decide`."""

    def __init__(self, method: Method, exits: int) -> None:
        self.method, self.exits = method, exits

    def decide(self, exit: int, logits: Tensor) -> tuple[Tensor, Tensor]:
        # A method decides for all exits at once.
        confidence, prediction = self.method.decide(logits.expand(self.exits, *logits.shape))
        return confidence[exit], prediction[exit]


def open_run(folder: Path, data: Dataset) -> Run:
    """Load a run from its `manifest.json` and `model.safetensors`.

    Args:
        folder: of the run.
        data: what the run was trained on.

    Raises:
        ValueError: if the data are others than those of the run.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    job = manifest["job"]
    if data.checksums["prepared"] != manifest["data"]["prepared"]:
        raise ValueError(
            f"these data are not what {folder} was trained on; {job['dataset']} prepared at seed "
            f"{job['seed']} with the run's settings is needed"
        )
    # Where the data lie makes no difference to the method.
    method = build_method(Job(**job, prepared=folder, raw_dir=folder))
    network = load_run(folder / "model.safetensors", data, method)
    return Run(job, data, network, exit_rule(method, network.num_exits))


def exit_rule(method: Method, exits: int) -> ExitRule:
    """How the exits of a trained method decide, in the cheapest form there is."""
    if isinstance(method, ClassyNet) and method.known is not None:
        return KnownClasses(method.known)
    if type(method).decide in (Method.decide, ClassyNet.decide):
        return MAX_SOFTMAX
    return MethodRule(method, exits)
