"""How many samples do the gates keep from the deeper exits, in training and in validation?"""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cgt.analysis.figures.parts import (
    band,
    legend,
    panels,
    percent,
    pick,
)
from cgt.analysis.frames import Frames, gated_exits, routing_exits
from cgt.analysis.style import EXIT_COLORS, dataset_name, looks, order

SPLITS = {
    "mean_eligibility": ("training", "-"),
    "val_mean_eligibility": ("validation", (0, (3, 1.2))),
}


def resolved(frames: Frames) -> Figure:
    """Share of samples that the gates before each exit keep from it, over epochs.

    It is 1 − mean eligibility. Methods in rows, datasets in columns; exit 1 has no gate before it.
    Training samples as they were trained, validation samples at the end of the epoch. Shown is
    every method whose mean eligibility is below 1 anywhere; without any, all that route samples.
    """
    training = frames["training"]
    exits = gated_exits(frames) or routing_exits(frames)
    datasets = order(training, "dataset")
    width = max(2.3, 6.6 / len(datasets))
    figure, axes = panels(len(exits), len(datasets), width, 1.35, sharex="col", sharey=True)
    for row, method in zip(axes, exits, strict=True):
        for ax, dataset in zip(row, datasets, strict=True):
            picked = pick(training, dataset, method)
            for e, rows in picked[picked["exit"] > 1].groupby("exit"):
                for column, (_, style) in SPLITS.items():
                    table = 1 - rows.pivot(index="seed", columns="epoch", values=column)
                    epochs = table.columns.to_numpy()
                    band(ax, epochs, table.to_numpy(), color=EXIT_COLORS[e - 1], linestyle=style)
        row[0].set_ylabel(f"{looks(exits)[method].name}\nResolved (%)")
    axes[0, 0].set_ylim(0, 1.03)
    percent(axes[0, 0].yaxis)
    for top, bottom, dataset in zip(axes[0], axes[-1], datasets, strict=True):
        top.set_title(dataset_name(dataset))
        bottom.set_xlabel("Epoch")
        bottom.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    handles = [
        Line2D([], [], color=EXIT_COLORS[e - 1], linestyle=style, label=f"Before exit {e}, {name}")
        for e in range(2, max(exits.values()) + 1)
        for name, style in SPLITS.values()
    ]
    legend(figure, handles, training)
    return figure
