"""Recall by class for people: in a macro average a class of 15 pixels counts like one of 2,000."""

import pandas as pd

from cgt.analysis.comparisons import POINT
from cgt.analysis.statistics import over_seeds, span
from cgt.analysis.style import dataset_name, looks, order, point_name
from cgt.analysis.tables.parts import Rows, markdown, number, percent
from cgt.analysis.told import listed

_NOTE = (
    f"Recall of each class at {point_name(POINT)} in %, mean ± standard deviation over seeds, "
    "smallest class first. Train, test: its pixels, at one seed. The mean over classes is the "
    "macro recall; classes without test pixels are left out of it."
)


def classes_markdown(frames: dict[str, pd.DataFrame], audit: pd.DataFrame) -> str:
    """One table for each dataset of the audit that was run: a row per class, a column per method.

    `audit` names the classes of a dataset in the order of their numbers.
    """
    recalls = frames["classes"][frames["classes"]["point"] == POINT]
    parts = []
    for dataset, known in audit.groupby("dataset", sort=False):
        of = recalls[recalls["dataset"] == dataset]
        if len(of):
            seeds = span(of.groupby("method")["seed"].nunique())
            table = markdown(_rows(of, known.reset_index(drop=True)), text=("Class",))
            parts.append(f"**{dataset_name(dataset)}**, n = {seeds}\n\n{table}")
    return "\n".join([*parts, f"{_NOTE}\n"])


UNSTEADY = 0.1
"""Recall whose standard deviation over seeds is above jumps by tens of points."""


def recall_words(frames: dict[str, pd.DataFrame], audit: pd.DataFrame) -> str:
    """On which classes of a scene recall changes most from seed to seed, in one sentence each.

    Arguments as for :func:`classes_markdown`. The standard deviation is the largest of any method.
    """
    recalls = frames["classes"][frames["classes"]["point"] == POINT]
    sentences = []
    for dataset, known in audit.groupby("dataset", sort=False):
        of = recalls[recalls["dataset"] == dataset]
        spread = of.groupby(["class", "method"])["recall"].std(ddof=1).groupby("class").max()
        if spread.dropna().empty:
            continue
        names = known.reset_index(drop=True)
        loud = spread[spread > UNSTEADY].sort_values(ascending=False)
        quiet = spread.drop(loud.index)
        where = f"On {dataset_name(dataset)}"
        if loud.empty:
            sentences.append(
                f"{where} no class's recall has a standard deviation over seeds above "
                f"{percent(quiet.max())} points with any method."
            )
            continue
        if len(loud) > len(spread) / 2:
            sentences.append(
                f"{where} it does so for {len(loud)} of {len(spread)} classes."
                if sentences
                else f"{where} the standard deviation of recall over seeds exceeds "
                f"{100 * UNSTEADY:g} points, with some method, for {len(loud)} of {len(spread)} "
                "classes."
            )
            continue
        listing = listed(
            f"{names.loc[c, 'class']} ({names.loc[c, 'train']:.0f} training pixels, {percent(sd)})"
            for c, sd in loud.items()
        )
        rest = f"; of all others it is at most {percent(quiet.max())}" if len(quiet) else ""
        sentences.append(
            f"{where} the standard deviation of recall over seeds exceeds {100 * UNSTEADY:g} "
            f"points, with some method, for {listing}{rest}."
        )
    return " ".join(sentences) or "Recall was measured at one seed only."


def _rows(recalls: pd.DataFrame, known: pd.DataFrame) -> Rows:
    methods = looks(order(recalls, "method"))
    cells = over_seeds(recalls, ["method", "class"], ["recall"]).set_index(["class", "method"])
    tested = known.loc[sorted(recalls["class"].unique())]
    rows = [
        {
            "Class": size["class"],
            "Train": f"{size['train']:.0f}",
            "Test": f"{size['test']:.0f}",
            **{look.name: _cell(cells.loc[label, method]) for method, look in methods.items()},
        }
        for label, size in tested.sort_values(["train", "test"]).iterrows()
    ]
    macro = recalls.groupby(["method", "seed"], sort=False)["recall"].mean().reset_index()
    means = over_seeds(macro, ["method"], ["recall"]).set_index("method")
    last = {look.name: f"**{_cell(means.loc[method])}**" for method, look in methods.items()}
    return [*rows, {"Class": "**mean**", "Train": "", "Test": "", **last}]


def _cell(found: pd.Series) -> str:
    return number(found["mean"], found["sd"])
