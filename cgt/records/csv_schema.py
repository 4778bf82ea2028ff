"""Columns of every CSV that runs and summaries have, and the only code that reads or writes one.

Exits and epochs count from 1, classes from 0, as in the labels. Shares and scores lie in [0, 1].
Costs are multiply-accumulates of one sample. A relative cost is divided by the cost of the
dataset's single-exit network (`cgt.records.reference`), the same for all methods: it is above 0,
and may be a little above 1 for a network with heads. `exit_1 ... exit_E` stand at the end of the
tables that have them.

Two quantities in words:

- `mean_eligibility` of an exit: mean over the training samples of an epoch of how far the gates
  before the exit let a sample through, in [0, 1]; 1 without gates. `val_mean_eligibility`: the same
  of the validation samples at the end of the epoch.
- `mean_budget_accuracy`, "area" in prose: test accuracy averaged over budgets of cost, see
  `cgt.operate.area`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cgt.records.files import write_text

FLOAT_FORMAT = "%.6f"
RUN = ("dataset", "method", "seed")
SCORES = ("accuracy", "f1_macro", "precision_macro", "recall_macro")
_TEXT = ("dataset", "method", "point", "exit_rule", "scaling")
_INTEGER = ("seed", "exit", "other", "stage", "epoch", "macs", "bin", "class", "support")
_EXIT_SHARE = re.compile(r"exit_[1-9]\d*")


@dataclass(frozen=True)
class Table:
    """One CSV: the key of its rows within a run, and what they hold."""

    key: tuple[str, ...]
    values: tuple[str, ...]
    has_exit_shares: bool = False
    may_be_empty: bool = False
    """True where a run that does not route has no rows."""

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
    "exits": Table(("exit",), ("accuracy", "f1_macro", "macs", "relative_cost")),
    "classes": Table(("point", "class"), ("support", "precision", "recall")),
    "areas": Table((), ("mean_budget_accuracy",), may_be_empty=True),
    "exit_rules": Table(("exit_rule",), ("mean_budget_accuracy",), may_be_empty=True),
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
            "mean_eligibility",
            "grad_norm",
            "val_mean_eligibility",
        ),
    ),
    "gradients": Table(("epoch", "stage", "exit", "other"), ("norm", "cosine")),
    "timings": Table((), ("seconds",)),
}

FORMER_FILES = {"policies.csv": "exit_rules.csv"}
FORMER_COLUMNS = {
    "active_share": "mean_eligibility",
    "val_active_share": "val_mean_eligibility",
    "area": "mean_budget_accuracy",
    "area_ci_low": "mean_budget_accuracy_ci_low",
    "area_ci_high": "mean_budget_accuracy_ci_high",
    "policy": "exit_rule",
    "detectable": "mde",
    "told": "sufficient",
    "wide_low": "ci_low_bonferroni",
    "wide_high": "ci_high_bonferroni",
}
FORMER_VALUES = {
    "point": {"knee": "one_se", "tau_0.9": "threshold_0.9"},
    "metric": {"area": "mean_budget_accuracy", "accuracy_tau_0.9": "accuracy_threshold_0.9"},
}
"""Names of columns and values in files of an earlier version, and what they are called now."""


def refuse_former_names(frame: pd.DataFrame, where: Path | str) -> None:
    """Raise ValueError naming `where` and the new name if a column or a value has a former one."""
    found = {old: new for old, new in FORMER_COLUMNS.items() if old in frame}
    for column in FORMER_VALUES.keys() & set(frame):
        there = set(frame[column])
        found |= {old: new for old, new in FORMER_VALUES[column].items() if old in there}
    if found:
        names = ", ".join(f"{old} is called {new} now" for old, new in found.items())
        raise ValueError(
            f"{where}: written by an earlier version: {names}; run again to rewrite it"
        )


def exit_columns(frame: pd.DataFrame) -> list[str]:
    """The columns `exit_1 ... exit_E` of a frame, in order."""
    return [column for column in frame.columns if _EXIT_SHARE.fullmatch(column)]


def build(rows: list[dict], table: str, run: dict[str, str | int]) -> pd.DataFrame:
    """A checked table from one run's rows; what the table has no column for is left out."""
    columns = TABLES[table].columns
    frame = pd.DataFrame(rows).assign(**run) if rows else pd.DataFrame(columns=columns)
    if TABLES[table].has_exit_shares:
        columns = columns + exit_columns(frame)
    return check(frame[columns], table, "/".join(str(value) for value in run.values()))


def check(frame: pd.DataFrame, table: str, where: Path | str) -> pd.DataFrame:
    """Return the frame with its columns in order and typed.

    Raises ValueError naming `where` and the fault: a former name, missing or unknown columns, no
    rows where there must be some, a row twice, or a cell that is empty, not a finite number, or not
    a whole one where one is due.
    """
    refuse_former_names(frame, where)
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
