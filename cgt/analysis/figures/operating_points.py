"""Which exit answers at the operating points?"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgt.analysis.figures.parts import exit_handles, legend, panels, percent, pick
from cgt.analysis.frames import Frames, exit_counts, routing_exits
from cgt.analysis.statistics import half_width
from cgt.analysis.style import COLUMN, EXIT_COLORS, dataset_name, looks, order, point_name
from cgt.records.csv_schema import exit_columns

POINTS = ("one_se", "threshold_0.9")
NUMBERS = 1.26  # where the column of accuracies ends, in widths of the panel


def operating_points(frames: Frames) -> Figure:
    """Exit distribution as stacked bars, with the accuracy beside each bar.

    Points in rows, datasets in columns. Whiskers are 95 % intervals of the cumulative share. A
    network with one exit always pays for the full depth, so its bar has the colour of the deepest
    exit. Networks trained side by side answer all from one depth: no distribution, no bar.
    """
    frame = frames["operating_points"]
    counts, routing = exit_counts(frames["exits"]), routing_exits(frames)
    exits = {method: n for method, n in counts.items() if n == 1 or method in routing}
    datasets = order(frame, "dataset")
    figure, axes = panels(
        len(POINTS), len(datasets), COLUMN, 0.3 + 0.22 * len(exits), sharex=True, sharey=True
    )
    for row, point in zip(axes, POINTS, strict=True):
        for ax, dataset in zip(row, datasets, strict=True):
            for y, method in enumerate(exits):
                rows = pick(frame[frame["point"] == point], dataset, method)
                if not rows.empty:
                    _bar(ax, y, rows, exits[method])
            ax.set_title(f"{dataset_name(dataset)}, {point_name(point)}", loc="left")
            ax.set_title("Accuracy (%)", loc="right", fontsize=7, x=NUMBERS, ha="right")
            ax.grid(visible=False)
            ax.tick_params(axis="y", length=0)
    corner = axes[0, 0]
    corner.set_xlim(0, 1)
    corner.set_yticks(range(len(exits)), [look.name for look in looks(exits).values()])
    corner.invert_yaxis()
    percent(corner.xaxis)
    for ax in axes[-1]:
        ax.set_xlabel("Test samples (%)")
    legend(figure, exit_handles(max(exits.values())), frame)
    return figure


def _bar(ax: Axes, y: int, rows: pd.DataFrame, exits: int) -> None:
    columns = exit_columns(rows)
    shares = rows[columns[:exits]].to_numpy()
    colors = EXIT_COLORS[:exits] if exits > 1 else EXIT_COLORS[len(columns) - 1 :]
    ends = shares.cumsum(axis=1)
    left = np.concatenate([[0], ends.mean(axis=0)[:-1]])
    ax.barh(y, shares.mean(axis=0), left=left, color=colors[:exits], height=0.72)
    if len(rows) > 1 and exits > 1:
        ax.errorbar(
            ends.mean(axis=0)[:-1],
            np.full(exits - 1, y),
            xerr=half_width(ends)[:-1],
            fmt="none",
            ecolor="0.15",
            elinewidth=0.8,
            capsize=1.5,
        )
    text = f"{100 * rows['accuracy'].mean():.1f}"
    if len(rows) > 1:
        text += f" ± {100 * half_width(rows['accuracy']):.1f}"
    ax.text(
        NUMBERS, y, text, transform=ax.get_yaxis_transform(), ha="right", va="center", fontsize=7
    )
