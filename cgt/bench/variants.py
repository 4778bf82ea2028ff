"""The ways to answer that the inference benchmark compares, and what each should answer."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from cgt.deploy.export import write_network, write_plain
from cgt.deploy.runtime import CPU, Deployed
from cgt.methods.static import SideBySide
from cgt.nn.cost import cumulative_macs
from cgt.nn.exits import route
from cgt.nn.network import EarlyExitNetwork
from cgt.operate.routing import exit_index, select
from cgt.records.extras import need
from cgt.records.predictions import Predictions
from cgt.training.runs import TrainedRun


class Answering(Protocol):
    """Whatever can be timed: it answers a batch of tensors, or of arrays."""

    @property
    def answer(self) -> Callable[[Any], Any]: ...

    @property
    def takes_arrays(self) -> bool: ...


class Variant(NamedTuple):
    """One way to answer.

    method, point, threshold: whose network, and where its samples leave; the last two are empty
        where nothing leaves early.
    variant: `backbone` (the last exit alone), `full` (all exits computed, the last one answers),
        `simulated` (all exits computed, then routed), `infer` (stops at the exit), or `prefix_e`
        (the network of depth e, trained alone).
    engine: `torch` or `onnxruntime`.
    answer: to a batch; what stops returns exit and class of each sample, as tensors or arrays.
    exit, prediction: int64 [N]; what it should answer for the test samples, by the run's own file.
    macs: int64 [N]; what it computes for each of them.
    distance: float [E, N]; of the run's confidences from the threshold; empty where none is.
    is_whole: whether it is the network without early exits, to which the others of its method and
        engine are held.
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
    distance: np.ndarray
    is_whole: bool

    @property
    def takes_arrays(self) -> bool:
        """Whether it is asked with numpy arrays instead of tensors."""
        return self.engine == "onnxruntime"


def variants(
    run: TrainedRun, predictions: Predictions, thresholds: Mapping[str, float], folder: Path
) -> Iterator[Variant]:
    """All variants of a run; what onnxruntime computes is written into ``folder``."""
    last = run.network.num_exits - 1
    if isinstance(run.network, SideBySide):
        for e in range(last + 1):
            alone = EarlyExitNetwork([run.network.stages[e]], [run.network.heads[e]])
            yield from _alone(run, predictions, e, f"prefix_{e + 1}", alone.eval(), folder)
        return
    yield from _alone(run, predictions, last, "backbone", run.network.backbone().eval(), folder)
    if last > 0:
        yield _full(run, predictions)
        for point, threshold in thresholds.items():
            deployed = _deploy(run, threshold, folder / point)
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


def _alone(
    run: TrainedRun,
    predictions: Predictions,
    exit: int,
    variant: str,
    network: EarlyExitNetwork,
    folder: Path,
) -> Iterator[Variant]:
    """One of the run's exits as a ``network`` of its own, in torch and in onnxruntime.

    There in a bare session: what leaves early is held against the least that onnxruntime takes.
    """
    session = _session(run, network, folder / f"{variant}.onnx")
    ways = {
        "torch": lambda x: run_to_the_end(network, x),
        "onnxruntime": lambda x: session.run(None, {"x": x})[0],
    }
    (macs,) = cumulative_macs(network, run.data.test.x.shape[1:])
    for engine, answer in ways.items():
        yield _always(run, predictions, exit, variant, engine, answer, macs)


def _full(run: TrainedRun, predictions: Predictions) -> Variant:
    last, macs = run.network.num_exits - 1, predictions.macs[-1]
    answer = partial(run_to_the_end, run.network)
    whole = _always(run, predictions, last, "full", "torch", answer, macs)
    return whole._replace(is_whole=False)


def _always(
    run: TrainedRun,
    predictions: Predictions,
    exit: int,
    variant: str,
    engine: str,
    answer: Callable[[Any], Any],
    macs: int,
) -> Variant:
    """What answers everything at one exit."""
    test = predictions.test
    return Variant(
        *(run.job["method"], "", "", variant, engine, answer),
        exit=np.full(len(test.target), exit),
        prediction=test.prediction[exit],
        macs=np.full(len(test.target), macs),
        distance=np.empty((0, 0)),
        is_whole=exit == len(predictions.macs) - 1,
    )


def _session(run: TrainedRun, network: EarlyExitNetwork, path: Path) -> Any:
    ort = need("onnxruntime", "deploy")
    write_plain(path, network, input_shape=run.data.test.x.shape[1:])
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=list(CPU))


def _deploy(run: TrainedRun, threshold: float, folder: Path) -> Deployed:
    about = {"classes": list(run.data.class_names), "points": {}, "scaling": None}
    shape = run.data.test.x.shape[1:]
    write_network(folder, run.network, run.rule, threshold, input_shape=shape, about=about)
    return Deployed(folder)


def _stopping(
    run: TrainedRun, predictions: Predictions, point: str, threshold: float, deployed: Deployed
) -> Iterator[Variant]:
    test, macs = predictions.test, predictions.macs
    network, rule = run.network, run.rule
    index = exit_index(test.confidence, threshold)

    def simulated(x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            return route(network(x), threshold, rule)

    ways = {
        ("infer", "torch"): lambda x: network.infer(x, threshold, rule),
        ("simulated", "torch"): simulated,
        ("infer", "onnxruntime"): deployed.infer,
    }
    for (variant, engine), answer in ways.items():
        yield Variant(
            *(run.job["method"], point, f"{threshold:.6f}", variant, engine, answer),
            exit=index,
            prediction=select(test.prediction, index),
            macs=np.full(len(index), macs[-1]) if variant == "simulated" else macs[index],
            distance=np.abs(test.confidence - threshold),
            is_whole=False,
        )
