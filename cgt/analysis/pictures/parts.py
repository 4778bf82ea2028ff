"""What the pictures share: the colours of land cover, and panels without axes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Patch
from seaborn import husl_palette

# One hue per family: corn is yellow, soybean blue, grass and woods green, the rest told apart.
LAND_COVER = {
    "Alfalfa": "#b497d6",
    "Corn-notill": "#e8850c",
    "Corn-mintill": "#f7b733",
    "Corn": "#fbe38e",
    "Grass-pasture": "#b5de6f",
    "Grass-trees": "#5fb233",
    "Grass-pasture-mowed": "#e3f5b8",
    "Hay-windrowed": "#d6559f",
    "Oats": "#7b3294",
    "Soybean-notill": "#74b3e0",
    "Soybean-mintill": "#2464ae",
    "Soybean-clean": "#bfe3f2",
    "Wheat": "#f4b3cf",
    "Woods": "#0b5a2c",
    "Buildings-Grass-Trees-Drives": "#b2182b",
    "Stone-Steel-Towers": "#6f6f6f",
}
NO_CLASS = "#f3f3f3"
SPLIT_COLORS = {"Train": "#d95f02", "Validation": "#7570b3", "Test": "#1b9e77"}
NO_SPLIT = "#e2e2e2"


def class_colors(names: Sequence[str]) -> list[str]:
    """One colour for each class: its own where all are known, else a palette spread over them.

    Neighbours in the list differ in hue and in lightness.
    """
    if all(name in LAND_COVER for name in names):
        return [LAND_COVER[name] for name in names]
    count = len(names)
    # Odd and even places take opposite halves of the circle of hues.
    hues = [
        (number // 2 + (number % 2) * (count // 2 + count % 2)) / count for number in range(count)
    ]
    return [
        to_hex(husl_palette(1, h=hue, s=0.75, l=(0.5, 0.72)[number % 2])[0])
        for number, hue in enumerate(hues)
    ]


def paint(numbers: np.ndarray, colors: Sequence[str]) -> np.ndarray:
    """Colours [H, W, 3] in [0, 1] of a map [H, W] of positions in `colors`."""
    return np.array([to_rgb(color) for color in colors])[numbers]


def picture(ax: Axes, image: np.ndarray, title: str = "") -> None:
    """Show an image pixel for pixel, without axes."""
    ax.imshow(image, interpolation="none")
    ax.set_title(title, loc="left", pad=3)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set(visible=True, linewidth=0.4, color="0.6")


def swatches(names: Sequence[str], colors: Sequence[str]) -> list[Patch]:
    """Legend entries: one square a colour."""
    return [
        Patch(facecolor=color, edgecolor="0.5", linewidth=0.3, label=name)
        for name, color in zip(names, colors, strict=True)
    ]
