"""The results in one paragraph, every word of which follows from the summary tables."""

from collections.abc import Collection, Sequence

import pandas as pd

from cgt.analysis.claims import (
    CLAIMS,
    LEAK_FREE,
    VERDICTS,
    Row,
    judge,
    methods_of,
    verdict_of,
)
from cgt.analysis.comparisons import AREA, differences
from cgt.analysis.equivalence import MARGIN
from cgt.analysis.frames import Frames
from cgt.analysis.groups import CGT, REFERENCE, SINGLE
from cgt.analysis.power import power
from cgt.analysis.statistics import estimate
from cgt.analysis.style import dataset_name, looks, order
from cgt.analysis.tables.parts import percent
from cgt.analysis.told import (
    BESIDE,
    BETTER,
    SAME,
    SLIGHTLY_BETTER,
    SLIGHTLY_WORSE,
    UNKNOWN,
    UNTESTED,
    WORSE,
    Told,
    Variants,
    counted,
    listed,
    say,
    told_of,
    told_row,
)

FULL, STATIC = SINGLE, "static"
SHARE: Variants = {
    BETTER: "reaches {own} % on {dataset}, more than the single-exit network ({full} %),",
    SLIGHTLY_BETTER: "reaches {own} % on {dataset}, a little more than the single-exit network "
    "({full} %),",
    SAME: "keeps the accuracy on {dataset} within 0.3 points ({own} % against {full} % of the "
    "single-exit network)",
    UNKNOWN: "reaches {own} % on {dataset}, not known to differ from the single-exit network "
    "({full} %),",
    SLIGHTLY_WORSE: "loses less than 0.3 points on {dataset} ({own} % against {full} % of the "
    "single-exit network)",
    WORSE: "loses {size} points on {dataset} ({own} % against {full} % of the single-exit network)",
    UNTESTED: "reaches {own} % on {dataset} ({full} % with the single-exit network)",
}


def in_short_files(frames: Frames) -> dict[str, str]:
    """The paragraph; sentences on what was not run are left out."""
    parts = [_saving(frames), _static(frames), _gating(frames), _claims(frames), _leaks(frames)]
    text = " ".join(part for part in [*parts, _advice(frames)] if part)
    return {"in_short.md": f"**In short.** {text or 'Nothing that is compared here was run.'}\n"}


def against_reference(frames: Frames, method: str) -> dict[str, Told]:
    """By dataset: the difference of a method in area from BranchyNet, corrected for all methods."""
    table = differences(frames)
    own = table[
        (table["metric"] == AREA) & (table["method"] == method) & (table["reference"] == REFERENCE)
    ]
    return {row["dataset"]: told_row(row) for row in own.to_dict("records")}


def _saving(frames: Frames) -> str:
    """BranchyNet at the one-SE point beside the network without early exits."""
    points = frames["operating_points"]
    points = points[points["point"] == "one_se"]
    said, cheaper = [], []
    for dataset in _of_paper(points):
        own, full = (_runs(points, dataset, method) for method in (REFERENCE, FULL))
        told = told_of(own["accuracy"], full["accuracy"])
        if told is None:
            continue
        cost = estimate(own["relative_cost"])
        cheaper.append(cost.ci_high < 1)
        words = {"dataset": dataset_name(dataset), "own": percent(own["accuracy"].mean())}
        words["full"] = percent(full["accuracy"].mean())
        share = f"at {100 * cost.mean:.0f} % of its multiply–accumulates"
        said.append(f"{say(SHARE, told, **words)} {share}")
    if not said:
        return ""
    head = "*Early exits save operations*" if all(cheaper) else "*Early exits do not always save*"
    return (
        f"{head}: {_name(REFERENCE)} (all exits trained jointly), at a threshold chosen on "
        f"validation data, {listed(said)}."
    )


def _static(frames: Frames) -> str:
    """BranchyNet beside networks of each depth, over all budgets."""
    found = against_reference(frames, STATIC)
    turned = {of: told._replace(difference=-told.difference) for of, told in found.items()}
    said = [
        f"on {dataset_name(of)} it "
        f"{say(BESIDE, told, other='networks trained at each depth alone')}"
        for of, told in turned.items()
        if of != LEAK_FREE
    ]
    return f"Averaged over all cost budgets, {listed(said)}." if said else ""


def _gating(frames: Frames) -> str:
    found = {method: _paper_only(against_reference(frames, method)) for method in CGT}
    every = [told for of in found.values() for told in of.values()]
    if not every:
        return ""
    said = [f"{_name(method)} {listed(_grouped(of))}" for method, of in found.items() if of]
    return f"{_gating_head(every)}: in area, {'; '.join(said)}."


