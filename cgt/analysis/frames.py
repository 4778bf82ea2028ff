"""Questions about the summary's tables that several parts of the analysis ask."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cgt.analysis.first_publication import LACKS, LOST, is_first, renewed
from cgt.records.csv_schema import (
    FORMER_FILES,
    TABLES,
    check,
    check_together,
    exit_columns,
    read_csv,
)

Frames = Mapping[str, pd.DataFrame]
"""The checked tables of a summary, by name."""
SAMPLED = "sample_intervals"
"""A further table, which is not in every summary: see `cgt.analysis.sample_intervals`."""


def read_summary(summary_dir: Path | str) -> dict[str, pd.DataFrame]:
    """The checked tables of a summary folder by name, without the timings.

    Of the first publication without what it lacks, see `cgt.analysis.first_publication`.

    Raises:
        ValueError: naming the file and what is wrong in it, or the new name of an old file.
    """
    paths = {name: Path(summary_dir) / f"{name}.csv" for name in TABLES if name != "timings"}
    for old, new in FORMER_FILES.items():
        former = Path(summary_dir) / old
        if former.is_file() and not (Path(summary_dir) / new).is_file():
            raise ValueError(f"{former}: this file is called {new} now; gather the runs again")
    lost: tuple[str, ...] = ()
    if first := is_first(Path(summary_dir)):
        paths, lost = {name: path for name, path in paths.items() if name not in LACKS}, LOST
    found = {name: read_csv(path) for name, path in paths.items()}
    found = renewed(found) if first else found
    frames = {name: check(frame, name, paths[name], lost) for name, frame in found.items()}
    check_together(frames, lambda table, run: f"{paths[table]}: {'/'.join(map(str, run))}")
    sampled = Path(summary_dir) / f"{SAMPLED}.csv"
    if sampled.is_file():  # the first publication has none: its predictions are gone
        frames[SAMPLED] = pd.read_csv(sampled)
    return frames


def exit_counts(exits: pd.DataFrame) -> dict[str, int]:
    """Number of exits of each method, in order of appearance, from the table `exits`.

    Where a method's networks differ from dataset to dataset, the largest number.
    """
    return exits.groupby("method", sort=False)["exit"].max().to_dict()


def routing_exits(frames: Frames) -> dict[str, int]:
    """Number of exits of each method that sends samples to different exits."""
    routing = set(frames["oracle"]["method"])
    return {m: count for m, count in exit_counts(frames["exits"]).items() if m in routing}


def gated_exits(frames: Frames) -> dict[str, int]:
    """Number of exits of each method that kept samples from some exit in training.

    These are the methods whose mean eligibility is below 1 anywhere in the table `training`.
    """
    training = frames["training"]
    shares = training[["mean_eligibility", "val_mean_eligibility"]].min(axis=1)
    gated = set(training.loc[shares < 1, "method"])
    return {m: count for m, count in exit_counts(frames["exits"]).items() if m in gated}


def last_exits(frame: pd.DataFrame, exits: pd.DataFrame) -> pd.Series:
    """The last exit, from 1, of the network of every row: of its dataset and method."""
    keys = ["dataset", "method"]
    last = exits.groupby(keys)["exit"].max().rename("last")
    return frame[keys].join(last, on=keys)["last"]


def left_early(frame: pd.DataFrame, exits: pd.DataFrame) -> pd.Series:
    """Share of samples that left before the last exit of their own network, for every row.

    The other reading of leaving early is `left_first`.
    """
    last = last_exits(frame, exits).to_numpy()
    shares = frame[exit_columns(frame)].to_numpy()
    return pd.Series(1 - shares[np.arange(len(frame)), last - 1], frame.index).round(6)


def left_first(points: pd.DataFrame) -> pd.Series:
    """Share of samples that left at exit 1, for every row; 1 where a network has no other exit.

    The other reading of leaving early is `left_early`.
    """
    return points["exit_1"]
