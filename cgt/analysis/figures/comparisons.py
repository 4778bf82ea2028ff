"""Which methods differ from BranchyNet, over the whole range of costs?"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cgt.analysis.comparisons import AREA, differences, reference_of
from cgt.analysis.figures.off_scale import NOTE, arrow, off_scale
from cgt.analysis.figures.parts import legend, panels, percent
from cgt.analysis.frames import Frames
from cgt.analysis.statistics import ALPHA
from cgt.analysis.style import COLUMN, MethodStyle, dataset_name, looks, order


def comparisons(frames: Frames) -> Figure:
    """Difference in area from BranchyNet, paired by seed, with 95 % intervals; datasets in columns.

    A filled marker is a difference that is significant after Holm's correction over all methods of
    the dataset. A panel's scale is that of its ordinary intervals; one that reaches much
    farther is an arrow, with its numbers printed. Without BranchyNet, the first method is the
    reference.
    """
    areas = frames["areas"]
    methods = order(areas, "method")
    reference = reference_of(methods)
    others = [method for method in methods if method != reference]
    pairs = differences(frames)
    pairs = pairs[pairs["metric"] == AREA]
    pairs = pairs.assign(half=(pairs["ci_high"] - pairs["ci_low"]) / 2)
    datasets = order(areas, "dataset")
    width = max(0.8 * COLUMN, 4.6 / len(datasets))
    figure, axes = panels(1, len(datasets), width, 0.55 + 0.2 * len(others), sharey=True)
    for ax, dataset in zip(axes[0], datasets, strict=True):
        found = pairs[pairs["dataset"] == dataset].set_index("method")
        ax.axvline(0, color="0.15", linewidth=0.8, zorder=0.9)  # below the text of arrows
        beyond = off_scale(found["difference"], found["half"])
        for y, (method, look) in enumerate(looks(others).items()):
            if method not in found.index:
                continue
            row = found.loc[method]
            if beyond[method]:
                arrow(ax, y, 100 * row["difference"], 100 * row["half"], **_marker(row, look))
            else:
                _interval(ax, y, row, look)
        ax.set_title(dataset_name(dataset))
        ax.xaxis.set_major_locator(MaxNLocator(5))
        percent(ax.xaxis)
        ax.grid(visible=False, axis="y")
        ax.tick_params(axis="y", length=0)
    axes[0, 0].set_yticks(range(len(others)), [look.name for look in looks(others).values()])
    axes[0, 0].set_ylim(max(len(others), 1) - 0.5, -0.5)
    name = looks([reference])[reference].name
    axes[0, len(datasets) // 2].set_xlabel(f"Difference in area from {name} (points)")
    handles = [
        Line2D([], [], color="0.3", marker="o", linestyle="", markerfacecolor=fill, label=label)
        for fill, label in (
            ("0.3", "Holm-corrected p < 0.05"),
            ("white", "not significant"),
        )
    ]
    legend(figure, handles, areas, NOTE)
    return figure


def _interval(ax: Axes, y: int, row: pd.Series, look: MethodStyle) -> None:
    ax.errorbar(
        row["difference"],
        y,
        xerr=None if np.isnan(row["half"]) else row["half"],
        capsize=2,
        linewidth=1.1,
        **_marker(row, look),
    )


def _marker(row: pd.Series, look: MethodStyle) -> dict[str, str | float]:
    filled = row["p_holm"] < ALPHA
    return {
        "color": look.color,
        "marker": look.marker,
        "markersize": 5,
        "markerfacecolor": look.color if filled else "white",
    }