def _gating_head(every: list[Told]) -> str:
    outcomes = {told.outcome for told in every}
    if outcomes & {BETTER, SLIGHTLY_BETTER}:
        where = "everywhere" if outcomes <= {BETTER, SLIGHTLY_BETTER} else "in places"
        return f"*Confidence gating gains accuracy {where}, as tuned here*"
    if outcomes == {SAME}:
        return "*Confidence gating gains nothing, as tuned here*"
    return "*No gain of confidence gating is found, as tuned here*"


def _grouped(found: dict[str, Told]) -> list[str]:
    name = _name(REFERENCE)
    return [f"{say(BESIDE, told, other=name)} on {dataset_name(of)}" for of, told in found.items()]


def _claims(frames: Frames) -> str:
    """How many verdicts there are of each kind, and on which claims."""
    found = paper_verdicts(judge(frames))
    if not found:
        return ""
    counts = []
    for verdict in VERDICTS[::-1]:
        own = [key for key, its in found.items() if its == verdict]
        if own:
            counts.append(f"{counted(len(own))} *{verdict}* ({', '.join(_claimed(own, found))})")
    return (
        f"The paper's {counted(len(CLAIMS))} claims have {len(found)} verdicts, one for each "
        f"method that a claim speaks of: {listed(counts)}."
    )


def paper_verdicts(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """By claim and method: the verdict on the datasets that the paper used."""
    return {
        (name, method): verdict
        for name, claim in CLAIMS.items()
        for method in methods_of(name)
        if (verdict := verdict_of(rows, name, method, claim.paper))
    }


def _claimed(own: Sequence[tuple[str, str]], found: Collection[tuple[str, str]]) -> list[str]:
    """Claims, with the method where the other method's verdict is another."""
    named = []
    for claim, method in own:
        all_of_it = [key for key in found if key[0] == claim]
        whole = set(all_of_it) <= set(own)
        named.append(claim if whole else f"{claim} of {_name(method)}")
    return list(dict.fromkeys(named))


def _leaks(frames: Frames) -> str:
    """What is left without overlapping patches, and what that many seeds can detect."""
    points = frames["operating_points"]
    points = points[points["point"] == "one_se"]
    with_leaks, without = (
        _runs(points, dataset, REFERENCE)["accuracy"] for dataset in ("indian_pines", LEAK_FREE)
    )
    if with_leaks.empty or without.empty:
        return ""
    table = power(frames)
    table = table[(table["metric"] == AREA) & (table["dataset"] == LEAK_FREE)]
    fell = "falls" if without.mean() < with_leaks.mean() else "does not fall"
    text = (
        f"*On the disjoint split* of Indian Pines the accuracy of {_name(REFERENCE)} {fell}, from "
        f"{percent(with_leaks.mean())} to {percent(without.mean())} %"
    )
    if table.empty:
        return f"{text}."
    told, pairs = int(table["sufficient"].sum()), len(table)
    which = {0: "any two methods", pairs: "all methods"}.get(told, f"{told} of {pairs} pairs only")
    can = "cannot" if told == 0 else "can"
    return (
        f"{text}, and {counted(int(table['n'].max()))} seeds {can} detect a difference of "
        f"{100 * MARGIN:g} points between {which}."
    )


def _advice(frames: Frames) -> str:
    """Whom to take, by area on the paper's datasets."""
    gains = {
        method: [
            dataset_name(of)
            for of, told in _paper_only(against_reference(frames, method)).items()
            if told.outcome == BETTER
        ]
        for method in CGT
    }
    there = any(against_reference(frames, method) for method in CGT)
    if not there:
        return ""
    better = [f"{_name(method)} on {listed(of)}" for method, of in gains.items() if of]
    if better:
        return f"So, as far as these results go, gates pay: take **{listed(better)}**."
    return f"So, as far as these results go: **train jointly** (`{REFERENCE}`)."


def _paper_only(found: dict[str, Told]) -> dict[str, Told]:
    return {of: told for of, told in found.items() if of != LEAK_FREE}


def _of_paper(frame: pd.DataFrame) -> list[str]:
    return [dataset for dataset in order(frame, "dataset") if dataset != LEAK_FREE]


def _runs(points: pd.DataFrame, dataset: str, method: str) -> pd.DataFrame:
    own = points[(points["dataset"] == dataset) & (points["method"] == method)]
    return own.set_index("seed")


def _name(method: str) -> str:
    return looks([method])[method].name
