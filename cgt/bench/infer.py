"""What leaving early saves in time, beside what it saves in multiply–accumulates."""

import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from cgt.bench.measure import write_table
from cgt.bench.variants import Answering, Variant, run_to_the_end, variants, without_exits
from cgt.data import Dataset, load
from cgt.records.csv_schema import refuse_former_names
from cgt.records.predictions import load_predictions
from cgt.training.loop import in_order
from cgt.training.runs import TrainedRun, open_run

POINTS = ("one_se", "threshold_0.9")
BATCHES = (1, 7, 64, 256)
SAMPLES = {1: 256, 7: 252, 64: 512, 256: 1024}
"""How many test samples are timed at each batch size."""
ROUNDS = 5
BASELINES = {"torch": "module", "onnxruntime": "bare session"}
"""How each engine computes the network without early exits; tables without the column are older,
and their onnxruntime went through :class:`cgt.deploy.Deployed` there, too."""

Row = dict[str, Any]


def bench_infer(
    runs: Path,
    points: Path,
    *,
    dataset: str,
    methods: Sequence[str],
    seed: int,
    prepared: Path,
    raw: Path,
    out: Path,
) -> None:
    """Measure the runs of one dataset at one seed; write `out` (.csv) and the machine beside it.

    Rows are as in :func:`rows_of`, times from `ROUNDS` rounds over the same samples. One thread.

    Args:
        runs: folder of all runs.
        points: operating points with thresholds (.csv).

    Raises:
        ValueError: if a threshold is missing.
    """
    torch.set_num_threads(1)
    table = pd.read_csv(points)
    refuse_former_names(table, points)
    thresholds = {method: thresholds_of(table, dataset, method, seed) for method in methods}
    data = load(dataset, prepared, raw)
    opened: dict[str, TrainedRun] = {}
    compared: list[Variant] = []
    with tempfile.TemporaryDirectory() as folder:
        for method in methods:
            path = runs / dataset / method / str(seed)
            run = opened[method] = open_run(path, data)
            predictions = load_predictions(path / "predictions.npz")
            compared += variants(run, predictions, thresholds[method], Path(folder) / method)
        rows = [row for batch in BATCHES for row in _measure(opened, compared, data, batch)]
    about = {"dataset": dataset, "seed": seed}
    write_table(out, [{**about, **row} for row in rows], threads=1, packages=["onnxruntime"])


def thresholds_of(table: pd.DataFrame, dataset: str, method: str, seed: int) -> dict[str, float]:
    """A run's thresholds at `POINTS`, from a table of operating points."""
    is_run = (table["dataset"] == dataset) & (table["method"] == method) & (table["seed"] == seed)
    rows = table[is_run]
    found = dict(zip(rows["point"], rows["threshold"].tolist(), strict=True))
    if missing := [point for point in POINTS if point not in found]:
        raise ValueError(
            f"the operating points have no {missing[0]} of {dataset}/{method}/{seed}; "
            f"{', '.join(POINTS)} are needed"
        )
    return {point: found[point] for point in POINTS}


def _measure(
    opened: Mapping[str, TrainedRun], compared: Sequence[Variant], data: Dataset, batch: int
) -> list[Row]:
    start = time.perf_counter()
    # The same samples for all; in random order, because they are sorted by place.
    order = np.random.default_rng(0).permutation(len(data.test.y))[: SAMPLES[batch]]
    inputs = batches(data.test.x[order], batch)
    seconds = seconds_of(compared, inputs, ROUNDS)
    whole = {(one.method, one.engine): i for i, one in enumerate(compared) if one.is_whole}
    everything = batches(data.test.x, batch)
    overheads = {
        name: decision_overhead(run, inputs[False])
        for name, run in opened.items()
        if batch == 1 and any(one.method == name and one.variant == "infer" for one in compared)
    }
    rows = []
    for one, took in zip(compared, seconds, strict=True):
        full = whole[one.method, one.engine]
        row = rows_of(one, batch, order, took, compared[full].macs, seconds[full], data.test.y)
        if one.variant == "infer" and not one.takes_arrays:
            row["decision_overhead"] = overheads.get(one.method, "")
        # What computes the same for all samples is asked once: it takes long.
        if one.variant == "infer" or batch == BATCHES[-1]:
            found = disagreements(one, everything[one.takes_arrays])
            row["disagreements"], row["disagreement_distance"] = found
        rows.append(row)
    print(
        f"{data.name} batch {batch}: {len(compared)} variants, {time.perf_counter() - start:.1f} s",
        file=sys.stderr,
        flush=True,
    )
    return rows


