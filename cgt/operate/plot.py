"""The trade-off of accuracy and cost of one's own networks, in one figure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from cgt.operate.points import OperatingPoint
from cgt.operate.sweep import Sweep
from cgt.records.extras import need

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKERS = "osD^vPX*"


def plot_tradeoff(
    curves: Mapping[str, Sweep],
    points: Mapping[str, OperatingPoint] | None = None,
    *,
    reference: float | None = None,
    unit: str = "multiply–accumulates",
) -> Figure:
    """Accuracy over mean cost of several networks.

    A sweep with a threshold per exit is drawn as its upper edge: what no cheaper combination
    reaches. Needs matplotlib. The figure is in no window and has the user's own style; save it with
    ``figure.savefig(...)``.

    Args:
        curves: by the name in the legend, what :func:`cgt.sweep` gives.
        points: operating points to mark, by the names of their curves.
        reference: a cost; if it is given, the axis is relative to it, in %.
        unit: of the costs, for the axis, if there is no reference.

    Raises:
        ValueError: without curves; for a point of no curve; for a reference that is not positive.
    """
    need("matplotlib", "operate")
    from matplotlib.figure import Figure

    points = points or {}
    if not curves:
        raise ValueError("curves is empty; at least one network is needed")
    strangers = [name for name in points if name not in curves]
    if strangers:
        raise ValueError(f"points names {strangers[0]!r}; the curves are {', '.join(curves)}")
    if reference is not None and not (np.isfinite(reference) and reference > 0):
        raise ValueError(f"reference is {reference}; it must be a finite number > 0")
    share = 1 if reference is None else 100 / reference
    figure = Figure(figsize=(4.5, 3.4), layout="constrained")
    axes = figure.add_subplot()
    for (name, curve), marker in zip(curves.items(), itertools.cycle(_MARKERS), strict=False):
        cost, accuracy = _line(curve)
        (line,) = axes.plot(share * cost, 100 * accuracy, label=name)
        if name in points:
            point = points[name]
            at = share * point.cost, 100 * point.accuracy
            axes.plot(*at, marker, color=line.get_color(), zorder=3)
    axes.set_xlabel(f"Mean cost ({unit})" if reference is None else "Relative cost (%)")
    axes.set_ylabel("Accuracy (%)")
    axes.legend()
    return figure


def _line(curve: Sweep) -> tuple[np.ndarray, np.ndarray]:
    """Cost and accuracy to draw, by rising cost."""
    if curve.cost.ndim == 1:
        return curve.cost, curve.accuracy
    order = np.lexsort((-curve.accuracy.ravel(), curve.cost.ravel()))
    cost, accuracy = curve.cost.ravel()[order], curve.accuracy.ravel()[order]
    before = np.concatenate([[-np.inf], np.maximum.accumulate(accuracy)[:-1]])
    return cost[accuracy > before], accuracy[accuracy > before]
