"""Who gets the training signal: thirds of the training, and the exits' parts of a sum."""

from typing import Literal

import numpy as np
import pandas as pd

from cgt.records.csv_schema import RUN

Third = Literal["first", "last"]


def third(frame: pd.DataFrame, which: Third = "last") -> pd.DataFrame:
    """Rows about the first or last third of each dataset's epochs; epochs count from 1.

    Of ten epochs these are 1 ... 3 and 8 ... 10; of one epoch, both are that epoch. A row speaks of
    the epochs since its run's row before; a column `epochs` is added that says how many of these
    lie in the third, above 0.
    """
    epochs = frame.groupby("dataset")["epoch"].transform("max")
    length = (epochs // 3).clip(lower=1)
    start = 0 if which == "first" else epochs - length
    since = _since(frame)
    inside = np.minimum(frame["epoch"], start + length) - np.maximum(since, start)
    return frame.assign(epochs=inside)[inside > 0]


def _since(frame: pd.DataFrame) -> pd.Series:
    """Each row's epoch before: of its run's row before. A run's first steps are alike."""
    runs = frame[[*RUN, "epoch"]].drop_duplicates().sort_values("epoch")
    before = runs.groupby(list(RUN))["epoch"].shift()
    # Gradients may begin late, where no stage learns at first.
    after = runs.groupby(list(RUN))["epoch"].shift(-1).fillna(2 * runs["epoch"])
    runs["since"] = before.fillna((2 * runs["epoch"] - after).clip(lower=0)).astype(int)
    return frame.merge(runs, how="left").set_axis(frame.index)["since"]


def last_exit_share(frame: pd.DataFrame, column: str, which: Third = "last") -> pd.Series:
    """The last exit's part of a column summed over exits and a third of the epochs, in [0, 1].

    Indexed by dataset, method and seed, in order of appearance; NaN where the sum is 0. `frame`
    holds one row per run, validated epoch and exit, and the column is not negative. A row counts as
    often as the epochs it speaks of.
    """
    rows = third(frame, which)
    rows = rows.assign(**{column: rows[column] * rows["epochs"]})
    sums = rows.groupby([*RUN, "exit"], sort=False)[column].sum()
    by_run = sums.groupby(level=list(RUN), sort=False)
    return by_run.last() / by_run.sum()
