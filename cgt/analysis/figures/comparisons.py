"""Which methods differ from BranchyNet, over the whole range of costs?"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cgt.analysis.comparisons import comparisons as all_pairs
from cgt.analysis.figures.parts import Frames, legend, panels
from cgt.analysis.style import COLUMN, dataset_name, looks, order

REFERENCE = "branchynet"
ALPHA = 0.05


def comparisons(frames: Frames) -> Figure:
    """Difference in area from BranchyNet, paired by seed, with 95 % intervals; datasets in columns.

    A filled marker is a difference that stands after Holm's correction over all pairs of methods of
    the dataset. Without BranchyNet, the first method is the reference.
    """
    areas = frames["areas"]
    methods = order(areas, "method")
    reference = REFERENCE if REFERENCE in methods else methods[0]
    others = [method for method in methods if method != reference]
    pairs = all_pairs(frames)
    pairs = _against(pairs[pairs["metric"] == "area"], reference)
    datasets = order(areas, "dataset")
    width = max(0.8 * COLUMN, 4.6 / len(datasets))
    figure, axes = panels(1, len(datasets), width, 0.55 + 0.2 * len(others), sharey=True)
    for ax, dataset in zip(axes[0], datasets, strict=True):
        found = pairs[pairs["dataset"] == dataset].set_index("method")
        ax.axvline(0, color="0.15", linewidth=0.8, zorder=1)
        for y, (method, look) in enumerate(looks(others).items()):
            if method not in found.index:
                continue
            row = found.loc[method]
            ax.errorbar(
                row["difference"],
                y,
                xerr=None if np.isnan(row["half"]) else row["half"],
                color=look.color,
                marker=look.marker,
                markersize=5,
                markerfacecolor=look.color if row["p_holm"] < ALPHA else "white",
                capsize=2,
                linewidth=1.1,
            )
        ax.set_title(dataset_name(dataset))
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.xaxis.set_major_formatter(
            lambda share, _: f"{round(100 * share, 6):g}".replace("-", "−")
        )
        ax.grid(visible=False, axis="y")
        ax.tick_params(axis="y", length=0)
    axes[0, 0].set_yticks(range(len(others)), [look.name for look in looks(others).values()])
    axes[0, 0].set_ylim(len(others) - 0.5, -0.5)
    name = looks([reference])[reference].name
    axes[0, len(datasets) // 2].set_xlabel(f"Difference in area from {name} (points)")
    handles = [
        Line2D([], [], color="0.3", marker="o", linestyle="", markerfacecolor=fill, label=label)
        for fill, label in (("0.3", "Holm-corrected p < 0.05"), ("white", "not told from 0"))
    ]
    legend(figure, handles, areas)
    return figure


def _against(pairs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Each method minus the reference: dataset, method, difference, half the interval, p_holm."""
    half = (pairs["ci_high"] - pairs["ci_low"]) / 2
    pairs = pairs.assign(half=half)
    minus = pairs[pairs["method_b"] == reference].assign(method=lambda frame: frame["method_a"])
    plus = pairs[pairs["method_a"] == reference].assign(
        method=lambda frame: frame["method_b"], difference=lambda frame: -frame["difference"]
    )
    return pd.concat([plus, minus])[["dataset", "method", "difference", "half", "p_holm"]]
