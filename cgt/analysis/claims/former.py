"""Verdicts of an earlier publication, kept beside the new ones."""

from pathlib import Path

import pandas as pd

from cgt.analysis.claims.rule import VERDICTS, conjunction

COLUMNS = ("claim", "dataset", "verdict")


def first_verdicts(claims: pd.DataFrame) -> pd.DataFrame:
    """One verdict per claim and dataset from a table `claims` of the first publication.

    Its rule: all statements of a claim together, of HardCGT and SoftCGT alike; the least favourable
    verdict counts. The columns `COLUMNS`, sorted.

    Raises:
        ValueError: if the table already has verdicts by method, or lacks a column.
    """
    if "method" in claims:
        raise ValueError(
            "this table of claims tells methods apart, which the first publication did not; its "
            "verdicts stand in verdicts.csv beside it: copy that file"
        )
    if missing := set(COLUMNS) - set(claims):
        raise ValueError(f"a table of claims has no column {', '.join(sorted(missing))}")
    by = claims.groupby(["claim", "dataset"])["verdict"]
    return by.agg(conjunction).reset_index()


def read_verdicts(path: Path | str) -> pd.DataFrame:
    """Kept verdicts. Raises ValueError naming the file and what is wrong in it."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    if tuple(frame.columns) != COLUMNS:
        raise ValueError(f"{path}: columns are {list(frame.columns)}, expected {list(COLUMNS)}")
    if unknown := sorted(set(frame["verdict"]) - set(VERDICTS)):
        raise ValueError(f"{path}: {', '.join(unknown)} is no verdict; {', '.join(VERDICTS)} are")
    if frame.duplicated(["claim", "dataset"]).any():
        raise ValueError(f"{path}: a claim and dataset stand there twice; keep one row of each")
    return frame
