"""What the seeds can detect: all pairs of methods in short, those with the reference in full."""

import pandas as pd

from cgt.analysis.comparisons import METRICS, against, reference_of
from cgt.analysis.power import SMALL
from cgt.analysis.statistics import span
from cgt.analysis.style import dataset_name, looks
from cgt.analysis.tables.parts import ABSENT, Rows, markdown, points

NAMES = dict(zip(METRICS, ("Area", "Accuracy at threshold 0.9"), strict=True))
_SHORT = dict(zip(METRICS, ("Area", "Accuracy"), strict=True))
_SMALL = f"{100 * SMALL:g} points"
_NOTE = (
    "In points, for one pair of methods, paired by seed. sd: standard deviation of the paired "
    "differences. Detectable: the smallest true difference that a paired t test at 5 % finds with "
    f"80 % probability, before Holm's correction; bold: {_SMALL} or less. n for {_SMALL}: how many "
    "seeds are needed to detect a difference as small as that. Every pair: `power.csv`."
)


def power_parts(table: pd.DataFrame) -> list[str]:
    """Markdown parts of the table `power`; none if there is no pair."""
    if table.empty:
        return []
    reference = reference_of([*table["method_b"], *table["method_a"]])
    name = looks([reference])[reference].name
    return [
        "**Detectable differences: all pairs of methods**",
        markdown(_short(table), ("Dataset", "Metric")),
        f"**Detectable differences: pairs with {name}**",
        markdown(_full(against(table, reference))),
        _NOTE,
    ]


def _short(table: pd.DataFrame) -> Rows:
    rows = []
    for (metric, dataset), pairs in table.groupby(["metric", "dataset"], sort=False):
        needed, sufficient = pairs["n_needed"].dropna(), pairs["sufficient"].sum()
        rows.append(
            {
                "Dataset": dataset_name(dataset),
                "Metric": NAMES[metric],
                "n": span(pairs["n"]),
                f"Pairs for which {_SMALL} are detectable": f"{sufficient} of {len(pairs)}",
                "Detectable, median": points(pairs["mde"].median()),
                f"n for {_SMALL}, median": f"{needed.median():.0f}" if len(needed) else ABSENT,
            }
        )
    return rows


def _full(pairs: pd.DataFrame) -> Rows:
    rows = []
    for dataset, part in pairs.groupby("dataset", sort=False):
        # Accuracy comes first: a network with one exit has no area.
        accuracy = part["metric"] == METRICS[-1]
        for method, look in looks([*part[accuracy]["method"], *part["method"]]).items():
            row = {"Dataset": dataset_name(dataset), "Method": look.name}
            for metric, name in _SHORT.items():
                row |= _cells(part[(part["method"] == method) & (part["metric"] == metric)], name)
            rows.append(row)
    return rows


def _cells(pair: pd.DataFrame, name: str) -> dict[str, str]:
    """One pair's three numbers under the headings of a metric; dashes if it was not compared."""
    sd, mde, needed = ABSENT, ABSENT, ABSENT
    for found in pair.itertuples():
        sd, mde = points(found.sd_paired), points(found.mde)
        mde = f"**{mde}**" if found.sufficient else mde
        needed = ABSENT if pd.isna(found.n_needed) else str(found.n_needed)
    return {
        f"{name}: sd": sd,
        f"{name}: detectable": mde,
        f"{name}: n for {_SMALL}": needed,
    }
