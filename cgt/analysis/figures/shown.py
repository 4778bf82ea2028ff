"""Which methods a figure shows: the paper's and a few others; the rest has small panels."""

import pandas as pd

from cgt.analysis.frames import Frames, exit_counts
from cgt.records.cards import cards

MOST_OTHERS = 3
"""How many methods that are not the paper's a figure has room for."""
_PAPER = ("reference", "paper")


def shown_methods(frames: Frames) -> list[str]:
    """The paper's methods and references, and the others with the best areas; order of display.

    Others are variants of the paper's methods, too. An area is compared within its dataset: mean
    over seeds minus mean over all methods, then mean over the datasets that the method was run on.
    """
    methods = list(exit_counts(frames["exits"]))
    known = cards("methods")
    papers = {name for name in methods if name in known and known[name]["family"] in _PAPER}
    others = [name for name in methods if name not in papers]
    if len(others) > MOST_OTHERS:
        # A sort that keeps the order of display among equals; what has no area comes last.
        areas = _areas(frames["areas"]).reindex(others).sort_values(ascending=False, kind="stable")
        others = areas.index[:MOST_OTHERS].tolist()
    return [name for name in methods if name in papers or name in others]


def only(frames: Frames, methods: list[str]) -> Frames:
    """The tables with the rows of these methods; the same tables where these are all there are."""
    if set(exit_counts(frames["exits"])) <= set(methods):
        return frames
    return {name: frame[frame["method"].isin(methods)] for name, frame in frames.items()}


def _areas(areas: pd.DataFrame) -> pd.Series:
    mean = areas.pivot_table(
        index="dataset", columns="method", values="mean_budget_accuracy", aggfunc="mean"
    )
    return mean.sub(mean.mean(axis=1), axis=0).mean()
