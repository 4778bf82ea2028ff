"""Samples that leave at each exit, right and wrong, by class: images, or signals as small lines."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgt.analysis.style import EXIT_COLORS, dataset_name, looks
from cgt.records.files import load_npz

GAP = 3  # pixels around a sample
NAME = 9  # pixels below it, for what a wrong answer said
SIZE = 28, 28  # height and width of a signal's tile, as of an image's
WIDTH = 7.6  # inches
RIGHT, WRONG = 0, 1
_WRONG = "#b2182b"

Block = tuple[int, int]
"""Exit, from 0, and outcome."""


def gallery(path: Path) -> Figure:
    """One block per exit and outcome: rows of samples, one column a class, with its count above.

    path: the arrays that `cgt collect-gallery` writes, named `gallery_{dataset}.npz`.
    """
    arrays = load_npz(path)
    blocks = [(e, outcome) for e in range(len(arrays["index"])) for outcome in (RIGHT, WRONG)]
    shapes = {block: _shape(arrays, block) for block in blocks}
    heights = [height for height, _ in shapes.values()]
    inches = WIDTH / shapes[blocks[0]][1]
    size = (WIDTH, sum(heights) * inches + 0.24 * len(blocks) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, hspace=0.01)
    axes = figure.subplots(len(blocks), 1, height_ratios=heights, squeeze=False)[:, 0]
    for ax, block in zip(axes, blocks, strict=True):
        _block(ax, arrays, block, shapes[block])
    method = str(arrays["shown"])
    name = dataset_name(path.stem.removeprefix("gallery_"))
    figure.suptitle(
        f"{name}, {looks([method])[method].name}, seed {arrays['seed']}, "
        f"threshold {arrays['threshold']:g}",
        fontsize=8.5,
    )
    return figure


def _tile(arrays: Mapping[str, np.ndarray]) -> tuple[int, int]:
    """Height and width of one sample: index is [E, 2, C, K], an image has these two axes more."""
    return arrays["image"].shape[4:6] if "image" in arrays else SIZE


def _shape(arrays: Mapping[str, np.ndarray], block: Block) -> tuple[int, int]:
    """Height and width of a block's sheet, in pixels."""
    classes, each = arrays["index"][block].shape
    height, width = _tile(arrays)
    below = GAP + NAME * (block[1] == WRONG)
    return each * (height + below), classes * (width + GAP)


def _block(
    ax: Axes, arrays: Mapping[str, np.ndarray], block: Block, shape: tuple[int, int]
) -> None:
    number, outcome = block
    names = [str(name) for name in arrays["class_names"]]
    height, width = _tile(arrays)
    step = width + GAP
    centers = np.arange(len(names)) * step + width / 2
    if "image" in arrays:
        sheet = _images(arrays["image"][block], arrays["index"][block] >= 0, shape)
        ax.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="equal")
    else:
        _signals(ax, arrays["signal"], block, shape)
    ax.set_xticks(centers, _heads(arrays["count"][block], names if number + outcome == 0 else None))
    ax.xaxis.tick_top()
    ax.set_yticks([])
    ax.tick_params(length=0, labelsize=6, pad=1)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.spines["left"].set(visible=True, linewidth=4, color=EXIT_COLORS[number])
    ax.set_ylabel(f"Exit {number + 1}\n{('right', 'wrong')[outcome]}", labelpad=6)
    if outcome == WRONG:
        for (klass, k), answer in np.ndenumerate(arrays["answer"][block]):
            if answer >= 0:
                y = (k + 1) * (height + GAP + NAME) - GAP - NAME / 2
                ax.text(
                    centers[klass],
                    y,
                    names[answer],
                    color=_WRONG,
                    ha="center",
                    va="center",
                    fontsize=5,
                )


def _images(images: np.ndarray, there: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Put images [C, K, H, W] or [C, K, H, W, 3] into one sheet; where none is there, it is white.

    Grey images, bright on black, are shown dark on white; coloured ones as they are.
    """
    classes, each, height, width, *color = images.shape
    shown = images if color else 255 - images
    shown = np.where(there.reshape(classes, each, 1, 1, *(1 for _ in color)), shown, 255)
    below = shape[0] // each - height
    sheet = np.full((each, height + below, classes, width + GAP, *color), 255, dtype=np.uint8)
    sheet[:, :height, :, :width] = np.moveaxis(shown, (1, 2, 0, 3), (0, 1, 2, 3))
    return sheet.reshape(*shape, *color)


def _signals(ax: Axes, signals: np.ndarray, block: Block, shape: tuple[int, int]) -> None:
    """Draw signals [E, 2, C, K, L] of one block as lines, all of the figure on one scale."""
    low, high = np.nanmin(signals), np.nanmax(signals)
    (height, width), (_, each) = SIZE, signals[block].shape[:2]
    x = np.linspace(0, width, signals.shape[-1])
    for klass, k in np.ndindex(signals[block].shape[:2]):
        signal = signals[block][klass, k]
        if np.isnan(signal).all():
            continue
        top = k * (shape[0] / each)
        y = top + height * (1 - (signal - low) / max(high - low, np.finfo(np.float32).tiny))
        ax.plot(klass * (width + GAP) + x, y, color="0.15", linewidth=0.6)
    ax.set_xlim(-0.5, shape[1] - 0.5)
    ax.set_ylim(shape[0] - 0.5, -0.5)
    ax.set_aspect("equal")


def _heads(counts: np.ndarray, names: list[str] | None) -> list[str]:
    heads = [f"{count}" for count in counts]
    return [f"{name}\n{head}" for name, head in zip(names, heads, strict=True)] if names else heads