def rows_of(
    one: Variant,
    batch: int,
    timed: np.ndarray,
    seconds: np.ndarray,
    whole_macs: np.ndarray,
    whole_seconds: np.ndarray,
    target: np.ndarray,
) -> Row:
    """One measured variant at one batch size.

    Args:
        timed: positions of the samples that were timed.
        seconds: [rounds, batches] of them.
        whole_macs, whole_seconds: of the network without early exits, by the same engine.
        target: classes of all test samples.

    Returns:
        Names as in :class:`Variant`, and ``batch``; ``accuracy`` on the whole test set; ``macs``
        of a timed sample on average; ``baseline``, see :data:`BASELINES`; ``relative_macs`` and
        ``relative_time`` to the network without early exits, the time as median over the rounds
        with its smallest and largest value;
        ``p50_ms`` … of single answers over all rounds, empty for larger batches;
        ``samples_per_second``, median over the rounds. Filled in where they apply:
        ``decision_overhead``, the share that deciding adds to the time of the network with all
        exits if nobody leaves; ``disagreements`` with the run's own predictions, counted over the
        whole test set, and how far from the threshold the confidences of these are at most.
    """
    quantiles = np.percentile(1000 * seconds, (50, 95, 99)).tolist() if batch == 1 else [""] * 3
    ratios = seconds.sum(axis=1) / whole_seconds.sum(axis=1)
    macs = float(one.macs[timed].mean())
    return {
        "method": one.method,
        "point": one.point,
        "threshold": one.threshold,
        "variant": one.variant,
        "engine": one.engine,
        "batch": batch,
        "accuracy": float(np.mean(one.prediction == target)),
        "macs": round(macs),
        "baseline": BASELINES[one.engine],
        "relative_macs": macs / float(whole_macs[timed].mean()),
        "relative_time": float(np.median(ratios)),
        "relative_time_low": float(ratios.min()),
        "relative_time_high": float(ratios.max()),
        **dict(zip(("p50_ms", "p95_ms", "p99_ms"), quantiles, strict=True)),
        "samples_per_second": float(len(timed) / np.median(seconds.sum(axis=1))),
        "decision_overhead": "",
        "disagreements": "",
        "disagreement_distance": "",
    }


def seconds_of(
    compared: Sequence[Answering], inputs: Mapping[bool, Sequence[Any]], rounds: int
) -> list[np.ndarray]:
    """Seconds of each answer, an array [rounds, batches] for each variant.

    All take turns at each batch: the pace of a machine changes faster than whole rounds would see.
    Each answers twice, and the second answer counts, since the caches hold what another needed.
    """
    found = np.empty((len(compared), rounds, len(inputs[False])))
    for round, number in np.ndindex(found.shape[1:]):
        for index, one in enumerate(compared):
            x = inputs[one.takes_arrays][number]
            one.answer(x)
            found[index, round, number] = _seconds(one.answer, x)
    return list(found)


def disagreements(one: Variant, inputs: Sequence[Any]) -> tuple[int, float | str]:
    """Samples whose exit or class is not the one that the run's own predictions give.

    And the largest distance of their confidences from the threshold, at the exit where they part;
    empty if there are none, infinite if they answer at the same exit.
    """
    found = [one.answer(x) for x in inputs]
    if isinstance(found[0], tuple):
        exit, prediction = (np.concatenate([np.asarray(of[k]) for of in found]) for k in (0, 1))
    else:
        exit, prediction = one.exit, np.concatenate([np.asarray(of) for of in found])
    wrong = np.flatnonzero((exit != one.exit) | (prediction != one.prediction))
    if len(wrong) == 0:
        return 0, ""
    if (exit == one.exit)[wrong].any():
        return len(wrong), np.inf
    return len(wrong), float(one.distance[np.minimum(exit, one.exit)[wrong], wrong].max())


def batches(x: np.ndarray, batch: int) -> dict[bool, Sequence[Any]]:
    """Samples cut into batches: ``False`` as the torch networks take them, ``True`` as arrays."""
    return {
        False: in_order(torch.from_numpy(x)).split(batch),
        True: np.split(x, range(batch, len(x), batch)),
    }


def decision_overhead(run: TrainedRun, inputs: Sequence[Tensor]) -> float:
    """Share that deciding adds to the time of the network that nobody leaves early.

    ``inputs`` are single samples. With and without take turns at each of them: the pace of a
    machine changes faster than whole rounds would see.
    """
    network = without_exits(run.network)
    with_decisions = partial(network.infer, threshold=1.0, rule=run.rule)
    answers = (with_decisions, partial(run_to_the_end, network))
    seconds = [[_seconds(answer, x) for answer in answers] for _ in range(ROUNDS) for x in inputs]
    decided, not_decided = np.median(seconds, axis=0)
    return float(decided / not_decided - 1)


def _seconds(answer: Callable[[Any], Any], x: Any) -> float:
    start = time.perf_counter()
    answer(x)
    return time.perf_counter() - start
