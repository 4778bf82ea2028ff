"""What a change to a tuned method does, seed by seed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cgt.analysis.statistics import estimate
from cgt.records.csv_schema import refuse_former_names

Frames = Mapping[str, pd.DataFrame]
Cell = Mapping[str, Any]
"""The fields of :class:`cgt.study.ablation.Cell`, as JSON has them."""
Key = tuple[str, str]
"""Dataset and variant."""
CELL = ("dataset", "method", "row", "row_value", "column", "column_value", "variant")
METRICS = ("mean_budget_accuracy", "first_exit", "last_exit")
"""The area (see `cgt.operate.area`), and test accuracy of the first and the last exit."""


def effects(frames: Frames, cells: Sequence[Cell]) -> pd.DataFrame:
    """One row per cell and metric: its mean, and its difference from the tuned method.

    Args:
        frames: the tables `areas` and `exits`; their `method` is the name of a variant, that of the
            tuned method being the method's own.
        cells: what is compared; a study of one key has an empty `column`.

    `difference`, with its 95 % t interval, is paired by seed over the `n` seeds of the cell; the
    interval is NaN with one seed. It is 0 where nothing is changed.

    Raises:
        ValueError: naming the first run of a cell, or of its tuned method, that is missing.
    """
    values = {metric: by_variant(frame) for metric, frame in _metrics(frames).items()}
    rows = []
    for cell in cells:
        for metric in METRICS:
            changed, tuned = pair(values[metric], cell, cell["method"])
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


def pair(values: Mapping[Key, pd.Series], cell: Cell, baseline: str) -> tuple[pd.Series, pd.Series]:
    """Numbers of a cell and of the variant that it is compared to, at the cell's seeds.

    Raises ValueError naming the first run that is missing.
    """
    return _at_seeds(values, cell, cell["variant"]), _at_seeds(values, cell, baseline)


def _at_seeds(values: Mapping[Key, pd.Series], cell: Cell, variant: str) -> pd.Series:
    of = values.get((cell["dataset"], variant), pd.Series(dtype=float))
    for seed in cell["seeds"]:
        if seed not in of.index:
            raise ValueError(
                f"{cell['dataset']}/{variant}/{seed}: this run is missing; seeds "
                f"{', '.join(map(str, cell['seeds']))} are needed to compare {cell['variant']}"
            )
    return of[list(cell["seeds"])]


def by_variant(frame: pd.DataFrame) -> dict[Key, pd.Series]:
    """The column `value` of each dataset and variant, by seed."""
    return {
        key: part.set_index("seed")["value"] for key, part in frame.groupby(["dataset", "method"])
    }


def read_effects(path: Path | str) -> pd.DataFrame:
    """A table of effects as it was written: values of the varied keys are text.

    Raises ValueError naming the file if it has a column or a metric of an earlier version.
    """
    # With one seed there is no interval.
    of = ("", "level_", "mean_budget_accuracy_")
    bounds = [f"{name}ci_{end}" for name in of for end in ("low", "high")]
    missing = dict.fromkeys((*bounds, "level_ratio"), "")
    text = dict.fromkeys((*CELL, "baseline", "metric"), str)
    table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=missing)
    refuse_former_names(table, path)
    return table


def one_each(table: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    """One row for each `key`, in order: where studies meet, that of the study with most seeds."""
    most = table.sort_values("n", ascending=False, kind="stable").drop_duplicates(list(key))
    return most.sort_index()


def significant(table: pd.DataFrame) -> pd.Series:
    """Whether the interval of each row's difference leaves out 0."""
    return (table["ci_low"] > 0) | (table["ci_high"] < 0)


def _metrics(frames: Frames) -> dict[str, pd.DataFrame]:
    exits = frames["exits"].rename(columns={"accuracy": "value"})
    last = exits.groupby(["dataset", "method", "seed"])["exit"].transform("max")
    return {
        "mean_budget_accuracy": frames["areas"].rename(columns={"mean_budget_accuracy": "value"}),
        "first_exit": exits[exits["exit"] == 1],
        "last_exit": exits[exits["exit"] == last],
    }
