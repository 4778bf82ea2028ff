"""The first publication, read as a summary of today.

Its predictions are gone, so nothing can be measured on them that came later. What is special about
it is here alone, and `cgt.analysis.frames.read_summary` is the only place that asks. Once
`results/published` holds other runs, this file goes, and with it what names it: the lines there,
`lost` of `cgt.records.csv_schema.check`, and in the tables the cases of a summary without `failure`
or without a point.

- It has no table `failure`, and no point `threshold_0.9_scaled`.
- Its points at budgets are not today's: their budgets were shares of each method's own cost. They
  are left out. The points that are left have no budget, so all are met.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from cgt.operate.sweep import BUDGETS
from cgt.records.csv_schema import read_csv

LACKS = ("failure",)
"""Tables of a summary that it does not have."""
LOST = tuple(BUDGETS)
"""Points that none of its tables has."""


def is_first(summary: Path) -> bool:
    """Whether a summary folder is of the first publication: it has none of what came later."""
    later = any((summary / f"{name}.csv").is_file() for name in LACKS)
    return not later and "met" not in read_csv(summary / "operating_points.csv")


def renewed(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables of the first publication, as they stand in its files, in the form of today."""
    kept = {
        name: frame[~frame["point"].str.startswith("budget_")].reset_index(drop=True)
        for name, frame in frames.items()
        if "point" in frame
    }
    points = kept["operating_points"].assign(met=1)
    return {**frames, **kept, "operating_points": points}
