"""Where do samples leave as the threshold moves?"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from cgt.analysis.figures.parts import (
    band,
    exit_handles,
    legend,
    method_panels,
    percent,
    pick,
    row_label,
)
from cgt.analysis.frames import Frames, last_exits, routing_exits
from cgt.analysis.style import EXIT_COLORS, order


def exit_shares(frames: Frames) -> Figure:
    """Share of test samples at each exit against the threshold.

    Datasets in rows, methods in columns. The threshold axis is -log10(1 - threshold), since
    confidences crowd near 1. Methods that do not route samples have nothing to show.
    """
    curves = frames["curves"]
    curves = curves[curves["threshold"] < 1]
    exits = routing_exits(frames)
    datasets = order(curves, "dataset")
    figure, blocks, columns = method_panels(
        len(datasets), exits, 1.25, "Threshold", sharex=True, sharey=True
    )
    for row, dataset in zip(blocks, datasets, strict=True):
        for ax, method in zip(row, exits, strict=True):
            picked = pick(curves, dataset, method)
            if picked.empty:
                continue
            for e in range(last_exits(picked, frames["exits"]).max()):
                share = picked.pivot(index="seed", columns="threshold", values=f"exit_{e + 1}")
                x = -np.log10(1 - share.columns.to_numpy())
                band(ax, x, share.to_numpy(), color=EXIT_COLORS[e])
        for ax in row[::columns]:
            ax.set_ylabel(row_label(dataset, "Samples (%)"))
            percent(ax.yaxis)
    corner = blocks[0][0]
    corner.set_xlim(0, 6)
    corner.set_ylim(0, 1)
    corner.set_xticks([0, 2, 4], ["0", "0.99", "0.9999"])
    corner.xaxis.set_minor_locator(MultipleLocator(1))
    legend(figure, exit_handles(max(exits.values())), curves)
    return figure
