"""A scene: what is known of it, and how each method's exits map it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cgt.analysis.pictures.parts import (
    NO_CLASS,
    NO_SPLIT,
    SPLIT_COLORS,
    class_colors,
    paint,
    picture,
    swatches,
)
from cgt.analysis.style import EXIT_COLORS, looks
from cgt.records.files import load_npz

COLUMNS = 4
SIDE = 1.9  # inches of a panel
TITLE = 0.2  # inches above it
LEGEND = 0.3  # inches below all


def scene(path: Path) -> Figure:
    """False colours, ground truth and split; below, class map over exit map of every method.

    path: the arrays that `cgt scene` writes.
    """
    arrays = load_npz(path)
    methods = looks(str(method) for method in arrays["methods"])
    blocks = -(-len(methods) // COLUMNS)
    rows = 1 + 2 * blocks
    size = (COLUMNS * SIDE, rows * (SIDE + TITLE) + LEGEND)
    figure = Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    axes = figure.subplots(rows, COLUMNS)
    _known(axes[0], arrays)
    for number, look in enumerate(methods.values()):
        row, column = 1 + 2 * (number // COLUMNS), number % COLUMNS
        _mapped(axes[row : row + 2, column], arrays, number, look.name)
    for ax in axes[-2:, (len(methods) - 1) % COLUMNS + 1 :].flat:
        ax.set_axis_off()
    deepest = int(arrays["exits"].max())
    meaning = {
        **SPLIT_COLORS,
        "In no split": NO_SPLIT,
        **{f"Exit {e + 1}": EXIT_COLORS[e] for e in range(deepest)},
    }
    figure.legend(
        handles=swatches(list(meaning), list(meaning.values())),
        loc="outside lower center",
        ncols=len(meaning),
        columnspacing=1.4,
    )
    return figure


def _known(axes: np.ndarray, arrays: Mapping[str, np.ndarray]) -> None:
    """What does not depend on a method, and the classes' colours."""
    names = [str(name) for name in arrays["class_names"]]
    picture(axes[0], arrays["color"], "False colours")
    colors = [NO_CLASS, *class_colors(names)]
    picture(axes[1], paint(arrays["truth"], colors), "Ground truth")
    picture(axes[2], paint(arrays["split"], [NO_SPLIT, *SPLIT_COLORS.values()]), "Split")
    axes[3].set_axis_off()
    axes[3].legend(
        handles=swatches(names, colors[1:]),
        loc="center left",
        fontsize=6.3,
        handlelength=1.2,
        handleheight=1.0,
        labelspacing=0.25,
        borderpad=0,
        borderaxespad=0.2,
    )


def _mapped(axes: np.ndarray, arrays: Mapping[str, np.ndarray], number: int, name: str) -> None:
    """One method: its answers, and below them the exits that gave them."""
    colors = class_colors([str(name) for name in arrays["class_names"]])
    picture(axes[0], paint(arrays["prediction"][number], colors), name)
    exits, index = int(arrays["exits"][number]), arrays["exit"][number].astype(int) - 1
    shares = np.bincount(index.ravel(), minlength=exits) / index.size
    if shares.max() == 1:  # a map of one colour says less than a sentence
        axes[1].set_axis_off()
        where = "one exit" if exits == 1 else f"all at exit {shares.argmax() + 1}"
        axes[1].text(0.5, 0.5, where, ha="center", va="center", color="0.4")
        return
    text = " | ".join(f"{100 * share:.0f}" for share in shares)
    picture(axes[1], paint(index, EXIT_COLORS[:exits]), f"Exits: {text} %")
