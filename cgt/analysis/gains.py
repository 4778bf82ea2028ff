"""What another exit rule gains over the usual one: one threshold on the method's own confidence."""

import pandas as pd

from cgt.analysis.statistics import over_seeds
from cgt.records.csv_schema import RUN

USUAL = "shared"
RULES = ("per_exit", "entropy", "margin", "temperature")
"""The other rules, in order of display."""


def gains(areas: pd.DataFrame) -> pd.DataFrame:
    """Area under each rule minus that under the usual one, on the same trained networks.

    One row per dataset, method and rule of the table `exit_rules`: the `Estimate` of the difference
    over seeds, paired by seed. Rules that do not apply to a method get no row.
    """
    usual = areas[areas["exit_rule"] == USUAL]
    paired = areas.merge(usual, on=list(RUN), suffixes=("", "_usual"))
    paired = paired[paired["exit_rule"].isin(RULES)]
    other, shared = (paired[f"mean_budget_accuracy{of}"] for of in ("", "_usual"))
    paired = paired.assign(gain=other - shared)
    return over_seeds(paired, ["dataset", "method", "exit_rule"], ["gain"])
