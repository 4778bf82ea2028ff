"""One run's predictions -> its operating points, its curve and its exits.

Thresholds are chosen on the validation split alone; the test split only reports.

Two facts carry this module. A higher threshold sends each sample to the same or a deeper exit, and
deeper exits cost more; so cost never falls as the threshold rises, and equal cost means equal
routing. Hence the first row of a sweep that fulfils a condition is also the cheapest.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cgt.analysis.frames import RUN, build, write_csv
from cgt.analysis.metrics import accuracy, scores
from cgt.analysis.routing import exit_index, exit_shares, select
from cgt.predictions import Predictions, SplitPredictions, load_predictions

THRESHOLDS = np.unique(
    np.concatenate(
        [
            np.linspace(0, 0.99, 100),  # 0 (all leave at exit 1), 0.01, ..., 0.99
            np.round(1 - np.logspace(-2, -6, 81), 6),  # ever closer to 1, where confidences crowd
            [1.0],
        ]
    ).round(6)
)
"""The grid of every sweep: fixed, so curves of all runs share it, and exact in the CSVs.

Its last value, 1, still lets samples leave whose float32 confidence is exactly 1.
"""

FIXED = {"tau_0.9": 0.9}
BUDGETS = {"budget_25": 0.25, "budget_50": 0.50, "budget_75": 0.75}
POINTS = (*FIXED, "knee", *BUDGETS)

_ROUNDING = 1e-9  # a mean of integer costs may miss a budget it meets exactly by this much


def sweep(split: SplitPredictions, macs: np.ndarray) -> pd.DataFrame:
    """Accuracy and cost of one split at every threshold of the grid, from cheap to dear.

    Columns: threshold, accuracy, mean_macs, relative_cost, exit_1 ... exit_E.
    """
    rows = []
    for threshold in THRESHOLDS:
        answer, row = _answer(split, macs, threshold)
        rows.append({**row, "accuracy": accuracy(split.target, answer)})
    return pd.DataFrame(rows)


def choose_thresholds(val: SplitPredictions, macs: np.ndarray) -> dict[str, float]:
    """Threshold of each operating point, from validation predictions only.

    - `tau_0.9`: fixed.
    - `knee`: the cheapest whose accuracy p lies within one standard error, sqrt(p (1 - p) / N) at
      the best p, of the best.
    - `budget_25/50/75`: the most accurate (then the cheapest) whose relative cost is within the
      budget. If even the first exit costs more, there is nothing to choose: threshold 0, the
      nearest one can get.
    """
    curve = sweep(val, macs)
    threshold = curve["threshold"].to_numpy()
    right = curve["accuracy"].to_numpy()
    best = right.max()
    error = np.sqrt(best * (1 - best) / len(val.target))
    chosen = dict(FIXED)
    chosen["knee"] = float(threshold[np.argmax(right >= best - error)])
    for point, budget in BUDGETS.items():
        affordable = max(1, int(np.sum(curve["relative_cost"] <= budget + _ROUNDING)))
        chosen[point] = float(threshold[np.argmax(right[:affordable])])
    return chosen


def validation_area(predictions: Predictions) -> float:
    """Area under the best validation accuracy reachable within a cost budget; the aim of tuning.

    The mean, over 101 equally spaced budgets from the cost of the first exit to that of the full
    network, of the best accuracy among the thresholds within budget. For a network with one exit it
    is its accuracy.
    """
    curve = sweep(predictions.val, predictions.macs)
    best = np.maximum.accumulate(curve["accuracy"].to_numpy())
    cost = curve["relative_cost"].to_numpy()
    budgets = np.linspace(cost[0], 1, 101)
    within = np.searchsorted(cost, budgets + _ROUNDING, side="right") - 1
    return float(best[within].mean())


def evaluate(
    predictions: Predictions, dataset: str, method: str, seed: int
) -> dict[str, pd.DataFrame]:
    """The tables `operating_points`, `curves` and `exits` of one run, on the test split."""
    test, macs = predictions.test, predictions.macs
    chosen = choose_thresholds(predictions.val, macs)
    rows = {
        "operating_points": [{"point": p, **_measure(test, macs, chosen[p])} for p in POINTS],
        "curves": [_measure(test, macs, threshold) for threshold in THRESHOLDS],
        "exits": [
            {"exit": e, "macs": cost, **scores(test.target, answer)}
            for e, (cost, answer) in enumerate(zip(macs, test.prediction, strict=True), start=1)
        ],
    }
    run = dict(zip(RUN, (dataset, method, seed), strict=True))
    return {name: build(rows[name], name, run) for name in rows}


def evaluate_file(
    path: Path | str, dataset: str, method: str, seed: int, out_dir: Path | str
) -> None:
    """Evaluate a predictions file and write one CSV per table into `out_dir`."""
    for name, frame in evaluate(load_predictions(path), dataset, method, seed).items():
        write_csv(frame, Path(out_dir) / f"{name}.csv")


def _answer(
    split: SplitPredictions, macs: np.ndarray, threshold: float
) -> tuple[np.ndarray, dict[str, float]]:
    """Each sample's answer [N] at a threshold, and what the answers cost."""
    index = exit_index(split.confidence, threshold)
    shares = exit_shares(index, len(macs))
    mean_macs = float(shares @ macs)
    row = {"threshold": threshold, "mean_macs": mean_macs, "relative_cost": mean_macs / macs[-1]}
    row |= {f"exit_{e}": share for e, share in enumerate(shares, start=1)}
    return select(split.prediction, index), row


def _measure(split: SplitPredictions, macs: np.ndarray, threshold: float) -> dict[str, float]:
    answer, row = _answer(split, macs, threshold)
    return {**row, **scores(split.target, answer)}
