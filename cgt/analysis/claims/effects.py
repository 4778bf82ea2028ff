"""What the statements measure: one number per seed, from the summary tables.

An effect takes the tables, a dataset, a method and its competitor (None for a statement about the
method alone) and returns one number for each seed that both have; none if either was not run.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from cgt.analysis.comparisons import POINT
from cgt.analysis.frames import Frames, left_early
from cgt.analysis.training_signal import last_exit_share

Measure = Callable[[Frames], pd.Series]
"""From the tables to a number for every (dataset, method, seed)."""
Effect = Callable[[Frames, str, str, str | None], np.ndarray]

TOLERANCE = 0.005
"""How far below the lower of the two best accuracies "equal accuracy" lies."""
NEAR_COST = 0.02
"""How close relative costs of exits have to be, to count as the same."""
_RUN = ["dataset", "method", "seed"]


def at_point(column: str) -> Measure:
    """A column of the operating points, at the paper's point; nothing where no run has it."""

    def measure(frames: Frames) -> pd.Series:
        points = _points(frames).set_index(_RUN)
        # No network may have as many exits as the paper's.
        return points[column] if column in points else points["accuracy"].iloc[:0]

    return measure


def same_exits(
    costs: Sequence[float] | None, near: float = NEAR_COST
) -> Callable[[Frames, str, str], bool]:
    """Whether networks have as many exits as `costs`, at these relative costs.

    Such an answer is for a dataset and a method; all runs have to agree. None: never.
    """

    def answer(frames: Frames, dataset: str, method: str) -> bool:
        exits = frames["exits"]
        own = exits[(exits["dataset"] == dataset) & (exits["method"] == method)]
        if costs is None or own.empty or sorted(set(own["exit"])) != [*range(1, len(costs) + 1)]:
            return False
        due = own["exit"].map(dict(enumerate(costs, start=1)))
        return bool(((own["relative_cost"] - due).abs() <= near).all())

    return answer


def early(frames: Frames) -> pd.Series:
    """Share of samples that leave before the last exit."""
    points = _points(frames)
    return points.assign(early=left_early(points, frames["exits"])).set_index(_RUN)["early"]


def overthinking(column: str) -> Measure:
    """`wasteful` or `destructive`, at the paper's point."""

    def measure(frames: Frames) -> pd.Series:
        frame = frames["overthinking"]
        return frame[frame["point"] == POINT].set_index(_RUN)[column]

    return measure


def first_exit(frames: Frames) -> pd.Series:
    """Accuracy of exit 1 on all test samples."""
    exits = frames["exits"]
    return exits[exits["exit"] == 1].set_index(_RUN)["accuracy"]


def starvation(column: str) -> Measure:
    """The last exit's part of a column of `training`, in the last third of the epochs."""
    return lambda frames: last_exit_share(frames["training"], column)


def difference(measure: Measure) -> Effect:
    """The method's number minus the competitor's."""
    return _paired(measure, np.subtract)


def ratio(measure: Measure) -> Effect:
    """The method's number divided by the competitor's."""
    return _paired(measure, np.divide)


def level(measure: Measure) -> Effect:
    """The method's own number."""

    def effect(frames: Frames, dataset: str, method: str, _: str | None) -> np.ndarray:
        return _of_seeds(measure(frames), dataset, method).to_numpy()

    return effect


def cost_at_equal_accuracy(
    frames: Frames, dataset: str, method: str, other: str | None
) -> np.ndarray:
    """Relative cost of the method minus the competitor's, where both are equally accurate.

    Cost: the smallest on the run's test curve whose accuracy reaches the target. Target, seed by
    seed: the lower of the two curves' best accuracies, less `TOLERANCE`. This describes the curves;
    no threshold is chosen by it.
    """
    curves = frames["curves"]
    curves = curves[curves["dataset"] == dataset]
    pair = [
        dict(list(curves[curves["method"] == name].groupby("seed"))) for name in (method, other)
    ]
    differences = []
    for seed in sorted(pair[0].keys() & pair[1].keys()):
        a, b = (curves_of[seed] for curves_of in pair)
        target = min(a["accuracy"].max(), b["accuracy"].max()) - TOLERANCE
        differences.append(_cheapest(a, target) - _cheapest(b, target))
    return np.array(differences)


def _cheapest(curve: pd.DataFrame, target: float) -> float:
    return curve.loc[curve["accuracy"] >= target, "relative_cost"].min()


def _paired(measure: Measure, compare: np.ufunc) -> Effect:
    def effect(frames: Frames, dataset: str, method: str, other: str | None) -> np.ndarray:
        values = measure(frames)
        a, b = _of_seeds(values, dataset, method).align(
            _of_seeds(values, dataset, other), join="inner"
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            compared = compare(a.to_numpy(), b.to_numpy())
        # A ratio to 0 is left out; n is the number of seeds that remain.
        return compared[np.isfinite(compared)]

    return effect


def _points(frames: Frames) -> pd.DataFrame:
    points = frames["operating_points"]
    return points[points["point"] == POINT]


def _of_seeds(values: pd.Series, dataset: str, method: str | None) -> pd.Series:
    """One run's number for each seed, seeds in order."""
    rows = values.index.to_frame()
    chosen = (rows["dataset"] == dataset) & (rows["method"] == method)
    return values[chosen.to_numpy()].droplevel(["dataset", "method"]).sort_index()
