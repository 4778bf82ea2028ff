"""What a change costs or saves in training time, seed by seed.

Wall-clock is never the same twice, so it has a table of its own.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cgt.analysis.ablation.effects import CELL, Cell, Frames, by_variant, pair
from cgt.analysis.statistics import estimate

COLUMNS = [
    *CELL,
    *("seconds", "epochs_per_hour"),
    *("ratio", "ci_low", "ci_high"),
    *("level_ratio", "level_ci_low", "level_ci_high"),
    "n",
]


def timing_effects(frames: Frames, cells: Sequence[Cell]) -> pd.DataFrame:
    """One row per cell: how long its runs took, and how long beside the tuned method's.

    Args:
        frames: the tables `timings` and `training`; their `method` is the name of a variant.
        cells: what is compared.

    `seconds` and `epochs_per_hour` are means over `n` seeds. `ratio` is the geometric mean of a
    run's seconds divided by those of the tuned method at the same seed; its 95 % interval is the t
    interval of the logarithms, NaN with one seed. Below 1 is faster. `level_ratio` is the same for
    the seconds until a run first reaches a level of validation accuracy, mean over the exits: the
    lower of the two runs' best.

    Raises:
        ValueError: naming the first run that is missing, or one that took no time.
    """
    seconds = _seconds(frames["timings"])
    scores = _scores(frames["training"])
    rows = []
    for cell in cells:
        took, tuned_took = pair(seconds, cell)
        courses, tuned_courses = pair(scores, cell)
        epochs = courses.map(len)
        share, tuned_share = _until_level(courses, tuned_courses)
        whole = estimate(np.log(took / tuned_took))
        level = estimate(np.log(took * share / (tuned_took * tuned_share)))
        values = (
            *(took.mean(), (3600 * epochs / took).mean()),
            *np.exp([whole.mean, whole.ci_low, whole.ci_high]),
            *np.exp([level.mean, level.ci_low, level.ci_high]),
            whole.n,
        )
        about = [cell[name] for name in CELL]
        rows.append(dict(zip(COLUMNS, [*about, *values], strict=True)))
    return pd.DataFrame(rows, columns=COLUMNS)


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
    """Validation accuracy, mean over the exits, of each epoch: an array for each run."""
    keys = ["dataset", "method", "seed"]
    means = training.groupby([*keys, "epoch"])["val_accuracy"].mean()
    return by_variant(means.groupby(keys).agg(value=np.array).reset_index())


def _until_level(*forms: pd.Series) -> list[pd.Series]:
    """Share of its epochs that each run needs to get to where all forms get at its seed."""
    level = pd.concat([courses.map(max) for courses in forms], axis=1).min(axis=1)
    return [
        courses.combine(level, lambda course, goal: (1 + np.argmax(course >= goal)) / len(course))
        for courses in forms
    ]
