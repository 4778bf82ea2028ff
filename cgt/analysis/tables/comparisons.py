"""Every method against every other, ranks, and how small a difference the seeds can detect."""

import pandas as pd

from cgt.analysis.comparisons import comparisons, differences, ranks
from cgt.analysis.equivalence import EQUAL_P
from cgt.analysis.frames import Frames
from cgt.analysis.power import power
from cgt.analysis.statistics import ALPHA, FEWEST_BLOCKS, span
from cgt.analysis.style import dataset_name, looks, order
from cgt.analysis.tables.parts import ABSENT, markdown, p_value, points, signed
from cgt.analysis.tables.power import NAMES, power_parts

_NOTE = (
    "Area: test accuracy at the threshold that is best on validation within a budget of cost, "
    "averaged over 101 budgets, equally spaced from the cost of the first exit to full cost. A "
    "budget that a method cannot meet counts as answering without computing, with the most "
    "frequent class of the validation data. An exit that knows only some of the classes "
    "(ClassyNet) must answer for all samples within the smallest budgets, which lowers its area."
)


def comparisons_files(frames: Frames) -> dict[str, str]:
    """Ranks, differences, power and pairs in Markdown; the numbers are in tables of these names."""
    methods = order(frames["exits"], "method")
    parts = [
        _NOTE,
        *_ranks(ranks(frames), methods),
        *_against_reference(differences(frames)),
        *power_parts(power(frames)),
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
                NAMES[metric]: f"{mean[metric, method]:.2f}" if (metric, method) in mean else ABSENT
                for metric in order(table, "metric")
            },
        }
        for method, look in looks(methods).items()
    ]
    tests = [
        f"{NAMES[metric]}: {_test(part['n'].iloc[0], part['friedman_p'].iloc[0])}"
        for metric, part in table.groupby("metric", sort=False)
    ]
    note = (
        "Ranks of the means over the seeds of a dataset, averaged over independent datasets: "
        "datasets made from the same raw data, such as two splits of one scene, count once. "
        f"{'; '.join(tests)}."
    )
    return ["**Mean rank (1 is the best)**", markdown(rows), note]


def _against_reference(table: pd.DataFrame) -> list[str]:
    """Each method against the reference, and what may be said of the difference."""
    parts = []
    for (metric, dataset), own in table.groupby(["metric", "dataset"], sort=False):
        name = _name(own["reference"].iloc[0])
        sampled = own["sampled_low"].notna().any()
        n = span(own["n"])
        parts.append(f"**{NAMES[metric]}, {dataset_name(dataset)}: minus {name}, n = {n}**")
        rows = [
            {
                "Method": _name(row["method"]),
                "Difference": _difference(row),
                **(
                    {"Seeds and samples": _interval(row["sampled_low"], row["sampled_high"])}
                    if sampled
                    else {}
                ),
                "p (t, Holm)": p_value(row["p_holm"]),
                "p (sign flips)": p_value(row["sign_flip_p"]),
                **{
                    f"p (within {100 * margin:g})": p_value(row[column])
                    for margin, column in EQUAL_P.items()
                },
                "What may be said": row["kind"],
            }
            for row in own.to_dict("records")
        ]
        parts.append(markdown(rows, text=("Method", "What may be said")))
    note = (
        "In points, mean ± half of the 95 % t interval, paired by seed. p (t, Holm): paired t "
        "test, corrected over all methods of the table; p (sign flips): exact, of the 2^n ways to "
        "swap two methods at some seeds, not corrected; p (within m): two one-sided t tests that "
        "the difference is less than m points either way. *Different*: p (t, Holm) is below 0.05; "
        "*equal*: p (within 0.3) is; *no difference found*: neither, which is not the same as "
        "equal."
    )
    if table["sampled_low"].notna().any():
        note += (
            " Seeds and samples: 95 % interval when both are drawn anew; from few seeds it is too "
            "narrow, and the wider of the two counts."
        )
    return [*parts, note] if parts else []


def _pairs(table: pd.DataFrame) -> list[str]:
    parts = []
    for (metric, dataset), pairs in table.groupby(["metric", "dataset"], sort=False):
        n = span(pairs["n"])
        title = f"**{NAMES[metric]}, {dataset_name(dataset)}: row minus column, n = {n}**"
        parts += [title, _matrix(pairs)]
    note = (
        "In points, mean ± half of the 95 % t interval, paired by seed. Bold: Holm-corrected "
        "p < 0.05 within the table; the intervals themselves are not corrected."
    )
    return [*parts, note] if parts else []


def _name(method: str) -> str:
    return looks([method])[method].name


def _difference(row: dict) -> str:
    text = signed(row["difference"])
    if row["n"] > 1:
        text += f" ± {points((row['ci_high'] - row['ci_low']) / 2)}"
    return f"**{text}**" if row["p_holm"] < ALPHA else text


def _interval(low: float, high: float) -> str:
    return ABSENT if pd.isna(low) else f"{signed(low)} to {signed(high)}"


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
    text = signed(row.difference)
    if row.n > 1:
        text += f" ± {points((row.ci_high - row.ci_low) / 2)}"
    return f"**{text}**" if row.p_holm < ALPHA else text


def _test(n: int, value: float) -> str:
    """Friedman's test on n independent datasets; and why there is none."""
    if n < FEWEST_BLOCKS:
        return f"n = {n}, no test, for which at least {FEWEST_BLOCKS} are needed"
    if pd.isna(value):
        return f"n = {n}, no test, for which methods have to differ and be at least three"
    text = p_value(value)
    equals = text if text.startswith("<") else f"= {text}"
    return f"n = {n}, p {equals} (Friedman's test that all methods are alike)"
