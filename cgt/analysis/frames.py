"""Columns of every CSV of the analysis, and the only code that reads or writes one.

Exits and epochs count from 1, classes from 0, as in the labels. Shares, scores and relative costs
lie in [0, 1]; costs are multiply-accumulates of one sample. `exit_1 ... exit_E` stand at the end of
the tables that have them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cgt.records.files import write_text

FLOAT_FORMAT = "%.6f"
RUN = ("dataset", "method", "seed")
SCORES = ("accuracy", "f1_macro", "precision_macro", "recall_macro")
_TEXT = ("dataset", "method", "point", "policy", "scaling")
_INTEGER = ("seed", "exit", "other", "stage", "epoch", "macs", "bin", "class", "support")
_EXIT_SHARE = re.compile(r"exit_[1-9]\d*")


@dataclass(frozen=True)
class Table:
    """One CSV: what tells its rows apart within a run, and what they hold."""

    key: tuple[str, ...]
    values: tuple[str, ...]
    has_exit_shares: bool = False
    may_be_empty: bool = False
    """True where a run that does not route has nothing to say."""

    @property
    def columns(self) -> list[str]:
        return [*RUN, *self.key, *self.values]


TABLES = {
    "operating_points": Table(
        ("point",), ("threshold", *SCORES, "mean_macs", "relative_cost"), has_exit_shares=True
    ),
    "curves": Table(
        ("threshold",), ("accuracy", "f1_macro", "relative_cost"), has_exit_shares=True
    ),
    "exits": Table(("exit",), ("accuracy", "f1_macro", "macs")),
    "classes": Table(("point", "class"), ("support", "precision", "recall")),
    "areas": Table((), ("area",), may_be_empty=True),
    "policies": Table(("policy",), ("area",), may_be_empty=True),
    "oracle": Table(
        (), ("accuracy", "mean_macs", "relative_cost"), has_exit_shares=True, may_be_empty=True
    ),
    "overthinking": Table(("point",), ("wasteful", "destructive"), may_be_empty=True),
    "calibration": Table(("exit", "scaling"), ("temperature", "ece"), may_be_empty=True),
    "reliability": Table(
        ("exit", "scaling", "bin"), ("share", "confidence", "accuracy"), may_be_empty=True
    ),
    "training": Table(
        ("epoch", "exit"),
        (
            "train_loss",
            "val_accuracy",
            "mean_weight",
            "active_share",
            "grad_norm",
            "val_active_share",
        ),
    ),
    "gradients": Table(("epoch", "stage", "exit", "other"), ("norm", "cosine")),
    "timings": Table((), ("seconds",)),
}


def exit_columns(frame: pd.DataFrame) -> list[str]:
    """The columns `exit_1 ... exit_E` of a frame, in order."""
    return [column for column in frame.columns if _EXIT_SHARE.fullmatch(column)]


def exit_counts(exits: pd.DataFrame) -> dict[str, int]:
    """Number of exits of each method, in order of appearance, from the table `exits`."""
    return exits.groupby("method", sort=False)["exit"].max().to_dict()


def routing_exits(frames: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """Number of exits of each method that sends samples to different exits."""
    routing = set(frames["oracle"]["method"])
    return {m: count for m, count in exit_counts(frames["exits"]).items() if m in routing}


def left_early(frame: pd.DataFrame, exits: pd.DataFrame) -> pd.Series:
    """Share of samples that left before the last exit of their own network, for every row."""
    last = frame["method"].map(exit_counts(exits)).to_numpy()
    shares = frame[exit_columns(frame)].to_numpy()
    return pd.Series(1 - shares[np.arange(len(frame)), last - 1], frame.index).round(6)


def build(rows: list[dict], table: str, run: dict[str, str | int]) -> pd.DataFrame:
    """A checked table from one run's rows; what the table has no column for is left out."""
    columns = TABLES[table].columns
    frame = pd.DataFrame(rows).assign(**run) if rows else pd.DataFrame(columns=columns)
    if TABLES[table].has_exit_shares:
        columns = columns + exit_columns(frame)
    return check(frame[columns], table, "/".join(str(value) for value in run.values()))


def check(frame: pd.DataFrame, table: str, where: Path | str) -> pd.DataFrame:
    """Return the frame with its columns in order and typed.

    Raises ValueError naming `where` and the fault: missing or unknown columns, no rows where there
    must be some, a row twice, or a cell that is empty, not a finite number, or not a whole one
    where one is due.
    """
    spec = TABLES[table]
    shares = exit_columns(frame) if spec.has_exit_shares else []
    due = spec.has_exit_shares and not (spec.may_be_empty and frame.empty)
    if shares != [f"exit_{e}" for e in range(1, len(shares) + 1)] or (due and not shares):
        raise ValueError(f"{where}: exit columns are {shares}; they must be exit_1, exit_2, ...")
    expected = spec.columns + shares
    missing = [column for column in expected if column not in frame]
    unknown = [column for column in frame if column not in expected]
    if missing or unknown:
        raise ValueError(f"{where}: missing columns {missing}, unknown columns {unknown}")
    if frame.empty and not spec.may_be_empty:
        raise ValueError(f"{where}: holds no rows")
    typed = pd.DataFrame({column: _typed(frame[column], where) for column in expected})
    key = [*RUN, *spec.key]
    twice = typed.duplicated(key)
    if twice.any():
        raise ValueError(f"{where}: the row {_describe(typed.loc[twice, key])} stands there twice")
    return typed


def read_csv(path: Path | str) -> pd.DataFrame:
    """Read a CSV without checking it; text stays text, even "nan".

    Raises ValueError naming the file if it is no CSV.
    """
    text = dict.fromkeys(_TEXT, str)
    try:
        return pd.read_csv(path, dtype=text, keep_default_na=False)
    except ValueError as error:
        raise ValueError(f"{path}: not a readable CSV file ({error})") from error


def read_summary(summary_dir: Path | str) -> dict[str, pd.DataFrame]:
    """The checked tables of a summary folder by name, without the timings."""
    paths = {name: Path(summary_dir) / f"{name}.csv" for name in TABLES if name != "timings"}
    return {name: check(read_csv(path), name, path) for name, path in paths.items()}


def write_csv(frame: pd.DataFrame, path: Path | str) -> None:
    """Write atomically with a fixed float format and line end: equal frames give equal bytes."""
    write_text(path, csv_text(frame))


def csv_text(frame: pd.DataFrame) -> str:
    """A frame as CSV with a fixed float format and line end."""
    return frame.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")


def _typed(column: pd.Series, where: Path | str) -> pd.Series:
    if column.name in _TEXT:
        text = column.fillna("").astype(str)
        if (text == "").any():
            row = int(np.argmax(text == ""))
            raise ValueError(f"{where}: {column.name} is empty in row {row + 1}")
        return text
    numbers = pd.to_numeric(column, errors="coerce")
    bad = ~np.isfinite(numbers.to_numpy(dtype=float))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"{where}: {column.name} is {column.iloc[row]!r} in row {row + 1}; "
            "it must be a finite number"
        )
    if column.name not in _INTEGER:
        return numbers.astype(float)
    if np.any(numbers != np.floor(numbers)):
        raise ValueError(f"{where}: {column.name} must hold whole numbers only")
    return numbers.astype(np.int64)


def _describe(rows: pd.DataFrame) -> str:
    return ", ".join(f"{key}={value}" for key, value in rows.iloc[0].items())
