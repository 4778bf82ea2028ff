"""Small multiples: each study of one dataset is a heat-map (two keys) or points (one key)."""

from collections.abc import Sequence

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cgt.analysis.ablation.effects import significant
from cgt.analysis.ablation.names import key_name, value_name
from cgt.analysis.statistics import span
from cgt.analysis.style import COLUMN, dataset_name, looks, order

_COLUMNS = 4
_HEIGHT = 2.0  # inches of a row of panels
_SMALLEST = 0.2  # points at the ends of the colour scale at least: less is noise
_MAP = "RdBu"


def ablation_figure(table: pd.DataFrame) -> Figure:
    """Difference in area from the tuned method, in points, for every study of one dataset.

    A frame marks the tuned values; bold differences are those whose 95 % interval, paired by seed,
    leaves out 0. Studies that vary two keys come first.
    """
    areas = table[table["metric"] == "mean_budget_accuracy"]
    areas = areas.assign(significant=significant(areas), **_in_points(areas))
    groups = areas.groupby(["row", "column", "method"], sort=False)
    # Maps before points, so that the panels of a row look alike.
    studies = sorted(groups, key=lambda group: group[0][1] == "")
    rows = -(-len(studies) // _COLUMNS)
    figure = Figure((_COLUMNS * COLUMN * 0.65, rows * _HEIGHT + 0.8), layout="constrained")
    axes = figure.subplots(rows, _COLUMNS, squeeze=False)
    reach = max(_SMALLEST, areas["difference"].abs().max())
    colours = matplotlib.cm.ScalarMappable(Normalize(-reach, reach), _MAP)
    for ax, ((_, column, method), study) in zip(axes.flat, studies, strict=False):
        if column:
            _draw_map(ax, study, colours)
        else:
            _draw_points(ax, study)
        ax.set_title(looks([method])[method].name)
        ax.grid(visible=False)
    for ax in axes.flat[len(studies) :]:
        ax.set_axis_off()
    maps = sum(column != "" for (_, column, _), _ in studies)
    _share_limits(axes.flat[maps : len(studies)])
    if maps:
        bar = figure.colorbar(colours, ax=axes, location="bottom", shrink=0.4, aspect=50)
        bar.set_label("Difference in area (points)")
        bar.outline.set_visible(False)
    counts, dataset = areas["n"], dataset_name(order(areas, "dataset")[0])
    many = counts.max() > 1
    seeds = f"95 % intervals over {span(counts)} seeds" if many else "one seed, no interval"
    figure.suptitle(f"{dataset}: area against the tuned method (framed, hollow); {seeds}")
    return figure


def _in_points(areas: pd.DataFrame) -> dict[str, pd.Series]:
    return {name: 100 * areas[name] for name in ("difference", "ci_low", "ci_high")}


def _draw_map(ax: Axes, study: pd.DataFrame, colours: matplotlib.cm.ScalarMappable) -> None:
    rows, columns = order(study, "row_value"), order(study, "column_value")
    for cell in study.to_dict("records"):
        x, y = columns.index(cell["column_value"]), rows.index(cell["row_value"])
        tuned = cell["variant"] == cell["method"]
        colour = colours.to_rgba(cell["difference"])
        ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white"))
        half = (cell["ci_high"] - cell["ci_low"]) / 2
        shown = _signed(cell["difference"]) + (f"\n±{half:.2f}" if cell["n"] > 1 else "")
        dark = colours.norm.vmax > 0 and abs(cell["difference"]) > 0.6 * colours.norm.vmax
        ax.text(
            *(x, y, "tuned" if tuned else shown),
            ha="center",
            va="center",
            fontsize=6,
            color="white" if dark else "black",
            fontweight="bold" if cell["significant"] else "normal",
        )
        if tuned:
            frame = Rectangle((x - 0.47, y - 0.47), 0.94, 0.94, fill=False, linewidth=1.2, zorder=3)
            ax.add_patch(frame)
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xticks(range(len(columns)), [value_name(value) for value in columns])
    ax.set_yticks(range(len(rows)), [value_name(value) for value in rows])
    ax.set_xlabel(key_name(study["column"].iloc[0]))
    ax.set_ylabel(key_name(study["row"].iloc[0]))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _draw_points(ax: Axes, study: pd.DataFrame) -> None:
    look = looks(study["method"])[study["method"].iloc[0]]
    ax.axhline(0, color="0.4", linewidth=0.8)
    for x, cell in enumerate(study.to_dict("records")):
        tuned = cell["variant"] == cell["method"]
        half = (cell["ci_high"] - cell["ci_low"]) / 2
        ax.errorbar(
            x,
            cell["difference"],
            yerr=half if cell["n"] > 1 and not tuned else None,
            color=look.color,
            marker=look.marker,
            markerfacecolor="white" if tuned else look.color,
            markersize=5,
            capsize=2,
            linewidth=1.1,
        )
    ax.margins(y=0.1)
    ax.set_xlim(-0.6, len(study) - 0.4)
    ax.set_xticks(range(len(study)), [value_name(value) for value in study["row_value"]])
    ax.set_xlabel(key_name(study["row"].iloc[0]))
    ax.set_ylabel("Difference (points)")


def _share_limits(axes: Sequence[Axes]) -> None:
    """One scale for all points, so that panels can be compared."""
    limits = [ax.get_ylim() for ax in axes]
    for ax in axes:
        ax.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
