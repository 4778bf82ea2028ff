"""The audit of the protocols on one scene: what is trained and tested on, and how much leaks.

`audit.csv` has one row per dataset and class, made from the prepared split of one seed. Counts are
pixels; `test_overlap` is the share in [0, 1] of a class's test patches that have a pixel in common
with a training patch, empty for a class without test pixels; `in_macro_average` is 0 or 1. `patch`
is the side of a patch in pixels; `val_overlap` the share of test patches that have a pixel in
common with a validation patch; `distance` the mean pixels from a test pixel to the nearest training
pixel. An audit of an earlier version lacks these three.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cgt.records.csv_schema import read_csv, write_csv

COUNTS = ("pixels", "train", "val", "test")
FORMER = ("dataset", "class", *COUNTS, "test_overlap", "in_macro_average")
COLUMNS = (*FORMER, "patch", "val_overlap", "distance")


def write_audit(rows: Sequence[dict[str, str | int | float]], path: Path | str) -> None:
    """Write the rows of `cgt.data.audit.audit` of all protocols as CSV."""
    write_csv(pd.DataFrame(list(rows), columns=list(COLUMNS)), path)


def read_audit(path: Path | str) -> pd.DataFrame:
    """Read and check an audit.

    Raises ValueError naming the file and the fault: wrong columns, a class twice, a count that is
    no number, more pixels in the splits than there are, a share outside [0, 1], a distance below 1
    or a patch that is none.
    """
    frame = read_csv(path)
    if tuple(frame.columns) not in (COLUMNS, FORMER):
        raise ValueError(f"{path}: columns are {list(frame.columns)}, expected {list(COLUMNS)}")
    numbers = frame[list(frame.columns[2:])].apply(pd.to_numeric, errors="coerce")
    frame = pd.concat([frame[["dataset", "class"]], numbers], axis=1)
    tested = frame["test"] > 0
    faults = {
        "a class stands there twice": frame.duplicated(["dataset", "class"]),
        "a count is not a number": frame[[*COUNTS, "in_macro_average"]].isna().any(axis=1),
        "the splits hold more pixels than there are": (
            frame[["train", "val", "test"]].sum(axis=1) > frame["pixels"]
        ),
        "test_overlap is not in [0, 1]": tested & ~frame["test_overlap"].between(0, 1),
    }
    if "patch" in frame:
        faults |= {
            "patch is not an odd number": frame["patch"] % 2 != 1,
            "val_overlap is not in [0, 1]": tested & ~frame["val_overlap"].between(0, 1),
            "distance is not 1 or more": tested & ~(frame["distance"] >= 1),
        }
    for fault, rows in faults.items():
        if rows.any():
            raise ValueError(f"{path}: {fault} (row {int(rows.argmax()) + 1})")
    return frame
