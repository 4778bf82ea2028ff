"""Accuracy and cost of every threshold at once, and the thresholds chosen from them.

Thresholds are chosen on the validation split alone; the test split only reports.

A sample goes on past exit e if its confidence stayed below the threshold at exits 1 ... e. So the
mean of any quantity v at the exit used is the mean of v_1, plus, for each early exit e, the mean of
v_(e+1) - v_e over those that go on. These are counted for all thresholds at once: a histogram of
the confidences over the grid, summed up.

Worked example: two exits that cost 20 and 100, three samples with confidences 0.3, 0.6 and 0.9 at
exit 1, which is right about the last two; exit 2 is right about all. At threshold 0.5 the first
sample goes on: accuracy 3/3, cost (100 + 20 + 20) / 3. At 0.7 two go on: accuracy 3/3, cost
(100 + 100 + 20) / 3. At 0 none does: accuracy 2/3, cost 20.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cgt.records.csv_columns import SCALED
from cgt.records.predictions import SplitPredictions

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

FIXED = {"threshold_0.9": 0.9}
"""Thresholds that nobody chooses; the one that the paper reports."""
FIXED_SCALED = {SCALED: 0.9}
"""The same on confidences scaled by temperature, of runs that have these."""
BUDGETS = {"budget_10": 0.10, "budget_25": 0.25, "budget_50": 0.50}
"""Budgets of the operating points, as shares of the cost of the dataset's single-exit network."""
POINTS = ("one_se", *BUDGETS, *FIXED)

_ROUNDING = 1 + 1e-9  # a mean of integer costs may miss a budget that it meets exactly
_CELLS = 200_000  # of the grid of thresholds per exit


class Sweep(NamedTuple):
    """What each threshold of a grid gives.

    With one threshold for all exits, accuracy and cost are [T]; with one for each of the E-1 early
    exits they have E-1 axes of T, in the order of the exits.
    """

    accuracy: np.ndarray
    """In [0, 1]."""
    cost: np.ndarray
    """Mean cost of a sample, in the unit that the sweep was asked for."""
    thresholds: np.ndarray = THRESHOLDS
    """Those along each axis, [T], rising."""


def sweep_shared(split: SplitPredictions, macs: np.ndarray, reference: float = 1) -> Sweep:
    """One threshold for all exits, those of `THRESHOLDS`.

    Args:
        split: N samples at E exits.
        macs: [E], multiply-accumulates of a sample that leaves at each exit.
        reference: costs are divided by it: that of a network, for relative costs; by default they
            are multiply-accumulates.
    """
    return shared_curve(split.confidence, split.prediction == split.target, macs, reference)


def sweep_per_exit(split: SplitPredictions, macs: np.ndarray, reference: float = 1) -> Sweep:
    """A threshold for each early exit, all combinations; arguments as for `sweep_shared`."""
    return per_exit_curve(split.confidence, split.prediction == split.target, macs, reference)


def shared_curve(
    confidence: np.ndarray, right: np.ndarray, macs: np.ndarray, reference: float = 1
) -> Sweep:
    """`sweep_shared` on arrays: confidence in [0, 1] and right bool, both [E, N]; macs [E]."""
    # Past exit e at one shared threshold: the largest confidence so far is below it.
    levels = np.maximum.accumulate(_levels(confidence[:-1], THRESHOLDS), axis=0)
    size = len(THRESHOLDS)

    def mean(values: np.ndarray) -> np.ndarray:
        total = np.full(size, values[0].sum(), dtype=float)
        for level, step in zip(levels, np.diff(values, axis=0), strict=True):
            total += _going_on(level[None], step, size)
        return total / values.shape[1]

    return _curve(right, macs, reference, mean, THRESHOLDS)


def per_exit_curve(
    confidence: np.ndarray, right: np.ndarray, macs: np.ndarray, reference: float = 1
) -> Sweep:
    """`sweep_per_exit` on arrays, as for `shared_curve`.

    Every axis has the thresholds of `THRESHOLDS`; with many exits, evenly thinned ones, the first
    and the last among them.
    """
    early = len(macs) - 1
    size = len(THRESHOLDS)
    if size**early > _CELLS:
        size = max(2, int(_CELLS ** (1 / early)))
    grid = THRESHOLDS[np.linspace(0, len(THRESHOLDS) - 1, size).round().astype(int)]
    levels = _levels(confidence[:-1], grid)

    def mean(values: np.ndarray) -> np.ndarray:
        total = np.full((size,) * early, values[0].sum(), dtype=float)
        for e, step in enumerate(np.diff(values, axis=0), start=1):
            part = _going_on(levels[:e], step, size)
            total += part.reshape(part.shape + (1,) * (early - e))
        return total / values.shape[1]

    return _curve(right, macs, reference, mean, grid)


