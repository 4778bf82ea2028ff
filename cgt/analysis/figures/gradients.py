"""Which exits train the stage that all of them share, and do their gradients agree?"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from cgt.analysis.figures.parts import (
    band,
    exit_handles,
    legend,
    method_panels,
    pick,
    row_label,
)
from cgt.analysis.frames import Frames, routing_exits
from cgt.analysis.statistics import half_width
from cgt.analysis.style import EXIT_COLORS, order

_PAIR_COLORS = ("#e6ab02", "#d95f02", "#7570b3", "#666666", "#1b9e77", "#a6761d")
"""Not the exits' colours: a pair is no exit."""
_NOTE = "; norms: geometric mean"


def gradients(frames: Frames) -> Figure:
    """Gradients of the exits' weighted losses on the first stage, over epochs.

    For each dataset a block with the norm of each exit's gradient, geometric means, and one with
    the cosine between the gradients of two exits; all methods that route samples side by side.
    Measured at the end of each epoch on a fixed set of training samples.
    """
    frame = frames["gradients"]
    frame = frame[frame["stage"] == 1]
    exits = routing_exits(frames)
    datasets = order(frame, "dataset")
    colors = dict(zip(pairs_of(max(exits.values())), _PAIR_COLORS, strict=False))
    figure, blocks, columns = method_panels(2 * len(datasets), exits, 1.2, "Epoch")
    for number, dataset in enumerate(datasets):
        norms, cosines = blocks[2 * number : 2 * number + 2]
        for norm, cosine, method in zip(norms, cosines, exits, strict=True):
            picked = pick(frame, dataset, method)
            for e in sorted(picked["exit"].unique()):
                _norm(norm, picked, e, EXIT_COLORS[e - 1])
            cosine.axhline(0, color="0.15", linewidth=0.8, zorder=1)
            for pair, color in colors.items():
                _cosine(cosine, picked, pair, color)
        _log_y(norms)
        _cosine_y(cosines)
        for block, label in ((norms, "Norm"), (cosines, "Cosine")):
            _label(block, columns, row_label(dataset, label))
    handles = [
        Line2D([], [], color=color, linewidth=2.5, label=f"Exits {one} and {two}")
        for (one, two), color in colors.items()
    ]
    legend(figure, [*exit_handles(max(exits.values())), *handles], frame, _NOTE)
    return figure


def pairs_of(exits: int) -> list[tuple[int, int]]:
    """Pairs of exits, from 1, to compare: all, or with more than four those with the last exit."""
    pairs = list(itertools.combinations(range(1, exits + 1), 2))
    return [pair for pair in pairs if exits <= 4 or pair[1] == exits]


def _label(axes: Sequence[Axes], columns: int, label: str) -> None:
    """Name a block at the left of each of its rows, and give all its panels the same epochs."""
    first, last = zip(*(ax.get_xlim() for ax in axes if ax.lines), strict=True)
    for number, ax in enumerate(axes):
        ax.set_xlim(min(first), max(last))
        ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        if number % columns:
            ax.tick_params(labelleft=False)
        else:
            ax.set_ylabel(label)


def _norm(ax: Axes, picked: pd.DataFrame, number: int, color: str) -> None:
    """One exit's norms; as on the logarithmic scale, an interval cannot reach 0. No norm, a gap."""
    values = picked[(picked["exit"] == number) & (picked["other"] == number)]
    if values.empty:
        return
    table = values.pivot(index="seed", columns="epoch", values="norm")
    logs = np.log(table.where(table > 0).to_numpy())
    epochs, mean, half = table.columns.to_numpy(), logs.mean(axis=0), half_width(logs)
    ax.plot(epochs, np.exp(mean), color=color)
    if len(logs) > 1:
        ends = np.exp(mean - half), np.exp(mean + half)
        ax.fill_between(epochs, *ends, color=color, alpha=0.15, linewidth=0)


def _cosine(ax: Axes, picked: pd.DataFrame, pair: tuple[int, int], color: str) -> None:
    """One pair's line over the epochs, if the method has both exits."""
    one, two = pair
    values = picked[(picked["exit"] == one) & (picked["other"] == two)]
    if not values.empty:
        table = values.pivot(index="seed", columns="epoch", values="cosine")
        band(ax, table.columns.to_numpy(), table.to_numpy(), color=color)


def _log_y(axes: Sequence[Axes]) -> None:
    """A logarithmic scale over all means; a band may leave it."""
    means = np.concatenate([line.get_ydata() for ax in axes for line in ax.lines] or [[1.0]])
    means = means[means > 0]
    for ax in axes:
        ax.set_yscale("log")
        ax.set_ylim(means.min() / 2, means.max() * 2)
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter("")


def _cosine_y(axes: Sequence[Axes]) -> None:
    """One scale for neighbouring panels, labelled once; a band may leave it, a cosine cannot."""
    limits = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(max(-1.05, limits.min()), min(1.05, limits.max()))
