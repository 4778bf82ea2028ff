"""Figures of a method that joins the published rows: its curve and its differences."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cgt.analysis.figures.parts import band, percent
from cgt.analysis.groups import REFERENCE
from cgt.analysis.join import AREA, Frames, curves
from cgt.analysis.statistics import ALPHA
from cgt.analysis.style import RC, dataset_name, looks, order

WIDTH = 6.75
"""Of a page, inches."""
_MINE = "#d62728"
_OTHERS = "0.75"


def join_curves(published: Frames, own: Frames, name: str) -> Figure:
    """Accuracy within every budget of cost: the joining method over all published curves.

    Means over seeds; of the joining method with the 95 % interval. BranchyNet has its own colour,
    the others are grey. Where a budget cannot be met, the most frequent class is answered.
    """
    datasets = order(own["budgets"], "dataset") if len(own["budgets"]) else []
    with matplotlib.rc_context(RC):
        figure, axes = _grid(len(datasets), 2.2)
        look = looks([REFERENCE])[REFERENCE]
        for ax, dataset in zip(axes, datasets, strict=True):
            means = []
            for method, budgets, accuracy in curves(published, dataset):
                known = method == REFERENCE
                color, z, width = (look.color, 2.5, 1.0) if known else (_OTHERS, 2, 0.6)
                ax.plot(budgets, accuracy.mean(axis=0), color=color, zorder=z, linewidth=width)
                means.append(accuracy.mean(axis=0))
            for _, budgets, accuracy in curves(own, dataset):
                band(ax, budgets, accuracy, color=_MINE, linewidth=1.6, zorder=3)
                means.append(accuracy.mean(axis=0))
            _limit(ax, np.concatenate(means))
            ax.set_title(dataset_name(dataset))
            ax.set_xlabel("Budget (% of the single-exit network)")
            ax.set_ylabel("Test accuracy (%)")
            percent(ax.xaxis)
            percent(ax.yaxis)
        handles = [
            Line2D([], [], color=_MINE, linewidth=1.6, label=name),
            Line2D([], [], color=look.color, linewidth=1.0, label=look.name),
            Line2D([], [], color=_OTHERS, linewidth=1.0, label="other published entries"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def join_differences(found: pd.DataFrame, name: str) -> Figure:
    """Difference in area from every published entry, paired by seed, with 95 % intervals, sorted.

    A filled marker is a difference with Holm-corrected p < 0.05. found: as `join.differences`.
    """
    area = found[found["metric"] == AREA]
    datasets = order(area, "dataset")
    most = max([len(area[area["dataset"] == dataset]) for dataset in datasets], default=1)
    with matplotlib.rc_context(RC):
        figure, axes = _grid(len(datasets), 0.7 + 0.17 * most)
        styles = looks(area["method"])
        for ax, dataset in zip(axes, datasets, strict=True):
            part = area[area["dataset"] == dataset].sort_values("difference", ascending=False)
            ax.axvline(0, color="0.15", linewidth=0.8, zorder=0.9)
            for y, row in enumerate(part.itertuples()):
                look = styles[row.method]
                half = (row.ci_high - row.ci_low) / 2
                ax.errorbar(
                    row.difference,
                    y,
                    xerr=None if np.isnan(half) else half,
                    capsize=2,
                    linewidth=1.0,
                    color=look.color,
                    marker=look.marker,
                    markersize=4.5,
                    markerfacecolor=look.color if row.p_holm < ALPHA else "white",
                )
            names = [styles[method].name for method in part["method"]]
            ax.set_yticks(range(len(part)), names)
            ax.set_ylim(len(part) - 0.5, -0.5)
            ax.tick_params(axis="y", length=0)
            ax.grid(visible=False, axis="y")
            ax.xaxis.set_major_locator(MaxNLocator(5))
            percent(ax.xaxis)
            ax.set_title(dataset_name(dataset))
            ax.set_xlabel(f"{name} − entry, area (points)")
        handles = [
            Line2D([], [], color="0.3", marker="o", linestyle="", markerfacecolor=fill, label=text)
            for fill, text in (("0.3", "Holm-corrected p < 0.05"), ("white", "not significant"))
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _grid(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """So many panels, two in a row at most."""
    columns = min(max(count, 1), 2)
    rows = max(1, -(-count // columns))
    figure = Figure(figsize=(WIDTH, rows * height + 0.4), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for ax in axes[count:]:
        ax.set_axis_off()
    return figure, axes[:count]


def _limit(ax: Axes, means: np.ndarray) -> None:
    """The axis shows where curves are close together, not the guess below the first exit."""
    best = means.max()
    low = max(means.min(), best - max(0.05, 4 * (best - np.median(means))))
    ax.set_ylim(low - 0.05 * (best - low) - 1e-3, best + 0.08 * (best - low) + 1e-3)