def best_within(curve: Sweep, budgets: np.ndarray) -> np.ndarray:
    """Flat index into the grid of the most accurate threshold within each budget [B].

    Budgets are in the unit of the curve's cost. Of equally accurate thresholds the cheapest, of
    equally cheap ones the lowest. If even the cheapest costs more than the budget (see `is_met`),
    there is nothing to choose: it is the nearest one can get.
    """
    order = np.argsort(curve.cost, axis=None, kind="stable")
    cost, right = curve.cost.ravel()[order], curve.accuracy.ravel()[order]
    best = np.maximum.accumulate(right)
    is_record = np.concatenate([[True], right[1:] > best[:-1]])
    holder = np.maximum.accumulate(np.where(is_record, np.arange(len(right)), 0))
    within = np.searchsorted(cost, np.asarray(budgets) * _ROUNDING, side="right") - 1
    return order[holder[np.maximum(within, 0)]]


def is_met(curve: Sweep, budgets: np.ndarray) -> np.ndarray:
    """Whether some threshold of the curve costs no more than each budget [B]: bool [B]."""
    return curve.cost.min() <= np.asarray(budgets) * _ROUNDING


def cheapest(curve: Sweep, least: float) -> int | None:
    """Flat index into the grid of the cheapest threshold that is at least so accurate.

    Of equally cheap ones the most accurate, of equally accurate ones the lowest. None if there is
    none.
    """
    accuracy, cost = curve.accuracy.ravel(), curve.cost.ravel()
    enough = np.flatnonzero(accuracy >= least)
    if len(enough) == 0:
        return None
    return int(enough[np.lexsort((-accuracy[enough], cost[enough]))[0]])


def one_se(curve: Sweep, samples: int) -> int:
    """Flat index into the grid of the one-standard-error point, the knee of a curve.

    The cheapest threshold whose accuracy lies within one standard error of the best accuracy p,
    sqrt(p (1 - p) / N), with N samples. Source: Breiman et al., Classification and Regression
    Trees, 1984, where the rule chooses the size of a tree.
    """
    best = curve.accuracy.max()
    index = cheapest(curve, best - np.sqrt(best * (1 - best) / samples))
    assert index is not None  # the best is within an error of itself
    return index


def operating_points(val: SplitPredictions, macs: np.ndarray, reference: float) -> dict[str, float]:
    """Threshold of each operating point of the benchmark, from validation predictions only.

    macs: [E]; reference: multiply-accumulates of the dataset's single-exit network.

    - `one_se`: the function of this name.
    - `budget_10/25/50`: the most accurate (then the cheapest) whose cost is within that share of
      the reference, as in `best_within`; where nothing is, the cheapest (see `points_met`).
    - `threshold_0.9`: fixed.
    """
    curve = sweep_shared(val, macs, reference)
    within = best_within(curve, np.array(list(BUDGETS.values())))
    indices = [one_se(curve, len(val.target)), *within]
    return dict(zip(("one_se", *BUDGETS), THRESHOLDS[indices].tolist(), strict=True)) | FIXED


def points_met(val: SplitPredictions, macs: np.ndarray, reference: float) -> dict[str, bool]:
    """Whether each of the `operating_points` is within its budget on validation; same arguments.

    A point without a budget always is.
    """
    met = is_met(sweep_shared(val, macs, reference), np.array(list(BUDGETS.values())))
    return dict.fromkeys(POINTS, True) | dict(zip(BUDGETS, met.tolist(), strict=True))


def _levels(confidence: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """How many thresholds of the grid each confidence reaches."""
    # Compared in the precision of the confidences, as in `routing.exit_index`.
    return np.searchsorted(grid.astype(confidence.dtype), confidence, side="right")


def _going_on(levels: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Sum of the values of the samples that stay below every exit's threshold.

    levels [d, N], values [N] -> an array with d axes of `size` thresholds. Whole numbers below
    2^53, such as hits and costs, are summed exactly.
    """
    shape = (size,) * len(levels)
    inside = np.all(levels < size, axis=0)  # the others reach the highest threshold somewhere
    cell = np.ravel_multi_index(tuple(levels[:, inside]), shape)
    table = np.bincount(cell, values[inside], minlength=size ** len(levels)).reshape(shape)
    for axis in range(len(levels)):
        table = table.cumsum(axis=axis)
    return table


def _curve(
    right: np.ndarray,
    macs: np.ndarray,
    reference: float,
    mean: Callable[[np.ndarray], np.ndarray],
    thresholds: np.ndarray,
) -> Sweep:
    cost = np.broadcast_to(macs[:, None], right.shape)
    return Sweep(mean(right.astype(np.int64)), mean(cost) / reference, thresholds)
