"""What several figures share: panels, bands over seeds, and accuracy drawn against something."""

import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cgt.analysis.frames import Frames, exit_counts, routing_exits
from cgt.analysis.statistics import half_width, span
from cgt.analysis.style import COLUMN, EXIT_COLORS, dataset_name, looks, order

_GRID = 201
_CROWDED = 0.5
"""Bands that typically are higher than this part of a panel hide its curves."""
_LEGEND = 0.7  # inches below the panels
_NARROW = 16
"""Letters that fit above a small panel."""
_MOST = 5
"""Panels side by side at most: more could not be read in the width of a page."""


def panels(
    rows: int, columns: int, width: float, height: float, **options: Any
) -> tuple[Figure, np.ndarray]:
    """A figure of rows x columns panels of the given size in inches; axes are always 2-D."""
    size = (columns * width, rows * height + _LEGEND)
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def method_panels(
    blocks: int, methods: Iterable[str], height: float, label: str, **options: Any
) -> tuple[Figure, list[list[Axes]], int]:
    """A small panel for every block (in rows) and method (side by side); `label` of x.

    With more than `_MOST` methods a block takes several rows of panels. The methods' names stand
    above the panels, once if every block is one row.

    Returns:
        The figure, the panels of each block in the order of the methods, and how many panels stand
        side by side: every so many panels a new row begins.
    """
    methods = list(methods)
    lines = -(-len(methods) // _MOST)
    columns = -(-len(methods) // lines)
    width = max(1.3, 7.0 / max(columns, 4))
    figure, axes = panels(blocks * lines, columns, width, height, **options)
    cells = axes.reshape(blocks, lines * columns)
    names = [look.name for look in looks(methods).values()]
    for number, block in enumerate(cells):
        for ax, name in zip(block, names, strict=False):
            if lines > 1 or number == 0:
                _narrow_title(ax, name)
        for ax in block[len(methods) :]:
            ax.set_axis_off()
    shown = cells[:, : len(methods)]
    for ax in axes[-1]:
        ax.set_xlabel(label)
    for ax in shown[-1][-columns:]:
        ax.tick_params(labelbottom=True)  # even if the panel below is not there
    return figure, [list(block) for block in shown], columns


def _narrow_title(ax: Axes, name: str) -> None:
    """A name above a small panel, in several lines or smaller letters where it is long."""
    parts = textwrap.wrap(name, _NARROW, break_long_words=False)
    longest = max(map(len, parts))
    ax.set_title("\n".join(parts), fontsize=8.5 * min(1, _NARROW / longest))


def row_label(dataset: str, quantity: str) -> str:
    """The label at the left of a row of small panels: dataset, in lines that fit, and quantity."""
    return "\n".join([*textwrap.wrap(dataset_name(dataset), 14), quantity])


def percent(axis: Axis) -> None:
    """Show shares in [0, 1] as percentages; the sign itself belongs into the axis label."""
    axis.set_major_formatter(lambda share, _: f"{round(100 * share, 6):g}".replace("-", "−"))


def band(ax: Axes, x: np.ndarray, values: np.ndarray, **line: Any) -> None:
    """Draw the mean of values [seeds, len(x)] with its 95 % band; one seed has no band."""
    mean, half = values.mean(axis=0), half_width(values)
    ax.plot(x, mean, **line)
    if len(values) > 1:
        ax.fill_between(x, mean - half, mean + half, color=line["color"], alpha=0.15, linewidth=0)


def legend(
    figure: Figure,
    handles: Iterable[Artist],
    frame: pd.DataFrame,
    note: str = "",
    shown: str = "mean and 95 % interval",
) -> None:
    """A legend below all panels, where it covers no data; it says what is shown of the seeds."""
    handles = list(handles)
    rows = -(-len(handles) // 6)
    counts = frame.groupby("dataset")["seed"].nunique()
    seeds = f"{shown} over {span(counts)} seeds" if counts.max() > 1 else "one seed, no interval"
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=-(-len(handles) // rows),
        title=seeds + note,
        title_fontsize="small",
        columnspacing=1.4,
        handletextpad=0.5,
    )


def pick(frame: pd.DataFrame, dataset: str, method: str) -> pd.DataFrame:
    """Rows of one dataset and method; none if the method was not run on it."""
    return frame[(frame["dataset"] == dataset) & (frame["method"] == method)]


def exit_handles(exits: int) -> list[Line2D]:
    """Legend entries of exits 1 ... E."""
    return [
        Line2D([], [], color=EXIT_COLORS[e], linewidth=2.5, label=f"Exit {e + 1}")
        for e in range(exits)
    ]


def accuracy_against(
    frames: Frames,
    abscissa: Callable[[pd.DataFrame], pd.Series],
    label: str,
    more: Iterable[Line2D] = (),
) -> Figure:
    """Test accuracy against a measure of the routing: one panel per dataset.

    `abscissa` gives the measure for every row of `curves` or `operating_points`; `more`
    are legend entries of what the caller adds. Drawn are the methods that route samples, and as a
    horizontal line the networks with one exit.

    A seed's curve is what the moving threshold yields, not an upper envelope. Between thresholds it
    is linear, which is what mixing the two would give. Mean and band are taken at equal abscissa.
    Markers show the one-SE point, chosen on validation. The accuracy axis ends well below the
    methods' best values, not at the worst value of any curve, so that differences near the top can
    be seen. Bands that would cover one another over most of a panel are not drawn; their width is
    printed instead.
    """
    curves, points = frames["curves"], frames["operating_points"]
    points = points[points["point"] == "one_se"]
    curves, points = (frame.assign(x=abscissa(frame)) for frame in (curves, points))
    counts, routing = exit_counts(frames["exits"]), routing_exits(frames)
    exits = {method: n for method, n in counts.items() if n == 1 or method in routing}
    datasets = order(curves, "dataset")
    figure, axes = panels(1, len(datasets), COLUMN, 2.3)
    for ax, dataset in zip(axes[0], datasets, strict=True):
        drawn = {}
        for method, look in looks(exits).items():
            curve = pick(curves, dataset, method)
            point = pick(points, dataset, method)
            if curve.empty:
                continue
            if exits[method] == 1:
                drawn[method] = np.array([0.0, 1.0]), np.tile(point[["accuracy"]].to_numpy(), 2)
            else:
                drawn[method] = on_grid(curve)
            ax.plot(
                point["x"].mean(),
                point["accuracy"].mean(),
                marker=look.marker,
                markersize=5.5,
                color=look.color,
                markeredgecolor="white",
                markeredgewidth=0.6,
                zorder=3,
                clip_on=False,
            )
        _curves(ax, drawn, exits)
        left = [x[0] for method, (x, _) in drawn.items() if exits[method] > 1]
        right = [x[-1] for x, _ in drawn.values()]
        ax.set_xlim(min([*left, 0.9]) - 0.03, max([*right, 1.0]) + 0.03)
        ax.set_title(dataset_name(dataset))
        ax.set_xlabel(label)
        percent(ax.xaxis)
        percent(ax.yaxis)
    axes[0, 0].set_ylabel("Test accuracy (%)")
    handles = [
        Line2D(
            [],
            [],
            color=look.color,
            marker=look.marker,
            linestyle="--" if exits[method] == 1 else "-",
            label=look.name,
        )
        for method, look in looks(exits).items()
    ]
    legend(figure, [*handles, *more], curves, "; markers: one-SE point, chosen on validation")
    return figure


def _curves(
    ax: Axes, drawn: Mapping[str, tuple[np.ndarray, np.ndarray]], exits: Mapping[str, int]
) -> None:
    """Lines of each method's abscissas and values [seeds, points], with bands where they help."""
    low, high = accuracy_limits([values for _, values in drawn.values()])
    half = np.median([np.median(half_width(values)) for _, values in drawn.values()])
    crowded = 2 * half > _CROWDED * (high - low)
    for method, look in looks(drawn).items():
        x, values = drawn[method]
        style = {"linestyle": "--", "linewidth": 1.1} if exits[method] == 1 else {}
        if crowded:
            ax.plot(x, values.mean(axis=0), color=look.color, **style)
        else:
            band(ax, x, values, color=look.color, **style)
    if crowded:
        text = f"intervals of the curves: about ±{100 * half:.1f} points, not drawn"
        ax.text(
            *(0.98, 0.02, text),
            transform=ax.transAxes,
            ha="right",
            va="bottom",
            fontsize=6.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    ax.set_ylim(low, high)


def on_grid(curve: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Every seed's accuracy [seeds, points] on a grid of the abscissas that all seeds reach.

    Of several thresholds with the same abscissa the highest counts.
    """
    curve = curve.sort_values(["seed", "threshold"])
    curve = curve.drop_duplicates(["seed", "x"], keep="last").sort_values(["seed", "x"])
    seeds = [part for _, part in curve.groupby("seed")]
    low = max(part["x"].min() for part in seeds)
    high = min(part["x"].max() for part in seeds)
    grid = np.linspace(low, high, _GRID)
    return grid, np.stack([np.interp(grid, part["x"], part["accuracy"]) for part in seeds])


def accuracy_limits(curves: list[np.ndarray]) -> tuple[float, float]:
    """Ends of an axis of accuracy that shows the best values of curves [seeds, points] well."""
    means = [curve.mean(axis=0) for curve in curves]
    best = [mean.max() for mean in means]
    window = max(0.03, 3 * (max(best) - min(best)))
    low = max(min(mean.min() for mean in means), max(best) - window)
    upper = max(
        np.max(m + np.nan_to_num(half_width(c))) for m, c in zip(means, curves, strict=True)
    )
    high = min(upper, max(best) + window / 3, 1.0)
    margin = 0.06 * (high - low) + 1e-3
    return low - margin, high + margin
