"""From the runs of one entry on one dataset to its published row; see `cgt.records.rows`."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cgt.analysis.metrics import scores
from cgt.operate.area import accuracy_within, budgets
from cgt.operate.routing import exit_index, exit_shares, select
from cgt.operate.sweep import operating_points, points_met
from cgt.records.csv_columns import ROW_POINTS
from cgt.records.csv_schema import build, csv_text
from cgt.records.predictions import Predictions, SplitPredictions
from cgt.records.reference import Reference
from cgt.records.rows import TABLES, Outcomes, Row

FULL = "full"


def row_of(
    runs: Mapping[int, Predictions], reference: Reference, method: str, described: Mapping[str, Any]
) -> Row:
    """The row of an entry.

    Args:
        runs: predictions by seed; as many test samples at each.
        reference: the dataset's.
        method: name of the entry.
        described: what the manifest says beside the entry's name, seeds and number of samples.

    Raises:
        ValueError: if there is no run, or numbers of samples differ.
    """
    seeds = sorted(runs)
    sizes = {seed: len(runs[seed].test.target) for seed in seeds}
    if len(set(sizes.values())) != 1:
        raise ValueError(
            f"{reference.dataset}/{method}: test samples by seed are {sizes}; a row needs at least "
            f"one run, and as many at each seed"
        )
    dataset = reference.dataset
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    right = []
    for seed in seeds:
        run = {"dataset": dataset, "method": method, "seed": seed}
        rows, outcomes = _points(runs[seed], reference)
        curve = _curve(runs[seed], reference)
        area = [{"mean_budget_accuracy": float(curve.mean())}] if len(curve) else []
        steps = [
            {"budget": b, "accuracy": a}
            for b, a in zip(budgets(reference), curve, strict=bool(len(curve)))
        ]
        for name, found in zip(TABLES, (area, rows, steps), strict=True):
            parts[name].append(build(found, f"row_{name}", run))
        right.append(outcomes)
    tables = {
        name: pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True)
        for name, frames in parts.items()
    }
    own = {"dataset": dataset, "method": method, "seeds": seeds, "samples": sizes[seeds[0]]}
    return Row(tables, Outcomes(tuple(seeds), ROW_POINTS, np.stack(right)), {**described, **own})


def _curve(predictions: Predictions, reference: Reference) -> np.ndarray:
    """Accuracy within each budget; empty for a network with one exit, which has no area."""
    return accuracy_within(predictions, reference) if len(predictions.macs) > 1 else np.empty(0)


def _points(predictions: Predictions, reference: Reference) -> tuple[list[dict], np.ndarray]:
    """A row for each of `ROW_POINTS`, and who was answered right there: bool [P, N].

    Thresholds are chosen on validation. `full` has no threshold: it says 1, the highest.
    """
    val, test, macs = predictions.val, predictions.test, predictions.macs
    thresholds = operating_points(val, macs, reference.macs)
    met = points_met(val, macs, reference.macs)
    rows, right = [], []
    for point in ROW_POINTS:
        threshold = thresholds.get(point, 1.0)
        index = exit_index(test.confidence, threshold)
        if point == FULL:
            index = np.full_like(index, len(macs) - 1)
        answer = select(test.prediction, index)
        cost = float(exit_shares(index, len(macs)) @ macs)
        rows.append(
            {
                "point": point,
                "threshold": threshold,
                **scores(test.target, answer),
                "mean_macs": cost,
                "relative_cost": cost / reference.macs,
                "met": int(met.get(point, True)),
            }
        )
        right.append(answer == test.target)
    return rows, np.stack(right)


def evaluation_digest() -> str:
    """Digest of what the evaluation makes of fixed predictions.

    It changes when results change, and not with the text of the code. The predictions have three
    exits and a first exit above the smallest budget, so that every rule of the evaluation is used.
    """
    samples, exits = 240, 3
    number = np.arange(samples)
    splits = []
    for shift in (1, 2):
        target = (number * 7 + shift) % 5
        confidence = ((number * 37 + 53 * shift) % 101 / 100)[None] ** (1 / (1 + np.arange(exits)))[
            :, None
        ]
        off = (number * 11 + shift) % 10 >= np.array([6, 8, 9])[:, None]
        prediction = np.where(off & (confidence < 0.97), (target + 1) % 5, target)
        splits.append(SplitPredictions(prediction, confidence.astype(np.float32), target, number))
    reference = Reference("fixed", "fixed", exits, 1000, 180, "images", tuple("abcde"))
    row = row_of({1: Predictions(*splits, np.array([180, 520, 1010]))}, reference, "fixed", {})
    digest = hashlib.sha256(np.packbits(row.outcomes.right).tobytes())
    for name in TABLES:
        digest.update(csv_text(row.tables[name]).encode())
    return digest.hexdigest()
