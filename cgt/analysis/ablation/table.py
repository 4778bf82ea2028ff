"""The ablations for people, as Markdown."""

import pandas as pd

from cgt.analysis.ablation.effects import METRICS, one_each
from cgt.analysis.ablation.names import key_name, value_name
from cgt.analysis.style import dataset_name, looks
from cgt.analysis.tables.parts import Rows, markdown, percent, signed

_HEADINGS = dict(zip(METRICS, ("Δ area", "Δ exit 1", "Δ last exit"), strict=True))
_NOTE = (
    "All train for fewer epochs than the benchmark, the tuned method too, so areas are not those "
    "of its tables. Area: mean test accuracy over budgets of cost, in %, over n "
    "seeds. Δ: difference from the tuned method at the same seeds, in points, with its 95 % "
    "interval, paired by seed: of the area, and of the accuracy of the first and the last exit "
    "on all test samples. Bold: the interval does not contain 0; it is not corrected for the "
    "number of rows, so about one row in twenty is bold by chance. Weight floor: `leak` in the "
    "configuration."
)


def ablation_markdown(table: pd.DataFrame) -> str:
    """One table per dataset, one row per variant; the tuned method is the first of its rows."""
    parts = [
        f"**{dataset_name(dataset)}**\n\n{markdown(_rows(part), text=('Method', 'Change'))}"
        for dataset, part in table.groupby("dataset", sort=False)
    ]
    return "\n".join([*parts, f"{_NOTE}\n"])


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """The rows by method, its tuned form first."""
    changed = table.assign(changed=table["variant"] != table["method"])
    return changed.sort_values(["method", "changed"], kind="stable").drop(columns="changed")


def change(variant: str) -> str:
    """What differs from the tuned method, in words."""
    _, *changes = variant.split(",")
    pairs = (part.split("=") for part in changes)
    return ", ".join(f"{key_name(k)} = {value_name(v)}" for k, v in pairs) or "as tuned"


def in_points(difference: float, low: float, high: float) -> str:
    """A difference with its interval, if it has one; bold if that leaves out 0."""
    interval = "" if pd.isna(low) else f" ± {percent((high - low) / 2)}"
    return bold(f"{signed(difference)}{interval}", low > 0 or high < 0)


def bold(text: str, significant: bool) -> str:
    """The text, bold if its difference is `significant`."""
    return f"**{text}**" if significant else text


def _difference(row: pd.Series) -> str:
    """Of a metric; nothing if it is the tuned method's own."""
    if row["variant"] == row["method"]:
        return ""
    return in_points(row["difference"], row["ci_low"], row["ci_high"])


def _rows(table: pd.DataFrame) -> Rows:
    once = in_order(one_each(table, ["method", "variant", "metric"]))
    rows = []
    for (method, variant), part in once.groupby(["method", "variant"], sort=False):
        of = part.set_index("metric")
        rows.append(
            {
                "Method": looks([method])[method].name,
                "Change": change(variant),
                "Area": percent(of.loc["mean_budget_accuracy", "mean"]),
                **{heading: _difference(of.loc[metric]) for metric, heading in _HEADINGS.items()},
                "n": str(of.loc["mean_budget_accuracy", "n"]),
            }
        )
    return rows
