"""Does a new run of the benchmark agree with the published one?"""

from pathlib import Path

import numpy as np
import pandas as pd

from cgt.analysis.claims import verdicts
from cgt.analysis.frames import Frames, read_summary
from cgt.analysis.statistics import over_seeds
from cgt.records.csv_schema import TABLES

METRICS = ("accuracy", "f1_macro", "relative_cost")
CURVE = "curve"
"""Stands for an operating point where a number sums up a whole curve."""

_KEY = ["dataset", "method", "point", "metric"]
_ROUNDING = 1e-6  # the last digit of the CSVs


def compare(new_summary: Path | str, published_summary: Path | str) -> pd.DataFrame:
    """Compare two summary folders, number by number.

    One row per dataset, method, operating point and metric, and one for the area of each curve: the
    mean over seeds on both sides, `published_ci_low` and `published_ci_high` (95 % t interval), and
    `verdict`:

    - `agrees`: the new mean lies within the published interval (of one seed: is the same number);
    - `differs`: it does not;
    - `only new`, `only published`: the other side lacks it.
    """
    new, published = map(_means, _both(new_summary, published_summary))
    both = published.merge(new, on=_KEY, how="outer", suffixes=("_published", "_new"), sort=True)
    low = both["ci_low_published"].fillna(both["mean_published"])
    high = both["ci_high_published"].fillna(both["mean_published"])
    inside = both["mean_new"].between(low - _ROUNDING, high + _ROUNDING)
    verdict = np.select(
        [both["mean_published"].isna(), both["mean_new"].isna(), inside],
        ["only new", "only published", "agrees"],
        "differs",
    )
    return both[_KEY].assign(
        published=both["mean_published"],
        published_ci_low=both["ci_low_published"],
        published_ci_high=both["ci_high_published"],
        published_n=both["n_published"].astype("Int64"),
        new=both["mean_new"],
        new_n=both["n_new"].astype("Int64"),
        verdict=verdict,
    )


def compare_verdicts(new_summary: Path | str, published_summary: Path | str) -> pd.DataFrame:
    """Do the paper's claims get the same verdicts from two summary folders?

    One row per claim, method and dataset: the verdict that today's rule gives on both sides, empty
    where it was not run, and whether it `agrees` or `differs`.
    """
    keys = ["claim", "method", "dataset"]
    new, published = map(_verdicts, _both(new_summary, published_summary))
    rows = [
        {
            **dict(zip(keys, key, strict=True)),
            "published": published.get(key, ""),
            "new": new.get(key, ""),
        }
        for key in sorted({*new, *published})
    ]
    table = pd.DataFrame(rows, columns=[*keys, "published", "new"])
    same = table["published"] == table["new"]
    return table.assign(verdict=np.where(same, "agrees", "differs"))


def _both(new_summary: Path | str, published_summary: Path | str) -> list[Frames]:
    """The tables of both sides. Raises ValueError saying what to do if one has none."""
    remedies = {
        new_summary: "run `make` first, which makes the runs and gathers them there",
        published_summary: "get it back with git, or name the folder of a published summary",
    }
    for folder, remedy in remedies.items():
        if not any((Path(folder) / f"{name}.csv").is_file() for name in TABLES):
            raise ValueError(f"{folder} holds no summary; {remedy}")
    return [read_summary(new_summary), read_summary(published_summary)]


def _verdicts(frames: Frames) -> dict[tuple[str, ...], str]:
    return {(*key,): verdict for *key, verdict in verdicts(frames).itertuples(index=False)}


def _means(frames: Frames) -> pd.DataFrame:
    areas = frames["areas"].assign(point=CURVE)
    keys = ["dataset", "method", "point"]
    return pd.concat(
        [
            over_seeds(frames["operating_points"], keys, METRICS),
            over_seeds(areas, keys, ["mean_budget_accuracy"]),
        ],
        ignore_index=True,
    )
