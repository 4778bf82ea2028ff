"""Which exits train the part of the network that they share, and do they agree?"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from cgt.analysis.figures.parts import (
    Frames,
    band,
    exit_handles,
    legend,
    panels,
    pick,
)
from cgt.analysis.frames import routing_exits
from cgt.analysis.groups import GATED, REFERENCE
from cgt.analysis.statistics import half_width
from cgt.analysis.style import EXIT_COLORS, dataset_name, looks, order

SHOWN = (REFERENCE, *GATED)
_PAIR_COLORS = ("#e6ab02", "#d95f02", "#7570b3", "#666666", "#1b9e77", "#a6761d")
"""Not the exits' colours: a pair is no exit."""
_NOTE = "; norms: geometric mean"


def gradients(frames: Frames) -> Figure:
    """Gradients of the exits' weighted losses on the first stage, over epochs.

    Datasets in rows. Left half: norm of each exit's gradient for BranchyNet and the methods with a
    gate, geometric means; right half: cosine between the gradients of two exits. Measured at the
    end of each epoch on a fixed set of training samples. Without any of these methods, all that
    route samples are shown.
    """
    frame = frames["gradients"]
    frame = frame[frame["stage"] == 1]
    exits = routing_exits(frames)
    exits = {method: exits[method] for method in exits if method in SHOWN} or exits
    datasets = order(frame, "dataset")
    pairs = list(itertools.combinations(range(1, max(exits.values()) + 1), 2))
    colors = dict(zip(pairs, itertools.cycle(_PAIR_COLORS), strict=False))
    count = len(exits)
    figure, axes = panels(len(datasets), 2 * count, max(1.25, 3 / count), 1.5, sharex="row")
    for row, dataset in zip(axes, datasets, strict=True):
        for number, method in enumerate(exits):
            picked = pick(frame, dataset, method)
            for e in range(1, exits[method] + 1):
                _norm(row[number], picked, e, EXIT_COLORS[e - 1])
            for pair in pairs:
                _cosine(row[count + number], picked, pair, colors[pair])
        _log_y(row[:count])
        for ax in row[count:]:
            ax.axhline(0, color="0.15", linewidth=0.8, zorder=1)
        _cosine_y(row[count:])
        row[0].xaxis.set_major_locator(MaxNLocator(3, integer=True))
        row[0].set_ylabel(f"{dataset_name(dataset)}\nGradient norm")
        row[count].set_ylabel("Cosine")
    for number, (top, bottom) in enumerate(zip(axes[0], axes[-1], strict=True)):
        top.set_title(list(looks(exits).values())[number % count].name)
        bottom.set_xlabel("Epoch")
    handles = [
        Line2D([], [], color=color, linewidth=2.5, label=f"Exits {one} and {two}")
        for (one, two), color in colors.items()
    ]
    legend(figure, [*exit_handles(max(exits.values())), *handles], frame, _NOTE)
    return figure


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
    for ax in axes[1:]:
        ax.tick_params(labelleft=False)


def _cosine_y(axes: Sequence[Axes]) -> None:
    """One scale for neighbouring panels, labelled once; a band may leave it, a cosine cannot."""
    limits = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(max(-1.05, limits.min()), min(1.05, limits.max()))
    for ax in axes[1:]:
        ax.tick_params(labelleft=False)
