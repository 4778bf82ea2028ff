"""What does accuracy cost?"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cgt.analysis.figures.parts import accuracy_against, pick
from cgt.analysis.frames import Frames, exit_counts, routing_exits
from cgt.analysis.statistics import half_width
from cgt.analysis.style import MethodStyle, looks, order

_STAR = {"marker": "*", "markersize": 8, "markeredgewidth": 0.6}
_STEPS = {"linestyle": ":", "linewidth": 1.0}


def accuracy_cost(frames: Frames) -> Figure:
    """Test accuracy against mean cost per sample, as the threshold moves; one panel per dataset.

    Cost is relative to the dataset's single-exit network, for every method.

    Beside the curves: networks trained side by side, one per depth, as points with intervals, and
    as stars what each method would reach if every sample left at the first exit that is right.
    """
    routing = routing_exits(frames)
    counts = exit_counts(frames["exits"])
    names = looks(counts)
    static = [method for method, n in counts.items() if n > 1 and method not in routing]
    handles = [_handle(names[method]) for method in static]
    handles.append(Line2D([], [], color="0.5", linestyle="", label="Oracle", **_STAR))
    figure = accuracy_against(
        frames,
        lambda frame: frame["relative_cost"],
        "Cost (% of the single-exit network)",
        handles,
    )
    for ax, dataset in zip(figure.axes, order(frames["curves"], "dataset"), strict=True):
        for method in static:
            _points(ax, pick(frames["exits"], dataset, method), names[method])
        for method in routing:
            _star(ax, pick(frames["oracle"], dataset, method), names[method])
    return figure


def _handle(look: MethodStyle) -> Line2D:
    return Line2D([], [], color=look.color, marker=look.marker, label=look.name, **_STEPS)


def _points(ax: Axes, exits: pd.DataFrame, look: MethodStyle) -> None:
    """Accuracy and cost of each network, and a line that leads the eye from one to the next."""
    if exits.empty:
        return
    accuracy = exits.pivot(index="seed", columns="exit", values="accuracy").to_numpy()
    ax.errorbar(
        exits.groupby("exit")["relative_cost"].mean(),
        accuracy.mean(axis=0),
        yerr=half_width(accuracy) if len(accuracy) > 1 else None,
        color=look.color,
        marker=look.marker,
        markersize=5.5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        elinewidth=0.8,
        zorder=3,
        **_STEPS,
    )


def _star(ax: Axes, oracle: pd.DataFrame, look: MethodStyle) -> None:
    if oracle.empty:
        return
    low, high = ax.get_ylim()
    y = oracle["accuracy"].mean()
    ax.plot(oracle["relative_cost"].mean(), y, color=look.color, markeredgecolor="white", **_STAR)
    ax.set_ylim(low, max(high, y + 0.05 * (y - low)))
