"""Is the deep exit starved while gates send the easy samples away?"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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
from cgt.analysis.groups import GATED
from cgt.analysis.style import EXIT_COLORS, dataset_name, looks, order

QUANTITIES = {"mean_weight": "Mean loss weight", "mean_eligibility": "Active samples (%)"}


def training_dynamics(frames: Frames) -> Figure:
    """Mean loss weight and share of active samples of each exit over epochs.

    Datasets in rows; methods with a gate side by side. Without any of them, all methods that route
    samples are shown.
    """
    training = frames["training"]
    exits = routing_exits(frames)
    exits = {method: exits[method] for method in exits if method in GATED} or exits
    datasets = order(training, "dataset")
    columns = [(quantity, method) for quantity in QUANTITIES for method in exits]
    figure, axes = panels(
        len(datasets), len(columns), max(1.3, 7.4 / len(columns)), 1.3, sharex="row"
    )
    for row, dataset in zip(axes, datasets, strict=True):
        for ax, (quantity, method) in zip(row, columns, strict=True):
            picked = pick(training, dataset, method)
            if picked.empty:
                continue
            for e in range(exits[method]):
                values = picked[picked["exit"] == e + 1].pivot(
                    index="seed", columns="epoch", values=quantity
                )
                band(ax, values.columns.to_numpy(), values.to_numpy(), color=EXIT_COLORS[e])
        row[0].xaxis.set_major_locator(MaxNLocator(4, integer=True))
        for start, (quantity, label) in zip(
            range(0, len(columns), len(exits)), QUANTITIES.items(), strict=True
        ):
            _share_y(row[start : start + len(exits)], label, quantity == "mean_eligibility")
        row[0].set_ylabel(f"{dataset_name(dataset)}\n{row[0].get_ylabel()}")
    for top, bottom, (_, method) in zip(axes[0], axes[-1], columns, strict=True):
        top.set_title(looks(exits)[method].name)
        bottom.set_xlabel("Epoch")
    legend(figure, exit_handles(max(exits.values())), training)
    return figure


def _share_y(axes: Sequence[Axes], label: str, is_share: bool) -> None:
    """One scale from 0 for neighbouring panels, labelled once."""
    top = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_ylim(0, top)
        if is_share:
            percent(ax.yaxis)
    for ax in axes[1:]:
        ax.tick_params(labelleft=False)
    axes[0].set_ylabel(label)
