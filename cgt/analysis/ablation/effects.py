"""What a change to a tuned method does, seed by seed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from cgt.analysis.statistics import estimate

Frames = Mapping[str, pd.DataFrame]
Key = tuple[str, str]
"""Dataset and variant."""
CELL = ("dataset", "method", "row", "row_value", "column", "column_value", "variant")
METRICS = ("area", "first_exit", "last_exit")
"""Area under the accuracy-cost curve, and test accuracy of the first and the last exit."""


def effects(frames: Frames, cells: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """One row per cell and metric: its mean, and its difference from the tuned method.

    Args:
        frames: the tables `areas` and `exits`; their `method` is the name of a variant, that of the
            tuned method being the method's own.
        cells: mappings of `CELL`; a study of one key has an empty `column`.

    `difference`, with its 95 % t interval, is paired by seed over `n` seeds; the interval is NaN
    with one seed. It is 0 where nothing is changed.

    Raises:
        ValueError: naming the first cell of which a seed is missing, or its tuned method's.
    """
    values = {metric: by_variant(frame) for metric, frame in _metrics(frames).items()}
    rows = []
    for cell in cells:
        for metric in METRICS:
            changed, tuned = pair(values[metric], cell)
            found = estimate(changed - tuned)
            rows.append(
                {
                    **{name: cell[name] for name in CELL},
                    "metric": metric,
                    "mean": changed.mean(),
                    "difference": found.mean,
                    "ci_low": found.ci_low,
                    "ci_high": found.ci_high,
                    "n": found.n,
                }
            )
    return pd.DataFrame(rows)


def pair(values: Mapping[Key, pd.Series], cell: Mapping[str, str]) -> tuple[pd.Series, pd.Series]:
    """A cell's numbers and its tuned method's, of the same seeds.

    Raises ValueError naming the cell if the seeds are not the same.
    """
    changed, tuned = (values.get((cell["dataset"], cell[name])) for name in ("variant", "method"))
    if changed is None or tuned is None or not changed.index.equals(tuned.index):
        raise ValueError(
            f"{cell['dataset']}/{cell['variant']}: its seeds are not those of the tuned "
            f"{cell['method']}"
        )
    return changed, tuned


def by_variant(frame: pd.DataFrame) -> dict[Key, pd.Series]:
    """The column `value` of each dataset and variant, by seed, in order."""
    return {
        key: part.set_index("seed")["value"].sort_index()
        for key, part in frame.groupby(["dataset", "method"])
    }


def read_effects(path: Path | str) -> pd.DataFrame:
    """A table of effects as it was written: values of the varied keys are text."""
    missing = dict.fromkeys(("ci_low", "ci_high"), "")  # with one seed there is no interval
    text = dict.fromkeys((*CELL, "metric"), str)
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values=missing)


def told_apart(table: pd.DataFrame) -> pd.Series:
    """Whether the interval of each row's difference leaves out 0."""
    return (table["ci_low"] > 0) | (table["ci_high"] < 0)


def _metrics(frames: Frames) -> dict[str, pd.DataFrame]:
    exits = frames["exits"].rename(columns={"accuracy": "value"})
    last = exits.groupby(["dataset", "method", "seed"])["exit"].transform("max")
    return {
        "area": frames["areas"].rename(columns={"area": "value"}),
        "first_exit": exits[exits["exit"] == 1],
        "last_exit": exits[exits["exit"] == last],
    }
