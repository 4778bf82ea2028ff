"""One run's predictions -> every table that follows from them, measured on the test split."""

from pathlib import Path

import numpy as np
import pandas as pd

from cgt.analysis.calibration import expected_calibration_error, reliability
from cgt.analysis.frames import RUN, build, write_csv
from cgt.analysis.metrics import accuracy, class_scores, scores
from cgt.analysis.overthinking import oracle_index, overthinking
from cgt.analysis.policies import policy_areas
from cgt.operate.area import area
from cgt.operate.confidences import fit_temperatures, is_max_softmax, max_softmax
from cgt.operate.routing import exit_index, exit_shares, routes, select
from cgt.operate.sweep import POINTS, THRESHOLDS, choose_thresholds, sweep
from cgt.records.predictions import Predictions, SplitPredictions, load_predictions

Rows = list[dict[str, float]]

EVALUATED = (
    "operating_points",
    "curves",
    "exits",
    "classes",
    "areas",
    "policies",
    "oracle",
    "overthinking",
    "calibration",
    "reliability",
)
CLASS_POINTS = ("tau_0.9", "knee")
"""Operating points at which classes are told apart: those of Table 1."""


def evaluate(
    predictions: Predictions, dataset: str, method: str, seed: int
) -> dict[str, pd.DataFrame]:
    """The tables `EVALUATED` of one run.

    A network with one exit has no area. A run that does not route (see `routing.routes`) has
    nothing to say about exit rules, the oracle, overthinking and calibration: no rows.
    """
    val, test, macs = predictions.val, predictions.test, predictions.macs
    chosen = choose_thresholds(val, macs)
    rows: dict[str, Rows] = {
        "operating_points": [{"point": p, **_measure(test, macs, chosen[p])} for p in POINTS],
        "curves": [_measure(test, macs, threshold) for threshold in THRESHOLDS],
        "exits": [
            {"exit": e, "macs": cost, **scores(test.target, answer)}
            for e, (cost, answer) in enumerate(zip(macs, test.prediction, strict=True), start=1)
        ],
        "classes": [
            {"point": point, **row}
            for point in CLASS_POINTS
            for row in class_scores(test.target, _answer(test, chosen[point]))
        ],
    }
    if len(macs) > 1:
        rows["areas"] = [{"area": area(sweep(val, macs), sweep(test, macs))}]
    if routes(val.confidence):
        temperatures = fit_temperatures(val) if is_max_softmax(predictions) else None
        right = test.prediction == test.target
        oracle = oracle_index(right)
        rows["policies"] = policy_areas(predictions, temperatures)
        rows["oracle"] = [
            {"accuracy": accuracy(test.target, select(test.prediction, oracle))}
            | _routing(oracle, macs)
        ]
        rows["overthinking"] = _overthinking(test.confidence, right, chosen)
        rows["calibration"], rows["reliability"] = _calibration(test, temperatures)
    run = dict(zip(RUN, (dataset, method, seed), strict=True))
    return {name: build(rows.get(name, []), name, run) for name in EVALUATED}


def evaluate_file(
    path: Path | str, dataset: str, method: str, seed: int, out_dir: Path | str
) -> None:
    """Evaluate a predictions file and write one CSV per table into `out_dir`."""
    for name, frame in evaluate(load_predictions(path), dataset, method, seed).items():
        write_csv(frame, Path(out_dir) / f"{name}.csv")


def _measure(split: SplitPredictions, macs: np.ndarray, threshold: float) -> dict[str, float]:
    """Scores, costs and exit shares of one split at a threshold."""
    index = exit_index(split.confidence, threshold)
    answer = select(split.prediction, index)
    return {"threshold": threshold, **_routing(index, macs), **scores(split.target, answer)}


def _answer(split: SplitPredictions, threshold: float) -> np.ndarray:
    return select(split.prediction, exit_index(split.confidence, threshold))


def _routing(index: np.ndarray, macs: np.ndarray) -> dict[str, float]:
    shares = exit_shares(index, len(macs))
    mean_macs = float(shares @ macs)
    row = {"mean_macs": mean_macs, "relative_cost": mean_macs / macs[-1]}
    return row | {f"exit_{e}": share for e, share in enumerate(shares, start=1)}


def _overthinking(confidence: np.ndarray, right: np.ndarray, chosen: dict[str, float]) -> Rows:
    used = {point: exit_index(confidence, threshold) for point, threshold in chosen.items()}
    used["full"] = np.full(right.shape[1], len(right) - 1)
    return [{"point": point, **overthinking(right, index)} for point, index in used.items()]


def _calibration(test: SplitPredictions, temperatures: np.ndarray | None) -> tuple[Rows, Rows]:
    """Rows of `calibration` and of `reliability`, before and after scaling by temperature."""
    scaled = {"none": (np.ones(len(test.confidence)), test.confidence)}
    if temperatures is not None:
        scaled["temperature"] = (temperatures, max_softmax(test.logits, temperatures))
    summary, bins = [], []
    for scaling, (temperature, confidence) in scaled.items():
        for e in range(len(confidence)):
            key = {"exit": e + 1, "scaling": scaling}
            part = reliability(confidence[e], test.prediction[e] == test.target)
            error = expected_calibration_error(part)
            summary.append({**key, "temperature": temperature[e], "ece": error})
            bins += [{**key, **row} for row in part]
    return summary, bins
