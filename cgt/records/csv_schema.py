"""The only code that reads, checks or writes a CSV of runs, summaries and published rows.

`check` looks at a table by itself, `check_together` at what the tables of the same runs must agree
on; both by the description in `cgt.records.csv_columns`.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cgt.records.csv_columns import COLUMNS, LARGEST, ROW_TABLES, RUN, TABLES, column_of
from cgt.records.csv_rules import contradictions, exit_columns, faults_of_rows, gaps
from cgt.records.files import write_text

FLOAT_FORMAT = "%.6f"

_DESCRIBED = {**TABLES, **ROW_TABLES}

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


def build(rows: list[dict], table: str, run: dict[str, str | int]) -> pd.DataFrame:
    """A checked table from one run's rows; what the table has no column for is left out."""
    columns = _DESCRIBED[table].columns
    frame = pd.DataFrame(rows).assign(**run) if rows else pd.DataFrame(columns=columns)
    if _DESCRIBED[table].has_exit_shares:
        columns = columns + exit_columns(frame)
    return check(frame[columns], table, "/".join(str(value) for value in run.values()))


def check(
    frame: pd.DataFrame, table: str, where: Path | str, lost: Collection[str] = ()
) -> pd.DataFrame:
    """Return the frame with its columns in order and typed.

    lost: values of keys, such as points, that a run need not have.

    Raises ValueError naming `where` and the fault, with its column and row or key: a former name,
    missing or unknown columns, no rows where there must be some, a row twice, a cell that is empty,
    not a finite number, not a whole one where one is due or out of its range, or keys of a run
    that are not complete.
    """
    refuse_former_names(frame, where)
    spec = _DESCRIBED[table]
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
    for column in expected:
        _refuse_outside(typed[column], where)
    for fault, rows in faults_of_rows(typed, table, shares):
        if rows.any():
            raise ValueError(f"{where}: {fault} in the row {_describe(typed.loc[rows, key])}")
    for gap in gaps(typed, table, lost):
        raise ValueError(f"{where}: {gap}")
    return typed


def check_together(
    frames: Mapping[str, pd.DataFrame], where: Callable[[str, tuple[str, str, int]], str]
) -> None:
    """Refuse tables of the same runs that contradict each other.

    frames: checked tables by name; those that are absent are not asked. where: how messages
    begin, given the table and the run.

    Raises:
        ValueError: naming the table, the run and the fault: a run, an exit or an epoch that one
            table has and another lacks, scores of a threshold that differ, other test samples than
            those of another method.
    """
    for table, run, fault in contradictions(frames):
        raise ValueError(f"{where(table, run)}: {fault}")


def read_csv(path: Path | str) -> pd.DataFrame:
    """Read a CSV without checking it; text stays text, even "nan".

    Raises ValueError naming the file if it is no CSV.
    """
    text = {name: str for name, column in COLUMNS.items() if column.text is not None}
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
    known = column_of(column.name)
    if known.text is not None:
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
    if not known.whole:
        return numbers.astype(float)
    if np.any(numbers != np.floor(numbers)):
        raise ValueError(f"{where}: {column.name} must hold whole numbers only")
    if np.any(numbers.abs() >= LARGEST):
        raise ValueError(f"{where}: {column.name} must be below 2^53")
    return numbers.astype(np.int64)


def _refuse_outside(column: pd.Series, where: Path | str) -> None:
    known = column_of(column.name)
    if known.text is not None:
        good = column.str.fullmatch(known.text)
    else:
        values = column.round(6)  # as they stand in the file
        good = (values > known.low if known.above else values >= known.low) & (values <= known.high)
    if not good.all():
        row = int(np.argmax(~good))
        raise ValueError(
            f"{where}: {column.name} is {column.iloc[row]!s} in row {row + 1}; "
            f"it must {known.allowed}"
        )


def _describe(rows: pd.DataFrame) -> str:
    return ", ".join(f"{key}={value}" for key, value in rows.iloc[0].items())
