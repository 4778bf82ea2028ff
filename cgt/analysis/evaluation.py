"""One run's predictions -> every table that follows from them, measured on the test split."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from cgt.analysis.calibration import expected_calibration_error, reliability
from cgt.analysis.exit_rules import rule_areas
from cgt.analysis.failure import failure
from cgt.analysis.metrics import accuracy, class_scores, scores
from cgt.analysis.overthinking import oracle_index, overthinking
from cgt.operate.area import area
from cgt.operate.confidences import fit_temperature, is_max_softmax, max_softmax
from cgt.operate.routing import exit_index, exit_shares, routes, select
from cgt.operate.sweep import FIXED_SCALED, POINTS, THRESHOLDS, operating_points, points_met
from cgt.records.csv_columns import CLASS_POINTS
from cgt.records.csv_schema import RUN, build, write_csv
from cgt.records.manifest import MANIFEST, check_files
from cgt.records.predictions import SPLITS, Predictions, SplitPredictions, load_predictions
from cgt.records.reference import Reference, load_reference

Rows = list[dict[str, float]]

EVALUATED = (
    "operating_points",
    "curves",
    "exits",
    "classes",
    "areas",
    "exit_rules",
    "oracle",
    "overthinking",
    "calibration",
    "failure",
    "reliability",
)


def evaluate(
    predictions: Predictions, dataset: str, method: str, seed: int, reference: Reference
) -> dict[str, pd.DataFrame]:
    """The tables `EVALUATED` of one run.

    reference: the dataset's; relative costs are shares of its `macs`.

    A network with one exit has no area. A run that does not route (see `routing.routes`) has
    nothing to say about exit rules, the oracle, overthinking, calibration and failure: no rows.
    Where confidences are the largest softmax probabilities, they are scaled, too, by temperatures
    fitted on validation.
    """
    val, test, macs = predictions.val, predictions.test, predictions.macs
    chosen = operating_points(val, macs, reference.macs)
    met = points_met(val, macs, reference.macs)
    used = {point: exit_index(test.confidence, chosen[point]) for point in POINTS}
    temperatures, scaled = None, test
    if is_max_softmax(predictions):
        temperatures = fit_temperature(val.logits, val.target)
        scaled = replace(test, confidence=max_softmax(test.logits, temperatures))
        chosen |= FIXED_SCALED
        met |= dict.fromkeys(FIXED_SCALED, True)
        used |= {p: exit_index(scaled.confidence, t) for p, t in FIXED_SCALED.items()}
    rows: dict[str, Rows] = {
        "operating_points": [
            {
                "point": point,
                "threshold": chosen[point],
                "met": int(met[point]),
                **_measure(test, index, macs, reference),
            }
            for point, index in used.items()
        ],
        "curves": [
            {
                "threshold": threshold,
                **_measure(test, exit_index(test.confidence, threshold), macs, reference),
            }
            for threshold in THRESHOLDS
        ],
        "exits": [
            {"exit": e, **_cost(cost, reference), **scores(test.target, answer)}
            for e, (cost, answer) in enumerate(zip(macs, test.prediction, strict=True), start=1)
        ],
        "classes": [
            {"point": point, **row}
            for point in CLASS_POINTS
            for row in class_scores(test.target, select(test.prediction, used[point]))
        ],
    }
    if len(macs) > 1:
        rows["areas"] = [{"mean_budget_accuracy": area(predictions, reference)}]
    if routes(val.confidence):
        right = test.prediction == test.target
        oracle = oracle_index(right)
        rows["exit_rules"] = rule_areas(predictions, temperatures, reference)
        rows["oracle"] = [
            {"accuracy": accuracy(test.target, select(test.prediction, oracle))}
            | _routing(oracle, macs, reference)
        ]
        rows["overthinking"] = _overthinking(right, used)
        confidences = {"none": (np.ones(len(macs)), test.confidence)}
        if temperatures is not None:
            confidences["temperature"] = (temperatures, scaled.confidence)
        rows |= _confidence_tables(right, confidences)
    run = dict(zip(RUN, (dataset, method, seed), strict=True))
    return {name: build(rows.get(name, []), name, run) for name in EVALUATED}


def evaluate_file(
    path: Path | str,
    dataset: str,
    method: str,
    seed: int,
    out_dir: Path | str,
    reference_path: Path | str,
) -> None:
    """Evaluate a predictions file and write one CSV per table into `out_dir`.

    Where a manifest lies beside the file, it must be this run's, and list this very file.

    Raises ValueError for a damaged file, another run's, or another dataset's reference.
    """
    path = Path(path)
    reference = load_reference(reference_path, dataset)
    if (path.parent / MANIFEST).exists():
        check_files(path.parent, dataset, method, seed, [path.name])
    predictions = load_predictions(path)
    _refuse_other_classes(predictions, len(reference.class_names), path)
    tables = evaluate(predictions, dataset, method, seed, reference)
    for name, frame in tables.items():
        write_csv(frame, Path(out_dir) / f"{name}.csv")


def _refuse_other_classes(predictions: Predictions, classes: int, path: Path) -> None:
    for split in SPLITS:
        for name in ("prediction", "target"):
            most = getattr(getattr(predictions, split), name).max()
            if most >= classes:
                raise ValueError(
                    f"{path}: {split}_{name} holds class {most}; the dataset has {classes} "
                    f"classes, from 0"
                )


def _measure(
    split: SplitPredictions, index: np.ndarray, macs: np.ndarray, reference: Reference
) -> dict[str, float]:
    """Scores, costs and exit shares of one split, whose samples leave at the exits `index` [N]."""
    answer = select(split.prediction, index)
    return {**_routing(index, macs, reference), **scores(split.target, answer)}


def _routing(index: np.ndarray, macs: np.ndarray, reference: Reference) -> dict[str, float]:
    shares = exit_shares(index, len(macs))
    cost = _cost(float(shares @ macs), reference)
    row = {"mean_macs": cost["macs"], "relative_cost": cost["relative_cost"]}
    return row | {f"exit_{e}": share for e, share in enumerate(shares, start=1)}


def _cost(macs: float, reference: Reference) -> dict[str, float]:
    return {"macs": macs, "relative_cost": macs / reference.macs}


def _overthinking(right: np.ndarray, used: Mapping[str, np.ndarray]) -> Rows:
    full = np.full(right.shape[1], len(right) - 1)
    return [
        {"point": point, **overthinking(right, index)}
        for point, index in {**used, "full": full}.items()
    ]


def _confidence_tables(
    right: np.ndarray, confidences: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, Rows]:
    """Rows of `calibration`, `failure` and `reliability`.

    right: [E, N] bool. confidences: temperatures [E] and confidences [E, N] of each scaling.
    """
    rows: dict[str, Rows] = {"calibration": [], "failure": [], "reliability": []}
    for scaling, (temperatures, confidence) in confidences.items():
        for e, temperature in enumerate(temperatures):
            key = {"exit": e + 1, "scaling": scaling}
            bins = reliability(confidence[e], right[e])
            error = expected_calibration_error(bins)
            rows["calibration"].append({**key, "temperature": temperature, "ece": error})
            rows["failure"].append({**key, **failure(confidence[e], right[e])})
            rows["reliability"] += [{**key, **row} for row in bins]
    return rows
