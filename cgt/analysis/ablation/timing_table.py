"""Training time beside area, as Markdown. Apart from the other tables: times differ by machine."""

from typing import Any

import pandas as pd

from cgt.analysis.ablation.effects import one_each
from cgt.analysis.ablation.table import bold, change, in_order, in_points
from cgt.analysis.ablation.timing import TOLERANCE
from cgt.analysis.style import dataset_name, looks
from cgt.analysis.tables.parts import Rows, markdown

_NOTE = (
    "Each form that saves time beside the one that differs in nothing else (*against*). Epochs per "
    "hour: of a training job, its start and validation included, mean over n seeds; several jobs "
    "ran at the same time. Relative time: geometric mean of the ratios, paired by seed, with its "
    "95 % interval; below 1 is faster. To equal accuracy: the same for the time until the "
    f"validation accuracy, mean over the exits, is within {100 * TOLERANCE:g} points of the other "
    "form's best at that seed; or the number of seeds at which it reaches that. Δ area: difference "
    "in points, with its 95 % interval. Bold: the interval does not contain 1, for Δ area 0; it is "
    "not corrected for the number of rows."
)

_BESIDE = ("Against", "Relative time", "To equal accuracy", "Δ area")


def timing_markdown(timings: pd.DataFrame) -> str:
    """One table per dataset, one row per variant; the tuned method is the first of its rows."""
    once = one_each(timings, ["dataset", "method", "variant"])
    parts = [
        f"**{dataset_name(dataset)}**\n\n"
        f"{markdown(_rows(part), text=('Method', 'Change', 'Against'))}"
        for dataset, part in once.groupby("dataset", sort=False)
    ]
    return "\n".join([*parts, f"{_NOTE}\n"])


def _rows(timings: pd.DataFrame) -> Rows:
    return [
        {
            "Method": looks([row.method])[row.method].name,
            "Change": change(row.variant),
            "Epochs per hour": f"{row.epochs_per_hour:.0f}",
            **_beside(row),
            "n": str(row.n),
        }
        for row in in_order(timings).itertuples()
    ]


def _beside(row: Any) -> dict[str, str]:
    if row.variant == row.baseline:
        return dict.fromkeys(_BESIDE, "")
    cells = (
        change(row.baseline),
        _ratio(row.ratio, row.ci_low, row.ci_high),
        _until(row),
        in_points(
            row.mean_budget_accuracy,
            row.mean_budget_accuracy_ci_low,
            row.mean_budget_accuracy_ci_high,
        ),
    )
    return dict(zip(_BESIDE, cells, strict=True))


def _until(row: Any) -> str:
    if row.level_n < row.n:
        return f"reached at {row.level_n} of {row.n}"
    return _ratio(row.level_ratio, row.level_ci_low, row.level_ci_high)


def _ratio(ratio: float, low: float, high: float) -> str:
    interval = "" if pd.isna(low) else f" ({low:.2f} to {high:.2f})"
    return bold(f"{ratio:.2f}{interval}", low > 1 or high < 1)
