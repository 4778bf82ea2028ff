"""What a change costs or saves in training time, seed by seed.

Wall-clock is never the same twice, so it has a table of its own.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cgt.analysis.ablation.effects import CELL, by_variant, pair
from cgt.analysis.statistics import estimate


def timing_effects(timings: pd.DataFrame, cells: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """One row per cell: the mean seconds of its runs, and their ratio to the tuned method's.

    Args:
        timings: the table `timings`; its `method` is the name of a variant.
        cells: mappings of `CELL`.

    `ratio` is the geometric mean over `n` seeds of a run's seconds divided by those of the tuned
    method at the same seed; its 95 % interval is the t interval of the logarithms, NaN with one
    seed. Below 1 is faster.

    Raises:
        ValueError: naming the first cell of which a seed is missing, or its tuned method's, or a
            run that took no time.
    """
    none = timings[timings["seconds"] <= 0]
    if len(none):
        run = none.iloc[0]
        raise ValueError(
            f"{run['dataset']}/{run['method']}/{run['seed']}: its seconds are {run['seconds']:g}; "
            "they must be above 0"
        )
    values = by_variant(timings.rename(columns={"seconds": "value"}))
    rows = []
    for cell in cells:
        changed, tuned = pair(values, cell)
        found = estimate(np.log(changed / tuned))
        rows.append(
            {
                **{name: cell[name] for name in CELL},
                "seconds": changed.mean(),
                "ratio": np.exp(found.mean),
                "ci_low": np.exp(found.ci_low),
                "ci_high": np.exp(found.ci_high),
                "n": found.n,
            }
        )
    return pd.DataFrame(rows, columns=[*CELL, "seconds", "ratio", "ci_low", "ci_high", "n"])
