"""How often does going on cost time, and how often the right answer?"""

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cgt.analysis.figures.parts import legend, panels, percent, pick
from cgt.analysis.frames import Frames, routing_exits
from cgt.analysis.statistics import half_width
from cgt.analysis.style import COLUMN, dataset_name, looks, order, point_name

POINTS = {"full": 0.35, "threshold_0.9": 1.0}
"""Operating points and how opaque their bars are."""

QUANTITIES = {
    "wasteful": "Wasteful: an exit before was right (% of test samples)",
    "destructive": "Destructive: and the one used is wrong (% of test samples)",
}
_HEIGHT = 0.38


def overthinking(frames: Frames) -> Figure:
    """Share of test samples that went on although an exit before had been right.

    Wasteful overthinking in the upper row, the destructive part of it in the lower, datasets in
    columns. For each method one bar if everyone goes to the last exit, one at threshold 0.9;
    whiskers are 95 % intervals.
    """
    frame = frames["overthinking"]
    methods = list(routing_exits(frames))
    datasets = order(frame, "dataset")
    figure, axes = panels(
        len(QUANTITIES),
        len(datasets),
        COLUMN,
        0.35 + 0.24 * len(methods),
        sharex="row",
        sharey=True,
    )
    for row, (quantity, label) in zip(axes, QUANTITIES.items(), strict=True):
        for ax, dataset in zip(row, datasets, strict=True):
            for y, look in enumerate(looks(methods).values()):
                rows = pick(frame, dataset, methods[y])
                for place, (point, alpha) in zip((-0.5, 0.5), POINTS.items(), strict=True):
                    values = rows.loc[rows["point"] == point, quantity]
                    if values.empty:
                        continue
                    ax.barh(
                        y + place * _HEIGHT,
                        values.mean(),
                        _HEIGHT,
                        color=look.color,
                        alpha=alpha,
                        xerr=half_width(values) if len(values) > 1 else None,
                        error_kw={"ecolor": "0.15", "elinewidth": 0.8, "capsize": 1.5},
                    )
            ax.grid(visible=False, axis="y")
            ax.tick_params(axis="y", length=0)
            percent(ax.xaxis)
        row[len(row) // 2].set_xlabel(label)
    for ax, dataset in zip(axes[0], datasets, strict=True):
        ax.set_title(dataset_name(dataset))
    axes[0, 0].set_yticks(range(len(methods)), [look.name for look in looks(methods).values()])
    axes[0, 0].invert_yaxis()
    handles = [
        Patch(color="0.3", alpha=alpha, label=point_name(point), linewidth=0)
        for point, alpha in POINTS.items()
    ]
    legend(figure, handles, frame)
    return figure
