"""What the ablations say, in words that follow from their numbers.

Two paragraphs, for pages that show them. Differences in area are paired by seed; nothing is
corrected for the number of variants, unless it is said.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cgt.analysis.ablation.effects import one_each
from cgt.analysis.ablation.table import change
from cgt.analysis.statistics import ALPHA, holm, paired_difference
from cgt.analysis.style import dataset_name, looks, order
from cgt.analysis.told import (
    BETTER,
    SAME,
    SLIGHTLY_BETTER,
    SLIGHTLY_WORSE,
    UNKNOWN,
    UNTESTED,
    WORSE,
    Variants,
    listed,
    say,
    told_of,
)

AREA = "mean_budget_accuracy"
OURS = "cgt_plus"
PARTS = ("leak=0.0", "normalize=true", "label_smoothing=0.1")
"""Changes of one part that the paragraph speaks of, where they were tried."""
TIME = ("skip_resolved=true", "sample_deep=1", "sample_deep=0.7")
"""Changes that save time."""
CHANGED: Variants = {
    BETTER: "gains {size} points",
    SLIGHTLY_BETTER: "gains less than 0.3 points ({by})",
    SAME: "changes nothing within 0.3 points ({by})",
    UNKNOWN: "makes no difference that is found ({by})",
    SLIGHTLY_WORSE: "loses less than 0.3 points ({by})",
    WORSE: "loses {size} points",
    UNTESTED: "was tried at one seed ({by})",
}


def parts_words(areas: pd.DataFrame, exits: pd.DataFrame) -> str:
    """Which part of HardCGT and SoftCGT changes their area, and whether CGT+ beats BranchyNet.

    areas, exits: the ablation's tables; `method` is a variant's name.
    """
    said = []
    for dataset in order(areas, "dataset"):
        by = _by_variant(areas, dataset, AREA)
        own = exits[exits["dataset"] == dataset]
        last = own[own["exit"] == own.groupby("method")["exit"].transform("max")]
        deep = _by_variant(last, dataset, "accuracy")
        for variant in by:
            method, *changes = variant.split(",")
            if len(changes) != 1 or not _is(changes[0], PARTS) or method not in by:
                continue
            area = told_of(by[variant], by[method])
            answer = told_of(deep[variant], deep[method])
            if area and answer:
                said.append(
                    f"{_name(method)} with {change(variant)} {say(CHANGED, area)}, and its last "
                    f"exit {say(CHANGED, answer)}, on {dataset_name(dataset)} (n = {area.n})"
                )
    text = (
        "Single parts changed (area, and accuracy of the last exit, against the tuned method; not "
    )
    text += f"corrected for their number): {'; '.join(said)}."
    return " ".join([*([text] if said else []), *_ours(areas)]) or "No part was changed by itself."


def _ours(areas: pd.DataFrame) -> list[str]:
    """All forms of CGT+ beside its start, which is BranchyNet; corrected by Holm."""
    sentences = []
    for dataset in order(areas, "dataset"):
        by = _by_variant(areas, dataset, AREA)
        if OURS not in by:
            continue
        forms = {
            v: found for v in by if v.startswith(f"{OURS},") and (found := _paired(by, v, OURS))
        }
        told = [p for *_, p in forms.values()]
        if not told:
            continue
        significant = np.array(holm(told)) < ALPHA
        better = [
            change(v)
            for (v, (gain, _)), sure in zip(forms.items(), significant, strict=True)
            if sure and gain > 0
        ]
        where = f"on {dataset_name(dataset)}"
        if better:
            sentences.append(
                f"Of {len(forms)} forms of CGT+ {where}, better than BranchyNet: {listed(better)}."
            )
        else:
            best = max(gain for gain, _ in forms.values())
            sentences.append(
                f"None of {len(forms)} forms of CGT+ {where} is known to be better than BranchyNet "
                "(Holm; "
                f"the best difference is {100 * best:+.2f} points).".replace("-", "\N{MINUS SIGN}")
            )
    return sentences


def time_words(areas: pd.DataFrame, timings: pd.DataFrame) -> str:
    """What the forms that save training time save, and what they cost.

    timings: the table `timing_effects`.
    """
    once = one_each(timings, ["dataset", "method", "variant"])
    parts = []
    for dataset in order(once, "dataset"):
        by = _by_variant(areas, dataset, AREA)
        for row in once[once["dataset"] == dataset].itertuples():
            method, *changes = row.variant.split(",")
            if row.variant == row.baseline or len(changes) != 1 or not _is(changes[0], TIME):
                continue
            if not {row.variant, row.baseline} <= by.keys():
                continue
            told = told_of(by[row.variant], by[row.baseline])
            if told is None:
                continue
            parts.append(
                f"On {dataset_name(dataset)}, {_name(method)} with {change(row.variant)} "
                f"{saved(row.ratio, row.ci_low, row.ci_high)}, and {say(CHANGED, told)}."
            )
    return " ".join(parts) or "No form that saves time was run."


def saved(ratio: float, low: float, high: float) -> str:
    """What a ratio of training times says, with its 95 % interval."""
    times = f"{ratio:.2f} ({low:.2f} to {high:.2f}) of the time"
    if high < 1:
        return f"trains in {times}"
    if low > 1:
        return f"takes longer to train, {times}"
    return f"is not known to save time: it trains in {times}"


def _paired(by: dict[str, pd.Series], a: str, b: str) -> tuple[float, float] | None:
    """Mean difference and p-value; None with fewer than two seeds in common."""
    both = pd.concat([by[a], by[b]], axis=1, join="inner").dropna().to_numpy()
    if len(both) < 2:
        return None
    found = paired_difference(*both.T)
    return found.mean, found.p_value


def _by_variant(table: pd.DataFrame, dataset: str, column: str) -> dict[str, pd.Series]:
    own = table[table["dataset"] == dataset].groupby("method", sort=False)
    return {str(of): part.set_index("seed")[column] for of, part in own}


def _is(given: str, known: Sequence[str]) -> bool:
    """Whether a change such as `leak=0` is one of those, numbers compared as numbers."""
    return any(_parsed(given) == _parsed(one) for one in known)


def _parsed(text: str) -> tuple[str, float | str]:
    key, _, value = text.partition("=")
    try:
        return key, float(value)
    except ValueError:
        return key, value


def _name(method: str) -> str:
    return looks([method])[method].name
