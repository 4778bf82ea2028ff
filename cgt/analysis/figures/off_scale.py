"""Intervals that reach so far that on one scale with them the others could not be read."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

FAR, GAP = 4.0, 2.0
"""Off the scale: reaches `FAR` times as far as the median, and `GAP` times as any that does not."""
NOTE = "; arrow: off the scale"
_STEP = 0.04  # of a panel's width


def off_scale(mean: pd.Series, half: pd.Series) -> pd.Series:
    """Which intervals, means ± half (NaN: none), reach far beyond the others.

    The reach of an interval is the distance from 0 to its far end.
    """
    reach = mean.abs() + half.fillna(0)
    far = reach > FAR * reach.median()
    return far & (reach > GAP * reach[~far].max())


def arrow(ax: Axes, y: float, mean: float, half: float, step: float = _STEP, **marker: Any) -> None:
    """An arrow to the side where the mean lies, and mean ± half as text; NaN: no interval.

    step: share of the panel's width; the arrow is 2.5 of them long. marker: as for a line of
    matplotlib, its colour among them.
    """
    side, inwards = (0.0, 1) if mean < 0 else (1.0, -1)
    scale = ax.get_yaxis_transform()
    start = side + 2.5 * inwards * step
    ax.annotate(
        "",
        xy=(side, y),
        xytext=(start, y),
        xycoords=scale,
        arrowprops={"arrowstyle": "->", "color": marker["color"], "linewidth": 1.1, "shrinkA": 0},
    )
    ax.plot(start, y, transform=scale, **marker)
    text = f"{mean:+.1f}".replace("-", "\N{MINUS SIGN}")
    ax.text(
        *(start + 1.5 * inwards * step, y, text if np.isnan(half) else f"{text} ± {half:.1f}"),
        transform=scale,
        fontsize=7,
        ha="left" if mean < 0 else "right",
        va="center",
        zorder=1,  # behind the neighbours' markers
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
