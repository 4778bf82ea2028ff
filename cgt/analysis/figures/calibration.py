"""Is an exit right as often as its confidence says?"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cgt.analysis.calibration import BINS
from cgt.analysis.figures.parts import exit_handles, legend, method_panels, percent, pick, row_label
from cgt.analysis.frames import Frames, routing_exits
from cgt.analysis.style import EXIT_COLORS, order

STYLES = {
    "none": {"linewidth": 1.3},
    "temperature": {"linewidth": 0.9, "linestyle": (0, (2, 1.2))},
}
_LABELS = {"none": "as trained", "temperature": "temperature fitted"}
_LEAST = 0.002  # share of samples below which a bin's accuracy is noise


def calibration(frames: Frames) -> Figure:
    """Reliability: accuracy minus confidence of the test samples in each bin of the confidence.

    Datasets in rows, methods in columns, a line per exit. Above zero an exit is
    underconfident, below overconfident. Bins of all seeds are pooled; those with less than 0.2 % of
    the samples are left out.
    Dashed: after one temperature per exit, fitted on validation, for methods whose confidence is
    the largest softmax probability.
    """
    frame = frames["reliability"]
    exits = routing_exits(frames)
    datasets = order(frame, "dataset")
    figure, blocks, columns = method_panels(
        len(datasets), exits, 1.25, "Confidence (%)", sharex=True, sharey=True
    )
    for row, dataset in zip(blocks, datasets, strict=True):
        for ax, method in zip(row, exits, strict=True):
            ax.axhline(0, color="0.6", linewidth=0.7)
            _lines(ax, pick(frame, dataset, method))
        for ax in row[::columns]:
            ax.set_ylabel(row_label(dataset, "Gap (points)"))
    corner = blocks[0][0]
    corner.set_xlim(-0.03, 1.03)
    corner.set_xticks([0, 0.5, 1])
    percent(corner.xaxis)
    percent(corner.yaxis)
    handles = [
        *exit_handles(max(exits.values())),
        *(Line2D([], [], color="0.3", label=_LABELS[s], **style) for s, style in STYLES.items()),
    ]
    legend(figure, handles, frame, "; gap: accuracy − confidence", "samples pooled")
    return figure


def _lines(ax: Axes, bins: pd.DataFrame) -> None:
    seeds = bins["seed"].nunique()
    weighted = bins[["confidence", "accuracy"]].mul(bins["share"], axis=0)
    bins = bins.assign(sure=weighted["confidence"], right=weighted["accuracy"])
    for (scaling, number), part in bins.groupby(["scaling", "exit"]):
        pooled = part.groupby("bin")[["share", "sure", "right"]].sum()
        pooled = pooled[pooled["share"] >= _LEAST * seeds].reindex(range(1, BINS + 1))
        ax.plot(  # bins that are missing break the line
            pooled["sure"] / pooled["share"],
            (pooled["right"] - pooled["sure"]) / pooled["share"],
            color=EXIT_COLORS[number - 1],
            marker=".",
            markersize=2.5,
            **STYLES[scaling],
        )
