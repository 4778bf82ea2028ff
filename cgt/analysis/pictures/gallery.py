"""Fashion-MNIST: samples that leave at each exit, right and wrong, by class."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgt.analysis.style import EXIT_COLORS, looks
from cgt.records.files import load_npz

GAP = 3  # pixels around an image
NAME = 9  # pixels below it, for what a wrong answer said
WIDTH = 7.6  # inches
RIGHT, WRONG = 0, 1
_WRONG = "#b2182b"


def gallery(path: Path) -> Figure:
    """One block per exit and outcome: rows of images, one column a class, with its count above.

    path: the arrays that `cgt collect-gallery` writes.
    """
    arrays = load_npz(path)
    blocks = [(e, outcome) for e in range(len(arrays["index"])) for outcome in (RIGHT, WRONG)]
    tiles = {block: _tiles(arrays["image"][block], named=block[1] == WRONG) for block in blocks}
    heights = [len(tile) for tile in tiles.values()]
    inches = WIDTH / next(iter(tiles.values())).shape[1]
    size = (WIDTH, sum(heights) * inches + 0.24 * len(blocks) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, hspace=0.01)
    axes = figure.subplots(len(blocks), 1, height_ratios=heights, squeeze=False)[:, 0]
    for ax, block in zip(axes, blocks, strict=True):
        _block(ax, arrays, block, tiles[block])
    method = str(arrays["shown"])
    look = looks([method])[method]
    figure.suptitle(
        f"{look.name}, seed {arrays['seed']}, τ = {arrays['threshold']:g}", fontsize=8.5
    )
    return figure


def _tiles(images: np.ndarray, named: bool) -> np.ndarray:
    """Put images [C, K, H, W], bright on black, into one sheet, dark on white."""
    classes, each, height, width = images.shape
    below = GAP + NAME * named
    sheet = np.zeros((each, height + below, classes, width + GAP), dtype=np.uint8)
    sheet[:, :height, :, :width] = images.transpose(1, 2, 0, 3)
    return 255 - sheet.reshape(each * (height + below), classes * (width + GAP))


def _block(
    ax: Axes, arrays: Mapping[str, np.ndarray], block: tuple[int, int], tiles: np.ndarray
) -> None:
    number, outcome = block
    names = [str(name) for name in arrays["class_names"]]
    height, width = arrays["image"].shape[-2:]
    step = width + GAP
    centers = np.arange(len(names)) * step + width / 2
    ax.imshow(tiles, cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="equal")
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


def _heads(counts: np.ndarray, names: list[str] | None) -> list[str]:
    heads = [f"{count}" for count in counts]
    return [f"{name}\n{head}" for name, head in zip(names, heads, strict=True)] if names else heads
