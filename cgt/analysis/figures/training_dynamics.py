"""What do the deep exits learn from, while gates keep samples from them?"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cgt.analysis.figures.parts import (
    band,
    exit_handles,
    legend,
    method_panels,
    percent,
    pick,
    row_label,
)
from cgt.analysis.frames import Frames, routing_exits
from cgt.analysis.style import EXIT_COLORS, order

QUANTITIES = {"mean_weight": "Mean weight", "mean_eligibility": "Eligibility (%)"}


def training_dynamics(frames: Frames) -> Figure:
    """Mean loss weight and mean eligibility of each exit over epochs.

    For each dataset a block of weights and one of eligibilities; all methods that route samples
    side by side.
    """
    training = frames["training"]
    exits = routing_exits(frames)
    datasets = order(training, "dataset")
    rows = [(dataset, quantity) for dataset in datasets for quantity in QUANTITIES]
    figure, blocks, columns = method_panels(len(rows), exits, 1.15, "Epoch")
    for block, (dataset, quantity) in zip(blocks, rows, strict=True):
        for ax, method in zip(block, exits, strict=True):
            picked = pick(training, dataset, method)
            for e, values in picked.groupby("exit"):
                table = values.pivot(index="seed", columns="epoch", values=quantity)
                # Deeper exits are thinner: equal lines lie on one another, and all can be seen.
                line = {"color": EXIT_COLORS[e - 1], "linewidth": max(0.8, 2.6 - 0.6 * e)}
                band(ax, table.columns.to_numpy(), table.to_numpy(), **line)
            ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        label = row_label(dataset, QUANTITIES[quantity])
        _share_y(block, columns, label, quantity == "mean_eligibility")
    legend(figure, exit_handles(max(exits.values())), training)
    return figure


def _share_y(axes: Sequence[Axes], columns: int, label: str, is_share: bool) -> None:
    """One scale from 0 for the panels of a block, labelled at the left."""
    top = 1.03 if is_share else max(ax.get_ylim()[1] for ax in axes)
    for number, ax in enumerate(axes):
        ax.set_ylim(0, top)
        if is_share:
            percent(ax.yaxis)
        if number % columns:
            ax.tick_params(labelleft=False)
        else:
            ax.set_ylabel(label)
