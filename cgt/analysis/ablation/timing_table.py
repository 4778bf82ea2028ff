"""Training time beside area, as Markdown. Apart from the other tables: times differ by machine."""

import pandas as pd

from cgt.analysis.ablation.table import change, difference, in_order
from cgt.analysis.style import dataset_name, looks
from cgt.analysis.tables.parts import Rows, markdown

_VARIANT = ["dataset", "method", "variant"]
_NOTE = (
    "Time: wall-clock seconds of a training job, mean over n seeds; jobs ran beside one another. "
    "Relative time: geometric mean of the ratios to the tuned method, paired by seed, with its "
    "95 % interval; below 1 is faster. Δ area: difference from the tuned method in points, with "
    "its 95 % interval. Bold: the interval leaves out 1, for Δ area 0; it is not corrected for the "
    "number of rows."
)


def timing_markdown(timings: pd.DataFrame, effects: pd.DataFrame) -> str:
    """One table per dataset, one row per variant; the tuned method is the first of its rows."""
    areas = effects[effects["metric"] == "area"].drop_duplicates(_VARIANT)
    of = areas.set_index(_VARIANT, drop=False)
    parts = [
        f"**{dataset_name(dataset)}**\n\n{markdown(_rows(part, of), text=('Method', 'Change'))}"
        for dataset, part in timings.drop_duplicates(_VARIANT).groupby("dataset", sort=False)
    ]
    return "\n".join([*parts, f"{_NOTE}\n"])


def _rows(timings: pd.DataFrame, of: pd.DataFrame) -> Rows:
    return [
        {
            "Method": looks([row.method])[row.method].name,
            "Change": change(row.variant),
            "Time (s)": f"{row.seconds:.1f}",
            "Relative time": _ratio(row),
            "Δ area": difference(of.loc[(row.dataset, row.method, row.variant)]),
            "n": str(row.n),
        }
        for row in in_order(timings).itertuples()
    ]


def _ratio(row) -> str:
    if row.variant == row.method:
        return ""
    shown = f"{row.ratio:.2f}"
    if row.n > 1:
        shown += f" ({row.ci_low:.2f} to {row.ci_high:.2f})"
    return f"**{shown}**" if row.ci_low > 1 or row.ci_high < 1 else shown
