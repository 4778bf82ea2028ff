"""What a change costs or saves in training time, seed by seed.

Wall-clock is never the same twice, so it has a table of its own.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from cgt.analysis.ablation.effects import CELL, Cell, Frames, by_variant, pair
from cgt.analysis.statistics import estimate

SAVERS = {"skip_resolved": "false", "sample_deep": "0"}
"""Hyperparameters that are there to save time, and the value at which they do not.

Times of other changes would be noise.
"""
TOLERANCE = 0.005
"""How far below the baseline's best validation accuracy the level lies that is waited for."""
COLUMNS = [
    *CELL,
    "baseline",
    *("seconds", "epochs_per_hour"),
    *("ratio", "ci_low", "ci_high"),
    *("level_ratio", "level_ci_low", "level_ci_high", "level_n"),
    *("mean_budget_accuracy", "mean_budget_accuracy_ci_low", "mean_budget_accuracy_ci_high"),
    "n",
]


def timing_effects(frames: Frames, cells: Sequence[Cell]) -> pd.DataFrame:
    """One row per cell in which one of `SAVERS` is varied, compared to its `baseline`.

    That is the variant which differs in nothing but not saving time; if the study has none, the
    tuned method.

    Args:
        frames: the tables `timings`, `training` and `areas`; their `method` is the name of a
            variant.
        cells: all that there are.

    `seconds` and `epochs_per_hour` are means over `n` seeds. `ratio` is the geometric mean of a
    run's seconds divided by those of the baseline at the same seed; its 95 % interval is the t
    interval of the logarithms, NaN with one seed. Below 1 is faster. `level_ratio` is the same for
    the time until the validation accuracy, mean over the exits, comes within `TOLERANCE` of the
    baseline's best at that seed, on a straight line between validated epochs; `level_n` seeds get
    there, and where these are not all, there is no ratio (NaN). `mean_budget_accuracy` is the
    difference in area.

    Raises:
        ValueError: naming the first run that is missing, or one that took no time.
    """
    seconds = _seconds(frames["timings"])
    scores = _scores(frames["training"])
    areas = by_variant(frames["areas"].rename(columns={"mean_budget_accuracy": "value"}))
    rows = []
    for cell, baseline in _timed(cells):
        took, plain_took = pair(seconds, cell, baseline)
        courses, plain_courses = pair(scores, cell, baseline)
        level = plain_courses.map(_best) - TOLERANCE
        waited = took * courses.combine(level, _share_until)
        plain_waited = plain_took * plain_courses.combine(level, _share_until)
        until = np.log(waited / plain_waited)
        reached = int(until.notna().sum())
        # A mean over the seeds that reach the level alone would be too good.
        level_ratio = _ratio(until) if reached == len(until) else [np.nan] * 3
        values = (
            *(took.mean(), (3600 * courses.map(_epochs) / took).mean()),
            *_ratio(np.log(took / plain_took)),
            *level_ratio,
            reached,
            *_difference(areas, cell, baseline),
            len(took),
        )
        about = [*(cell[name] for name in CELL), baseline]
        rows.append(dict(zip(COLUMNS, [*about, *values], strict=True)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _timed(cells: Sequence[Cell]) -> Iterator[tuple[Cell, str]]:
    """The cells of studies that vary one of `SAVERS`, each with its baseline."""
    found, plain = [], {}
    for cell in cells:
        for key, other in (("row", "column"), ("column", "row")):
            if cell[key] in SAVERS:
                same = tuple(cell[name] for name in ("dataset", "method", key, other))
                same += (cell[f"{other}_value"],)
                found.append((cell, same))
                if cell[f"{key}_value"] == SAVERS[cell[key]]:
                    plain[same] = cell["variant"]
    for cell, same in found:
        yield cell, plain.get(same, cell["method"])


def _ratio(logarithms: pd.Series) -> np.ndarray:
    """Geometric mean of ratios and its interval, from their logarithms."""
    found = estimate(logarithms)
    return np.exp([found.mean, found.ci_low, found.ci_high])


def _difference(areas: dict, cell: Cell, baseline: str) -> tuple[float, float, float]:
    changed, plain = pair(areas, cell, baseline)
    found = estimate(changed - plain)
    return found.mean, found.ci_low, found.ci_high


def _seconds(timings: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    none = timings[timings["seconds"] <= 0]
    if len(none):
        run = none.iloc[0]
        raise ValueError(
            f"{run['dataset']}/{run['method']}/{run['seed']}: its seconds are {run['seconds']:g}; "
            "they must be above 0"
        )
    return by_variant(timings.rename(columns={"seconds": "value"}))


def _scores(training: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    """Validation accuracy, mean over the exits, by validated epoch: a dictionary for each run."""
    keys = ["dataset", "method", "seed"]
    means = training.groupby([*keys, "epoch"])["val_accuracy"].mean()
    courses = {run: of.droplevel(keys).to_dict() for run, of in means.groupby(keys)}
    value = pd.Series(courses, name="value").rename_axis(keys)
    return by_variant(value.reset_index())


def _share_until(course: dict[int, float], level: float) -> float:
    """Share of its epochs after which a course of accuracies first reaches a level, else NaN."""
    last = _epochs(course)
    before = None
    for epoch, accuracy in course.items():
        if accuracy >= level:
            if before is None:
                return epoch / last
            since, lower = before
            return (since + (level - lower) / (accuracy - lower) * (epoch - since)) / last
        before = epoch, accuracy
    return np.nan


def _best(course: dict[int, float]) -> float:
    return max(course.values())


def _epochs(course: dict[int, float]) -> int:
    return max(course)
