"""Who stands out among all entries, and who cannot be told from BranchyNet?"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from cgt.analysis.figures.off_scale import NOTE, arrow, off_scale
from cgt.analysis.figures.parts import percent
from cgt.analysis.groups import REFERENCE
from cgt.analysis.power import SMALL
from cgt.analysis.statistics import ALPHA, span
from cgt.analysis.style import MethodStyle, dataset_name, looks, order

_WIDTH = 6.75  # inches, a page's
_MOST = 3
"""Panels side by side at most: each has the names of its own entries."""
_LINE = 0.15  # inches for each entry
_ROOM = 0.6  # inches for title and axis of a row of panels
_LEGEND = 0.5
_BAND = {"color": "0.9", "linewidth": 0}


def leaderboard(board: pd.DataFrame) -> Figure:
    """Difference in area from BranchyNet, best first, with 95 % intervals; one panel per dataset.

    `board` is what :func:`cgt.analysis.leaderboard.standings` gives; entries without a difference
    are left out. Filled: significant after Holm's correction over all entries of the dataset. Band:
    differences of at most `SMALL`. Each panel has its own scale; what reaches far beyond it is an
    arrow with its numbers. A star behind a name: the entry is marked.
    """
    board = board[board["difference"].notna() & (board["method"] != REFERENCE)]
    datasets = order(board, "dataset")
    lines = board.groupby("dataset")["method"].size()
    columns = min(max(len(datasets), 1), _MOST)
    rows = -(-len(datasets) // columns)
    heights = [
        _LINE * max((lines[of] for of in datasets[row * columns : (row + 1) * columns]), default=1)
        + _ROOM
        for row in range(rows)
    ]
    figure = Figure(figsize=(_WIDTH, sum(heights) + _LEGEND), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, height_ratios=heights).flat)
    for ax, dataset in zip(axes, datasets, strict=False):
        _panel(ax, board[board["dataset"] == dataset].reset_index(drop=True))
        ax.set_title(dataset_name(dataset), loc="right")  # there is room above the names
    for ax in axes[len(datasets) :]:
        ax.set_axis_off()
    for ax in axes[max(len(datasets) - columns, 0) : len(datasets)]:  # nothing stands below
        ax.set_xlabel("Difference (points)", fontsize=7)
    _legend(figure, board)
    return figure


def _panel(ax: Axes, board: pd.DataFrame) -> None:
    names = looks(board["method"])
    half = (board["ci_high"] - board["ci_low"]) / 2
    beyond = off_scale(board["difference"], half)
    ax.axvspan(-SMALL, SMALL, zorder=0.5, **_BAND)
    ax.axvline(0, color="0.15", linewidth=0.8, zorder=0.9)
    for y, row in enumerate(board.itertuples()):
        marker = _marker(row.p_holm < ALPHA, names[row.method])
        if beyond[y]:
            arrow(ax, y, 100 * row.difference, 100 * half[y], step=0.08, **marker)
        else:
            error = None if np.isnan(half[y]) else half[y]
            ax.errorbar(row.difference, y, xerr=error, capsize=1.5, linewidth=1, **marker)
    labels = [f"{names[row.method].name}{'*' if row.mark else ''}" for row in board.itertuples()]
    ax.set_yticks(range(len(board)), labels, fontsize=6.5)
    ax.set_ylim(len(board) - 0.4, -0.6)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    percent(ax.xaxis)
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)


def _marker(filled: bool, look: MethodStyle) -> dict[str, str | float]:
    return {
        "color": look.color,
        "marker": look.marker,
        "markersize": 4,
        "markerfacecolor": look.color if filled else "white",
    }


def _legend(figure: Figure, board: pd.DataFrame) -> None:
    handles = [
        Line2D([], [], color="0.3", marker="o", linestyle="", markerfacecolor=fill, label=label)
        for fill, label in (
            ("0.3", f"Holm-corrected p < {ALPHA:.2g}"),
            ("white", "not significant"),
        )
    ]
    handles.append(Patch(label=f"at most {100 * SMALL:g} points", **_BAND))
    several = len(board) and board["n"].max() > 1
    seeds = f"mean and 95 % interval over {span(board['n'])} seeds" if several else "one seed"
    what = f"difference in area from {looks([REFERENCE])[REFERENCE].name}"
    marked = "; *: trial or untuned" if board["mark"].any() else ""
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles),
        title=f"{what}: {seeds}{NOTE}{marked}",
        title_fontsize="small",
    )
