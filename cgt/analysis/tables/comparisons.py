"""Every method against every other, ranks, and what the number of seeds can tell."""

import pandas as pd

from cgt.analysis.comparisons import METRICS, Frames, comparisons, power, ranks
from cgt.analysis.statistics import pairs_needed
from cgt.analysis.style import dataset_name, looks, order
from cgt.analysis.tables.parts import ABSENT, markdown

ALPHA = 0.05
SMALL = 0.003
"""The difference that the seeds should tell from noise."""
_NAMES = dict(zip(METRICS, ("Area", "Accuracy at τ = 0.9"), strict=True))
_AREA = (
    "Area: test accuracy at the threshold that is best on validation within a cost budget, "
    "averaged over budgets from the cheapest exit to full cost."
)


def comparisons_files(frames: Frames) -> dict[str, str]:
    """Ranks, power and pairs in Markdown; the numbers are in the summary tables of these names."""
    methods = order(frames["exits"], "method")
    parts = [
        _AREA,
        *_ranks(ranks(frames), methods),
        *_power(power(frames)),
        *_pairs(comparisons(frames)),
    ]
    return {"comparisons.md": "\n\n".join(part.rstrip("\n") for part in parts) + "\n"}


def _ranks(table: pd.DataFrame, methods: list[str]) -> list[str]:
    if table.empty:
        return []
    mean = table.set_index(["metric", "method"])["mean_rank"]
    rows = [
        {
            "Method": look.name,
            **{
                _NAMES[metric]: f"{mean[metric, method]:.2f}"
                if (metric, method) in mean
                else ABSENT
                for metric in order(table, "metric")
            },
        }
        for method, look in looks(methods).items()
    ]
    tests = [
        f"{_NAMES[metric]}: n = {part['n'].iloc[0]}, {_p_value(part['friedman_p'].iloc[0])}"
        for metric, part in table.groupby("metric", sort=False)
    ]
    note = (
        "n: pairs of dataset and seed. p: Friedman's test that all methods are alike, on these "
        f"datasets. {'; '.join(tests)}."
    )
    return ["**Mean rank (1 is the best)**", markdown(rows), note]


def _power(table: pd.DataFrame) -> list[str]:
    if table.empty:
        return []
    rows = [
        {
            "Dataset": dataset_name(row.dataset),
            "Metric": _NAMES[row.metric],
            "sd of paired differences": _points(row.sd_paired),
            "n": str(row.n),
            "Detectable": _points(row.detectable),
            f"n for {100 * SMALL:g} points": (
                ABSENT if pd.isna(row.sd_paired) else str(pairs_needed(SMALL, row.sd_paired))
            ),
            "Told from noise": "yes" if row.detectable <= SMALL else "no",
        }
        for row in table.itertuples()
    ]
    note = (
        "In points. Detectable: the smallest true difference that a paired t test at 5 % finds "
        "with 80 % probability, for one pair of methods, before Holm's correction. Told from "
        f"noise: is {100 * SMALL:g} points detectable?"
    )
    return ["**What the seeds can tell**", markdown(rows, ("Dataset", "Metric")), note]


def _pairs(table: pd.DataFrame) -> list[str]:
    parts = []
    for (metric, dataset), pairs in table.groupby(["metric", "dataset"], sort=False):
        n = " to ".join(str(count) for count in sorted({pairs["n"].min(), pairs["n"].max()}))
        title = f"**{_NAMES[metric]}, {dataset_name(dataset)}: row minus column, n = {n}**"
        parts += [title, _matrix(pairs)]
    note = (
        "In points, mean ± half of the 95 % t interval, paired by seed. Bold: Holm-corrected "
        "p < 0.05 within the table; the intervals themselves are not corrected."
    )
    return [*parts, note] if parts else []


def _matrix(pairs: pd.DataFrame) -> str:
    cells = {(row.method_a, row.method_b): _cell(row) for row in pairs.itertuples()}
    columns = looks(order(pairs, "method_b"))
    rows = [
        {
            "Method": look.name,
            **{other.name: cells.get((method, name), "") for name, other in columns.items()},
        }
        for method, look in looks(order(pairs, "method_a")).items()
    ]
    return markdown(rows)


def _cell(row) -> str:
    text = f"{100 * row.difference:+.2f}".replace("-", "−")
    if row.n > 1:
        text += f" ± {_points((row.ci_high - row.ci_low) / 2)}"
    return f"**{text}**" if row.p_holm < ALPHA else text


def _points(share: float) -> str:
    return ABSENT if pd.isna(share) else f"{100 * share:.2f}"


def _p_value(value: float) -> str:
    if pd.isna(value):
        return "too few for a test"
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
