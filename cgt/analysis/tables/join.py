"""The page of a method that joins the published rows: Markdown and HTML, with its figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cgt.analysis.figures.join import join_curves, join_differences
from cgt.analysis.groups import REFERENCE
from cgt.analysis.join import (
    AREA,
    SAME,
    WITHIN,
    Agreement,
    Frames,
    agreement,
    at_seeds_of,
    differences,
    over_samples,
    places,
    reference_in,
)
from cgt.analysis.style import dataset_name, looks, point_name, save
from cgt.analysis.tables.page import page
from cgt.analysis.tables.parts import ABSENT, Rows, markdown, p_value, percent, signed
from cgt.operate.sweep import BUDGETS
from cgt.records.csv_schema import write_csv
from cgt.records.files import write_text
from cgt.records.rows import (
    BY_PROTOCOL,
    Row,
    read_manifest,
    read_outcomes,
    read_row,
    read_rows,
)

FIGURES = {
    "join_curves": "Test accuracy within every budget of cost; red: {name}, with the 95 % interval "
    "over seeds.",
    "join_differences": "{name} − each published entry in area, paired by seed, with 95 % "
    "intervals. Right of the line {name} is better.",
}


def write_join(
    join: Mapping[str, Any], published_dir: Path, own_dir: Path, repeated: Row | None, out: Path
) -> None:
    """Write `join.md`, `join.html`, their figures and CSVs into `out`.

    Args:
        join: `method`, `left_out` (published datasets that were not run).
        published_dir: folder of the published rows.
        own_dir: folder of the joining method's rows.
        repeated: the row of the published run that was repeated, if one was.

    Raises:
        ValueError: as `cgt.records.rows.read_rows`.
    """
    own = read_rows(own_dir)
    published = at_seeds_of(read_rows(published_dir), own)
    method = join["method"]
    name = own_name(method)
    found = differences(published, own)
    sampled = [
        over_samples(
            dataset,
            read_outcomes(own_dir, dataset, method),
            read_outcomes(published_dir, dataset, reference),
            shared=read_manifest(own_dir, dataset, method)["same_samples"],
        )
        for dataset in dict.fromkeys(own["points"]["dataset"])
        if (reference := reference_in(published, dataset))
    ]
    samples = pd.concat(sampled, ignore_index=True) if sampled else pd.DataFrame()
    check = None
    if repeated is not None:
        its = repeated.manifest["dataset"], repeated.manifest["method"]
        check = agreement(read_row(published_dir, *its), repeated)
    text = join_markdown(name, published, own, found, samples, check, join.get("left_out", []))
    figures = {
        "join_curves": join_curves(published, own, name),
        "join_differences": join_differences(found, name),
    }
    for stem, figure in figures.items():
        save(figure, out / "figures" / stem)
    inline = {f"figures/{s}.svg": (out / "figures" / f"{s}.svg").read_text() for s in figures}
    write_csv(found, out / "differences.csv")
    write_csv(places(found), out / "places.csv")
    write_csv(samples, out / "samples.csv")
    write_text(out / "join.md", text)
    write_text(out / "join.html", page(text, name, inline))


def own_name(method: str) -> str:
    """Of the joining method, told apart from a published one of the same name."""
    return f"{looks([method])[method].name} (joining)"


def join_markdown(
    name: str,
    published: Frames,
    own: Frames,
    found: pd.DataFrame,
    samples: pd.DataFrame,
    check: Agreement | None,
    left_out: list[str],
) -> str:
    """The page; arguments as the functions of `cgt.analysis.join` give them."""
    blocks = [f"# {name}", machine_sentence(check), *tuned_sentences(name, own)]
    if left_out:
        blocks.append(f"Published and not run here: {', '.join(map(dataset_name, left_out))}.")
    placed = places(found).set_index("dataset")
    for figure, caption in FIGURES.items():
        blocks.append(f"![{caption.format(name=name)}](figures/{figure}.svg)")
    for dataset in dict.fromkeys(own["points"]["dataset"]):
        blocks.append(f"## {dataset_name(dataset)}")
        of = placed.loc[dataset] if dataset in placed.index else None
        blocks.append(place_sentence(name, of))
        if len(samples) and len(of_it := samples[samples["dataset"] == dataset]):
            blocks += [_against_reference(name, of_it), markdown(_sample_rows(of_it), ("Point",))]
        if of is not None:
            blocks.append(
                "All published entries by area, the best first; those with one exit have none:"
            )
            blocks.append(markdown(_difference_rows(dataset, published, found), _TEXT))
        blocks.append(
            "Test accuracy (%) within fixed shares of the cost of the network without exits. Not "
            "met: not even the cheapest threshold kept the budget on validation; in brackets what "
            "the cheapest reaches, and its cost."
        )
        blocks.append(markdown(_budget_rows(dataset, name, published, own), _TEXT))
    return "\n\n".join(block.strip() for block in blocks) + "\n"


_TEXT = ("Entry", "Tuned", "Mark")


def machine_sentence(check: Agreement | None) -> str:
    """What the repeated run says of this machine."""
    if check is None:
        return (
            "No published run could be repeated: how far this machine agrees with the published "
            "ones is not known."
        )
    area = f"its area is {percent(check.area)} %, published {percent(check.published)} %"
    if check.verdict == SAME:
        return f"This machine repeats {check.run} to the digit: {area}, and no outcome differs."
    share = f"{check.changed} of {check.outcomes} outcomes differ"
    span = f"{percent(check.low)} to {percent(check.high)} %"
    if check.verdict == WITHIN:
        return (
            f"This machine repeats {check.run} within the interval: {area}, {share}, and 95 % of "
            f"further runs are expected from {span}."
        )
    # NaN: one published seed says nothing about others.
    why = (
        f"95 % of further runs are expected from {span}"
        if check.low == check.low
        else ("one published seed tells no interval")
    )
    return (
        f"**This machine does not repeat {check.run}**: {area}, {share}, and {why}. What follows "
        f"may say as much about the machine as about the method."
    )


def tuned_sentences(name: str, own: Frames) -> list[str]:
    """Whether the method was tuned as the protocol says, dataset by dataset."""
    marks = own["marks"]
    untuned = marks[marks["tuned"] != BY_PROTOCOL]
    if untuned.empty:
        return [f"{name} is tuned by the protocol on every dataset."]
    why = "; ".join(
        f"{dataset_name(row.dataset)}: {row.tuned.removeprefix('no: ')}"
        for row in untuned.itertuples()
    )
    return [f"**{name} is untuned** ({why}). Published entries that are tuned have an advantage."]


def place_sentence(name: str, placed: pd.Series | None) -> str:
    """Its place by area among all entries."""
    if placed is None:
        return f"{name} has one exit, and no area to be placed by."
    seeds = f"{placed['n']} seed{'' if placed['n'] == 1 else 's'}"
    text = f"{name} is number **{placed['place']} of {placed['of']}** by area, over {seeds}"
    if placed["n"] == 1:
        return f"{text}; one seed tells no difference from chance."
    return (
        f"{text}: better than {placed['above']}, worse than {placed['below']}, not told apart from "
        f"{placed['alike']} (paired t tests, Holm-corrected over the entries, p < 0.05)."
    )


def _against_reference(name: str, samples: pd.DataFrame) -> str:
    n, size = samples[["n", "samples"]].iloc[0]
    reference = looks([REFERENCE])[REFERENCE].name
    drawn = "seeds and test samples" if n > 1 else "test samples"
    return (
        f"{name} − {reference} in test accuracy (points), n = {n} seeds of {size} test samples: 95 "
        f"% t interval over seeds, and 95 % interval of resampling {drawn}; of few seeds the "
        "latter is too narrow."
    )


def _sample_rows(samples: pd.DataFrame) -> Rows:
    return [
        {
            "Point": point_name(row.point),
            "Difference": signed(row.difference),
            "Over seeds": _interval(row.ci_low, row.ci_high),
            "Resampled": _interval(row.sampled_low, row.sampled_high),
        }
        for row in samples.itertuples()
    ]


def _difference_rows(dataset: str, published: Frames, found: pd.DataFrame) -> Rows:
    own = found[(found["dataset"] == dataset) & (found["metric"] == AREA)]
    marks = published["marks"].set_index(["dataset", "method"])
    names = looks(own["method"])
    return [
        {
            "Entry": names[row.method].name,
            "Difference": signed(row.difference),
            "95 % interval": _interval(row.ci_low, row.ci_high),
            "p (Holm)": p_value(row.p_holm),
            "n": str(row.n),
            "Tuned": "yes" if marks.loc[(dataset, row.method), "tuned"] == BY_PROTOCOL else "no",
            "Mark": marks.loc[(dataset, row.method), "marked"] or ABSENT,
        }
        for row in own.sort_values("difference").itertuples()
    ]


def _budget_rows(dataset: str, name: str, published: Frames, own: Frames) -> Rows:
    rows = []
    theirs = published["points"]
    entries = list(dict.fromkeys(theirs.loc[theirs["dataset"] == dataset, "method"]))
    names = looks(entries)
    for label, frame, method in [
        (f"**{name}**", own["points"], None),
        *((names[entry].name, theirs, entry) for entry in entries),
    ]:
        part = frame[frame["dataset"] == dataset]
        part = part if method is None else part[part["method"] == method]
        row = {"Entry": label}
        for point, share in BUDGETS.items():
            row[f"{share:.0%}"] = _within(part[part["point"] == point])
        rows.append(row)
    return rows


def _within(part: pd.DataFrame) -> str:
    text = percent(part["accuracy"].mean())
    unmet = int((part["met"] == 0).sum())
    if not unmet:
        return text
    where = "" if unmet == len(part) else f" at {unmet} of {len(part)}"
    return f"not met{where} ({text} at {percent(part['relative_cost'].mean())} %)"


def _interval(low: float, high: float) -> str:
    return ABSENT if pd.isna(low) else f"{signed(low)} to {signed(high)}"
