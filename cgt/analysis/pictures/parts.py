"""What the pictures share: the colours of land cover, and panels without axes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

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
