"""The ways to answer that the inference benchmark compares, and what each should answer."""

import importlib.metadata
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cgt.analysis.routing import exit_index, select
from cgt.deploy import Deployed
from cgt.exits import route
from cgt.export import write_network
from cgt.methods.static import SideBySide
from cgt.network import EarlyExitNetwork
from cgt.predictions import Predictions
from cgt.runs import Run


class Variant(NamedTuple):
    """One way to answer.

    method, point, threshold: whose network, and where its samples leave; the last two are empty
        where nothing leaves early.
    variant: `full` (all exits computed, the last one answers), `simulated` (all computed, then
        routed), `infer` (stops at the exit), `deployed` (the same outside of torch), or `prefix_e`
        (the network of depth e, trained alone).
    engine: what computes it, with its version.
    answer: to a batch; what stops returns exit and class of each sample, as tensors or arrays.
    exit, prediction: int64 [N]; what it should answer for the test samples, by the run's own file.
    macs: int64 [N]; what it computes for each of them.
    exit_macs: int64 [E]; what each exit of the network costs.
    """

    method: str
    point: str
    threshold: str
    variant: str
    engine: str
    answer: Callable[[Any], Any]
    exit: np.ndarray
    prediction: np.ndarray
    macs: np.ndarray
    exit_macs: np.ndarray

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole network: the others of its method are measured against it."""
        return self.variant in ("full", f"prefix_{len(self.exit_macs)}")

    @property
    def stops(self) -> bool:
        """Whether it decides sample by sample how far to compute."""
        return self.variant in ("infer", "deployed")


def variants(
    run: Run, predictions: Predictions, thresholds: Mapping[str, float], folder: Path
) -> Iterator[Variant]:
    """All variants of a run; its export is written to ``folder``."""
    if isinstance(run.network, SideBySide):
        yield from _prefixes(run, predictions)
        return
    yield _full(run, predictions)
    if run.network.num_exits > 1:
        shape = run.data.test.x.shape[1:]
        about = {"classes": list(run.data.class_names), "points": {}, "scaling": None}
        write_network(folder, run.network, run.rule, 0.0, input_shape=shape, about=about)
        deployed = Deployed(folder)
        for point, threshold in thresholds.items():
            yield from _stopping(run, predictions, point, threshold, deployed)


def without_exits(network: EarlyExitNetwork) -> EarlyExitNetwork:
    """A copy that computes and decides the same, but in which nothing ever leaves early."""
    indifferent = deepcopy(network)
    for head in indifferent.heads[:-1]:
        for parameter in head.parameters():
            torch.nn.init.zeros_(parameter)
    return indifferent


def run_to_the_end(network: EarlyExitNetwork, x: Tensor) -> Tensor:
    """Compute every exit; the last one answers, a class for each sample."""
    with torch.inference_mode():
        return network(x)[-1].argmax(dim=1)


def _full(run: Run, predictions: Predictions) -> Variant:
    test, macs = predictions.test, predictions.macs
    last = np.full(len(test.target), len(macs) - 1)
    return Variant(
        run.job["method"],
        *("", "", "full", _engine("torch")),
        lambda x: run_to_the_end(run.network, x),
        *(last, test.prediction[-1], macs[last], macs),
    )


def _stopping(
    run: Run, predictions: Predictions, point: str, threshold: float, deployed: Deployed
) -> Iterator[Variant]:
    test, macs = predictions.test, predictions.macs
    network, rule = run.network, run.rule
    index = exit_index(test.confidence, threshold)
    expected = (index, select(test.prediction, index))

    def simulated(x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            return route(network(x), threshold, rule)

    ways = {
        "infer": ("torch", lambda x: network.infer(x, threshold, rule)),
        "simulated": ("torch", simulated),
        "deployed": ("onnxruntime", lambda x: deployed.infer(x, threshold)),
    }
    for variant, (engine, answer) in ways.items():
        spent = np.full(len(index), macs[-1]) if variant == "simulated" else macs[index]
        about = (run.job["method"], point, f"{threshold:.6f}", variant, _engine(engine))
        yield Variant(*about, answer, *expected, spent, macs)


def _prefixes(run: Run, predictions: Predictions) -> Iterator[Variant]:
    test, macs = predictions.test, predictions.macs
    for e, (stage, head) in enumerate(zip(run.network.stages, run.network.heads, strict=True)):
        alone = EarlyExitNetwork([stage], [head]).eval()
        yield Variant(
            run.job["method"],
            *("", "", f"prefix_{e + 1}", _engine("torch")),
            lambda x, alone=alone: run_to_the_end(alone, x),
            np.zeros(len(test.target), dtype=np.int64),
            test.prediction[e],
            np.full(len(test.target), macs[e]),
            macs,
        )


def _engine(package: str) -> str:
    return f"{package} {importlib.metadata.version(package)}"
