"""Accuracy against what it costs: in multiply–accumulates, and as measured."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cgt.analysis.figures.parts import panels, percent
from cgt.analysis.performance import readable
from cgt.analysis.style import COLUMN, RC, MethodStyle, dataset_name, looks, order, point_name, save

NAME = "latency"
COLUMNS: dict[str, tuple[int, Callable[[pd.DataFrame], pd.Series]]] = {
    "Multiply–accumulates of a sample (million)": (1, lambda rows: rows["macs"] / 1e6),
    "Mean latency, one sample (ms)": (1, lambda rows: 1000 / rows["samples_per_second"]),
    "Time of a sample in a batch of 256 (µs)": (256, lambda rows: 1e6 / rows["samples_per_second"]),
}
"""Label, batch size and abscissa of each column of panels."""


def draw_latency(measured: Sequence[Path], out_dir: Path | str) -> None:
    """Draw what `cgt bench infer` has measured into `out_dir/latency.{pdf,svg,png}`.

    Raises ValueError naming the files if they hold no such measurements.
    """
    tables = []
    for path in measured:
        with readable([path]):
            tables.append(pd.read_csv(path))
    with matplotlib.rc_context(RC), readable(measured):
        figure = latency(pd.concat(tables))
    save(figure, Path(out_dir) / NAME)


def latency(table: pd.DataFrame) -> Figure:
    """One row of panels per dataset: accuracy against MACs, and against two measured times.

    All in torch. Accuracy is that of the networks that were timed, at one seed.

    Methods that stop early are at their operating points, filled at the first, hollow at the other,
    with a line between. Beside them: the networks that always compute everything, as prefixes of
    growing depth or alone.
    """
    table = table[table["engine"] == "torch"]
    datasets = order(table, "dataset")
    figure, axes = panels(len(datasets), len(COLUMNS), COLUMN * 0.8, 2.1)
    names = looks(table["method"])
    points = [point for point in order(table.fillna({"point": ""}), "point") if point]
    for row, dataset in zip(axes, datasets, strict=True):
        of_dataset = table[table["dataset"] == dataset]
        for ax, (label, (batch, abscissa)) in zip(row, COLUMNS.items(), strict=True):
            shown = of_dataset[of_dataset["batch"] == batch]
            for method, look in names.items():
                _draw(ax, shown[shown["method"] == method], abscissa, look, points)
            ax.set_xlim(left=0)
            percent(ax.yaxis)
            if dataset == datasets[-1]:
                ax.set_xlabel(label)
        row[0].set_ylabel(f"{dataset_name(dataset)}\nTest accuracy (%)")
    _legend(figure, list(names.values()), points)
    figure.suptitle(f"The networks of seed {', '.join(map(str, table['seed'].unique()))}")
    return figure


def _draw(
    ax: Axes,
    rows: pd.DataFrame,
    abscissa: Callable[[pd.DataFrame], pd.Series],
    look: MethodStyle,
    points: Sequence[str],
) -> None:
    stopping = rows[rows["variant"] == "infer"]
    # A network that nobody leaves early stands for itself if it has nothing that stops.
    shown = stopping if len(stopping) else rows
    shown = shown.assign(x=abscissa(shown)).sort_values("x")
    ax.plot(shown["x"], shown["accuracy"], color=look.color, linewidth=0.9, linestyle=":")
    for row in shown.to_dict("records"):
        hollow = row["point"] in points[1:]
        ax.plot(
            row["x"],
            row["accuracy"],
            marker=look.marker,
            markersize=5.5,
            color=look.color,
            markerfacecolor="white" if hollow else look.color,
            markeredgecolor=look.color if hollow else "white",
            markeredgewidth=1.0 if hollow else 0.6,
            zorder=3,
        )


def _legend(figure: Figure, shown: Sequence[MethodStyle], points: Sequence[str]) -> None:
    handles = [
        Line2D([], [], color=look.color, marker=look.marker, linestyle=":", label=look.name)
        for look in shown
    ]
    fills = ["filled", *["hollow"] * (len(points) - 1)]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 7),
        title=", ".join(
            f"{fill}: {point_name(point)}" for fill, point in zip(fills, points, strict=True)
        ),
        title_fontsize="small",
    )
