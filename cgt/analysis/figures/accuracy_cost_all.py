"""What does accuracy cost with each method, beside all others?"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cgt.analysis.figures.parts import (
    accuracy_limits,
    legend,
    method_panels,
    on_grid,
    percent,
    pick,
    row_label,
)
from cgt.analysis.frames import Frames, exit_counts, routing_exits
from cgt.analysis.style import looks, order

_OTHERS = {"color": "0.8", "linewidth": 0.7}
_ALONE = {"color": "0.4", "linewidth": 0.8, "linestyle": "--"}


def accuracy_cost_all(frames: Frames) -> Figure:
    """Test accuracy against mean cost, a small panel for each method that routes samples.

    Datasets in rows. In each panel the method's curve, mean over seeds, lies over those of all
    others; dashed: the network with one exit. A row's accuracy axis ends well below the best
    values, as in `accuracy_cost`. Cost is relative to the dataset's single-exit network.
    """
    curves = frames["curves"].assign(x=frames["curves"]["relative_cost"])
    routing = routing_exits(frames)
    alone = [method for method, n in exit_counts(frames["exits"]).items() if n == 1]
    datasets = order(curves, "dataset")
    figure, blocks, columns = method_panels(
        len(datasets), routing, 1.25, "Cost (%)", sharex="row", sharey="row"
    )
    for row, dataset in zip(blocks, datasets, strict=True):
        drawn = _curves(curves, dataset, routing)
        levels = [_level(frames, dataset, method) for method in alone]
        for ax, method in zip(row, routing, strict=True):
            _panel(ax, drawn, levels, method)
        known = [values for _, values in drawn.values()]
        for ax in row:
            ax.set_ylim(*accuracy_limits([*known, *(np.array([[one]]) for one in levels)]))
        for ax in row[::columns]:
            ax.set_ylabel(row_label(dataset, "Accuracy (%)"))
    for ax in figure.axes:
        percent(ax.xaxis)
        percent(ax.yaxis)
    handles = [
        Line2D([], [], color="0.15", label="the panel's method"),
        Line2D([], [], label="all others", **_OTHERS),
        *([Line2D([], [], label=looks(alone)[alone[0]].name, **_ALONE)] if alone else []),
    ]
    legend(figure, handles, curves, shown="mean")
    return figure


def _curves(
    curves: pd.DataFrame, dataset: str, methods: dict[str, int]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Costs and accuracies [seeds, points] of the methods that were run on the dataset."""
    picked = {method: pick(curves, dataset, method) for method in methods}
    return {method: on_grid(curve) for method, curve in picked.items() if len(curve)}


def _level(frames: Frames, dataset: str, method: str) -> float:
    return pick(frames["exits"], dataset, method)["accuracy"].mean()


def _panel(
    ax: Axes,
    drawn: dict[str, tuple[np.ndarray, np.ndarray]],
    levels: list[float],
    method: str,
) -> None:
    for level in levels:
        ax.axhline(level, zorder=1.5, **_ALONE)
    for other, (x, values) in drawn.items():
        if other != method:
            ax.plot(x, values.mean(axis=0), zorder=1, **_OTHERS)
    if method in drawn:
        x, values = drawn[method]
        ax.plot(x, values.mean(axis=0), color=looks(drawn)[method].color, zorder=2)
