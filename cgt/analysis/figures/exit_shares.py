"""Where do samples leave as the threshold moves?"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from cgt.analysis.figures.parts import (
    Frames,
    band,
    exit_handles,
    legend,
    panels,
    percent,
    pick,
)
from cgt.analysis.frames import routing_exits
from cgt.analysis.style import EXIT_COLORS, dataset_name, looks, order


def exit_shares(frames: Frames) -> Figure:
    """Share of test samples at each exit against the threshold.

    Datasets in rows, methods in columns. The threshold axis is -log10(1 - threshold), since
    confidences crowd near 1. Methods that do not route samples have nothing to show.
    """
    curves = frames["curves"]
    curves = curves[curves["threshold"] < 1]
    exits = routing_exits(frames)
    datasets = order(curves, "dataset")
    figure, axes = panels(
        len(datasets),
        len(exits),
        max(1.3, 7.0 / max(len(exits), 4)),
        1.25,
        sharex=True,
        sharey=True,
    )
    for row, dataset in zip(axes, datasets, strict=True):
        for ax, method in zip(row, exits, strict=True):
            picked = pick(curves, dataset, method)
            if picked.empty:
                continue
            for e in range(exits[method]):
                share = picked.pivot(index="seed", columns="threshold", values=f"exit_{e + 1}")
                x = -np.log10(1 - share.columns.to_numpy())
                band(ax, x, share.to_numpy(), color=EXIT_COLORS[e])
        row[0].set_ylabel(f"{dataset_name(dataset)}\nSamples (%)")
        percent(row[0].yaxis)
    corner = axes[0, 0]
    corner.set_xlim(0, 6)
    corner.set_ylim(0, 1)
    corner.set_xticks([0, 2, 4], ["0", "0.99", "0.9999"])
    corner.xaxis.set_minor_locator(MultipleLocator(1))
    for top, bottom, look in zip(axes[0], axes[-1], looks(exits).values(), strict=True):
        top.set_title(look.name)
        bottom.set_xlabel("Threshold")
    legend(figure, exit_handles(max(exits.values())), curves)
    return figure
