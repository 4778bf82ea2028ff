"""How small a true difference between two methods this number of seeds can detect."""

import itertools

import numpy as np
import pandas as pd

from cgt.analysis.comparisons import METRICS, by_dataset, values
from cgt.analysis.frames import Frames
from cgt.analysis.statistics import detectable_difference, pairs_needed

SMALL = 0.003
"""The difference that the seeds should be able to detect."""
COLUMNS = (
    *("dataset", "metric", "method_a", "method_b"),
    *("sd_paired", "n", "mde", "n_needed", "sufficient"),
)


def power(frames: Frames) -> pd.DataFrame:
    """The table `power`, one row per dataset, metric and pair of methods, as in `comparisons`.

    - `sd_paired`: standard deviation (ddof 1) of the differences, paired by seed over `n` seeds;
    - `mde`, the minimum detectable effect: the smallest true difference that a paired t test at
      5 % finds with 80 % probability, before Holm's correction;
    - `n_needed`: the smallest number of seeds with which `SMALL` is detectable;
    - `sufficient`: 1 if the seeds there are suffice for that, else 0.

    With one seed nothing is known of the noise: `mde` is NaN, `n_needed` empty, `sufficient` 0.
    """
    rows = []
    for metric in METRICS:
        for dataset, table in by_dataset(values(frames, metric)):
            for b, a in itertools.combinations(table.columns, 2):
                differences = (table[a] - table[b]).dropna()
                if len(differences):
                    pair = {"dataset": dataset, "metric": metric, "method_a": a, "method_b": b}
                    rows.append(pair | _power(differences))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"n": int, "n_needed": "Int64", "sufficient": int})


def _power(differences: pd.Series) -> dict[str, float | int | None]:
    n, sd = len(differences), float(differences.std(ddof=1))
    mde = detectable_difference(sd, n)
    return {
        "sd_paired": sd,
        "n": n,
        "mde": mde,
        "n_needed": None if np.isnan(sd) else pairs_needed(SMALL, sd),
        "sufficient": int(mde <= SMALL),
    }
