"""What the verdicts depend on, as far as the summary tells: words and numbers follow from it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cgt.analysis.claims import (
    CLAIMS,
    DEPENDS,
    Row,
    conjunction,
    judge,
    methods_of,
    verdict_of,
)
from cgt.analysis.claims.statements import DATASETS
from cgt.analysis.comparisons import AREA
from cgt.analysis.frames import Frames
from cgt.analysis.groups import CGT, REFERENCE
from cgt.analysis.statistics import estimate
from cgt.analysis.style import dataset_name, looks, order
from cgt.analysis.tables.claims import FIRST
from cgt.analysis.tables.in_short import paper_verdicts
from cgt.analysis.tables.parts import points, signed
from cgt.analysis.told import BESIDE, Told, listed, say, told_of
from cgt.analysis.training_signal import last_exit_share

LEARNING_RATES = "learning_rates"
"""Name among the tables of areas at learning rates that no trial had: dataset, method, lr, seed,
`mean_budget_accuracy`."""


def depends_files(frames: Frames) -> dict[str, str]:
    """One point for each choice that a verdict hangs on."""
    rows = judge(frames)
    found = [
        *_learning_rates(frames),
        *_readings(rows),
        *_methods(rows),
        *_gates_alone(frames),
        *_first(rows, frames.get(FIRST)),
    ]
    text = "\n".join(f"- {point}" for point in found)
    return {"depends.md": f"{text or 'Nothing was judged.'}\n"}


def _learning_rates(frames: Frames) -> list[str]:
    """Methods at learning rates that the search has not tried, beside the published BranchyNet."""
    tried = frames.get(LEARNING_RATES)
    if tried is None:
        return []
    said = []
    for (dataset, method, lr), own in tried.groupby(["dataset", "method", "lr"], sort=False):
        areas = frames["areas"]
        areas = areas[areas["dataset"] == dataset]
        by = {of: part.set_index("seed")[AREA] for of, part in areas.groupby("method")}
        if method == REFERENCE or not {method, REFERENCE} <= by.keys():
            continue
        new = told_of(own.set_index("seed")[AREA], by[REFERENCE])
        old = told_of(by[method], by[REFERENCE])
        if new is None or old is None:
            continue
        name, other = _name(method), _name(REFERENCE)
        said.append(
            f"*Learning rate.* At {lr:g}, which no trial had, {name} "
            f"{say(BESIDE, new, other=other)} in area on {dataset_name(dataset)}"
            f"{_beside_others(tried, dataset, own)}; as tuned, it {say(BESIDE, old, other=other)}. "
            f"{_learning_rate_says(new, old)} (Not corrected for other comparisons.)"
        )
    return said


def _beside_others(tried: pd.DataFrame, dataset: str, own: pd.DataFrame) -> str:
    """The same against BranchyNet at the learning rates that were tried for it."""
    others = tried[(tried["dataset"] == dataset) & (tried["method"] == REFERENCE)]
    said = [
        say(BESIDE, told, other=f"{_name(REFERENCE)} at {lr:g}")
        for lr, part in others.groupby("lr")
        if (told := told_of(own.set_index("seed")[AREA], part.set_index("seed")[AREA]))
    ]
    return f", and {listed(said)}" if said else ""


def _learning_rate_says(new: Told, old: Told) -> str:
    if new.outcome == old.outcome:
        return "So its learning rate does not change what may be said."
    return "So what may be said of it hangs on its learning rate."


def _readings(rows: Sequence[Row]) -> list[str]:
    """Sayings that turn round with the reading of their words."""
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row.statement.saying:
            key = row.statement.claim, row.statement.method, row.dataset
            found.setdefault(key, []).append(row)
    turned: dict[str, list[str]] = {}
    for (claim, method, dataset), of in found.items():
        if verdict_of(of, claim, method, [dataset]) == DEPENDS:
            values = "; ".join(f"{row.compared}: {_points(row)}" for row in of)
            where = f"({claim}) of {_name(method)} on {dataset_name(dataset)}"
            turned.setdefault(values, []).append(where)
    if not found:
        return []
    if not turned:
        return ['*What "early" means.* No claim turns round between its two readings.']
    said = [f"{listed(where)} ({values})" for values, where in turned.items()]
    return [
        '*What "early" means.* What is said of leaving early turns round between "before the last '
        f'exit" and "at exit 1" in {listed(said)}.'
    ]


def _methods(rows: Sequence[Row]) -> list[str]:
    """Claims on HardCGT and SoftCGT on which they have different verdicts."""
    said = []
    for claim in CLAIMS:
        for dataset in DATASETS:
            told = {
                method: verdict
                for method in methods_of(claim)
                if (verdict := verdict_of(rows, claim, method, [dataset]))
            }
            if len(set(told.values())) > 1:
                each = ", ".join(f"{_name(method)} {verdict}" for method, verdict in told.items())
                said.append(f"({claim}) on {dataset_name(dataset)}: {each}")
    if len(methods := {row.statement.method for row in rows} & set(CGT)) < 2:
        return []
    if not said:
        return [
            f"*Both methods or one.* {listed(sorted(map(_name, methods)))} have the same verdicts."
        ]
    return [f"*Both methods or one.* Verdicts differ between methods: {'; '.join(said)}."]


def _gates_alone(frames: Frames) -> list[str]:
    """What gates alone leave to the last exit, by their eligibilities."""
    shares = last_exit_share(frames["training"], "mean_eligibility")
    said = []
    for dataset in order(frames["training"], "dataset"):
        own = shares[shares.index.get_level_values("dataset") == dataset].droplevel("dataset")
        there = own.index.get_level_values("method")
        if REFERENCE not in there:
            continue
        for method in CGT:
            if method in there:
                ratio = (own[method] / own[REFERENCE]).dropna()
                if len(ratio):
                    left = estimate(ratio)
                    said.append(
                        f"{left_of(left.mean)} in {_name(method)} on {dataset_name(dataset)} "
                        f"({_ratio(left.mean, (left.ci_high - left.ci_low) / 2)})"
                    )
    if not said:
        return []
    return [
        "*Gates and weight floor.* Gates alone, without λ and the weight floor (`leak`), leave "
        f"the last exit, of its part in {_name(REFERENCE)}: {'; '.join(said)}."
    ]


def left_of(share: float) -> str:
    """A part of a whole in words."""
    for most, words in ((0.1, "next to nothing"), (0.4, "less than half"), (0.6, "about half")):
        if share < most:
            return words
    return "most of it" if share < 0.95 else "all of it"


def _first(rows: Sequence[Row], first: pd.DataFrame | None) -> list[str]:
    """Verdicts that are others than those of the first publication."""
    if first is None:
        return []
    changed = []
    for (claim, method), verdict in paper_verdicts(rows).items():
        own = first[(first["claim"] == claim) & first["dataset"].isin(CLAIMS[claim].paper)]
        if len(own) and (then := conjunction(own["verdict"])) != verdict:
            changed.append(f"({claim}) of {_name(method)}, then {then}, now {verdict}")
    if not changed:
        return ["*The first publication* has the same verdicts."]
    return [f"*The first publication* has other verdicts: {'; '.join(changed)}."]


def _points(row: Row) -> str:
    half = row.estimate.ci_high - row.estimate.mean
    text = signed(row.estimate.mean)
    return text if np.isnan(half) else f"{text} ± {points(half)}"


def _ratio(mean: float, half: float) -> str:
    return f"{mean:.2f}" if np.isnan(half) else f"{mean:.2f} ± {half:.2f}"


def _name(method: str) -> str:
    return looks([method])[method].name
