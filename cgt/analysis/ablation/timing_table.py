"""Training time beside area, as Markdown. Apart from the other tables: times differ by machine."""

from typing import Any

import pandas as pd

from cgt.analysis.ablation.effects import one_each
from cgt.analysis.ablation.table import change, difference, in_order
from cgt.analysis.style import dataset_name, looks
from cgt.analysis.tables.parts import Rows, markdown

_VARIANT = ["dataset", "method", "variant"]
_NOTE = (
    "Epochs per hour: of a training job, its start and validation included, mean over n seeds; "
    "jobs ran beside one another. Relative time: geometric mean of the ratios to the tuned method, "
    "paired by seed, with its 95 % interval; below 1 is faster. To equal accuracy: the same for "
    "the time until the validation accuracy, mean over the exits, first reaches what both forms "
    "reach at that seed. Δ area: difference from the tuned method in points, with its 95 % "
    "interval. Bold: the interval leaves out 1, for Δ area 0; it is not corrected for the number "
    "of rows."
)


def timing_markdown(timings: pd.DataFrame, effects: pd.DataFrame) -> str:
    """One table per dataset, one row per variant; the tuned method is the first of its rows."""
    areas = one_each(effects[effects["metric"] == "area"], _VARIANT)
    of = areas.set_index(_VARIANT, drop=False)
    parts = [
        f"**{dataset_name(dataset)}**\n\n{markdown(_rows(part, of), text=('Method', 'Change'))}"
        for dataset, part in one_each(timings, _VARIANT).groupby("dataset", sort=False)
    ]
    return "\n".join([*parts, f"{_NOTE}\n"])


def _rows(timings: pd.DataFrame, of: pd.DataFrame) -> Rows:
    return [
        {
            "Method": looks([row.method])[row.method].name,
            "Change": change(row.variant),
            "Epochs per hour": f"{row.epochs_per_hour:.0f}",
            "Relative time": _ratio(row, ""),
            "To equal accuracy": _ratio(row, "level_"),
            "Δ area": difference(of.loc[(row.dataset, row.method, row.variant)]),
            "n": str(row.n),
        }
        for row in in_order(timings).itertuples()
    ]


def _ratio(row: Any, kind: str) -> str:
    if row.variant == row.method:
        return ""
    ratio, low, high = (getattr(row, f"{kind}{name}") for name in ("ratio", "ci_low", "ci_high"))
    shown = f"{ratio:.2f}"
    if row.n > 1:
        shown += f" ({low:.2f} to {high:.2f})"
    return f"**{shown}**" if low > 1 or high < 1 else shown
