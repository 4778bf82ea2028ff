"""Who gets the training signal: thirds of the training, and the exits' parts of a sum."""

from typing import Literal

import pandas as pd

from cgt.records.csv_schema import RUN

Third = Literal["first", "last"]


def third(frame: pd.DataFrame, which: Third = "last") -> pd.DataFrame:
    """Rows of the first or last third of each dataset's epochs; epochs count from 1.

    Of ten epochs these are 1 ... 3 and 8 ... 10; of one epoch, both are that epoch.
    """
    epochs = frame.groupby("dataset")["epoch"].transform("max")
    length = (epochs // 3).clip(lower=1)
    keep = frame["epoch"] <= length if which == "first" else frame["epoch"] > epochs - length
    return frame[keep]


def last_exit_share(frame: pd.DataFrame, column: str, which: Third = "last") -> pd.Series:
    """The last exit's part of a column summed over exits and a third of the epochs, in [0, 1].

    Indexed by dataset, method and seed, in order of appearance; NaN where the sum is 0. `frame`
    holds one row per run, epoch and exit, and the column is not negative.
    """
    sums = third(frame, which).groupby([*RUN, "exit"], sort=False)[column].sum()
    by_run = sums.groupby(level=list(RUN), sort=False)
    return by_run.last() / by_run.sum()
