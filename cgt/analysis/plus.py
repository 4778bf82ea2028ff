"""Does our own variant win? Asked by a rule that was written down before looking.

CGT+ is compared in area to BranchyNet, and beside it to each of the paper's CGT methods, on every
dataset, paired by seed. The comparisons to one competitor, one per dataset, are a family of their
own. Their intervals are simultaneous: each has level 1 - 0.05 / m (Bonferroni, m comparisons in the
family), so all of them cover with at least 95 %. CGT+ wins on a dataset if that interval lies
wholly above 0, loses if wholly below, and wins against the competitor if it wins on at least two
datasets. Holm's p-values within the family stand beside. The verdict that counts is the one
against BranchyNet.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from cgt.analysis.comparisons import Frames, by_dataset, values
from cgt.analysis.groups import CGT, PLUS, REFERENCE
from cgt.analysis.statistics import estimate, holm, paired_difference, simultaneous
from cgt.analysis.style import order

COMPETITORS = (REFERENCE, *CGT)
WINS_NEEDED = 2
"""Datasets on which CGT+ has to win."""
COLUMNS = (
    *("dataset", "other", "difference", "ci_low", "ci_high"),
    *("corrected_low", "corrected_high", "p_value", "p_holm", "n"),
)


class Verdict(NamedTuple):
    """Datasets on which CGT+ wins and loses against a competitor, out of those compared."""

    won: int
    lost: int
    of: int

    @property
    def wins(self) -> bool:
        return self.won >= WINS_NEEDED


def has_plus(frames: Frames) -> bool:
    """Whether CGT+ was run."""
    return bool((frames["areas"]["method"] == PLUS).any())


def contest(frames: Frames) -> pd.DataFrame:
    """The table `cgt_plus`: CGT+ less each competitor in area, sorted by competitor and dataset.

    `ci_low` and `ci_high` are the plain 95 % t interval, `corrected_low` and `corrected_high` the
    simultaneous one of the competitor's family; NaN, like the p-values, with one seed. Empty if
    CGT+ was not run.
    """
    areas = values(frames, "area")
    families = [_family(areas, other) for other in COMPETITORS if {PLUS, other} <= {*areas.columns}]
    found = [family for family in families if len(family)]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(COLUMNS))


def verdicts(table: pd.DataFrame) -> dict[str, Verdict]:
    """The verdict against each competitor of a `contest`."""
    won = (table["corrected_low"] > 0).groupby(table["other"]).sum()
    lost = (table["corrected_high"] < 0).groupby(table["other"]).sum()
    compared = table["other"].value_counts()
    return {
        other: Verdict(int(won[other]), int(lost[other]), int(compared[other]))
        for other in order(table, "other")
    }


def _family(areas: pd.DataFrame, other: str) -> pd.DataFrame:
    pairs = {
        dataset: table.to_numpy().T for dataset, table in by_dataset(areas[[PLUS, other]].dropna())
    }
    tests = {
        dataset: paired_difference(*pair).p_value
        for dataset, pair in pairs.items()
        if pair.shape[1] > 1
    }
    corrected = dict(zip(tests, holm(list(tests.values())), strict=True))
    rows = []
    for dataset, (plus, rival) in pairs.items():
        found = estimate(plus - rival)
        low, high = simultaneous(plus - rival, len(tests))
        rows.append(
            {
                "dataset": dataset,
                "other": other,
                "difference": found.mean,
                "ci_low": found.ci_low,
                "ci_high": found.ci_high,
                "corrected_low": low,
                "corrected_high": high,
                "p_value": tests.get(dataset, np.nan),
                "p_holm": corrected.get(dataset, np.nan),
                "n": found.n,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))
