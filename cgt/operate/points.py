"""Operating points of one's own network, from arrays: when is an exit sure enough?

A worked example: four samples at two exits that cost 20 and 100. Exit 1 is sure of the samples by
0.2, 0.4, 0.6 and 0.8, and right about the last two; exit 2 is right about all. Any threshold in
(0.4, 0.6] sends the first two on: accuracy 1, cost (2 · 20 + 2 · 100) / 4 = 60.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cgt.operate.sweep import (
    Sweep,
    best_within,
    cheapest,
    is_met,
    one_se,
    per_exit_curve,
    shared_curve,
)

_ROUNDING = 1e-12  # of a difference of two shares


class OperatingPoint(NamedTuple):
    """Thresholds, and what they give on the samples that they were chosen on."""

    thresholds: np.ndarray
    """[E-1], in [0, 1], for :func:`cgt.route` and ``infer``."""
    accuracy: float
    """In [0, 1]."""
    cost: float
    """Mean cost of a sample, in the unit of the costs given."""
    met: bool
    """Whether this is what was asked for; if not, it is the nearest that there is."""


def sweep(
    confidence: ArrayLike, correct: ArrayLike, macs: ArrayLike, *, per_exit: bool = False
) -> Sweep:
    """Accuracy and mean cost for every threshold of a fixed grid, which is ever denser towards 1.

    A sample leaves at the first exit whose confidence reaches the threshold; the last exit takes
    the rest.

    Args:
        confidence: [E, N] in [0, 1], exits from shallow to deep.
        correct: [E, N] bool, whether an exit's answer is right.
        macs: [E], positive and rising: the cost of a sample that leaves at each exit, earlier heads
            included, as :func:`cgt.cumulative_macs` gives it. Any other unit will do.
        per_exit: all combinations of a threshold for each early exit instead of one for all; with
            more than three exits on a thinned grid.

    Returns:
        Accuracy and cost on the grid, and the thresholds along its axes.

    Raises:
        ValueError: for other shapes or values.
    """
    confidence, correct, macs = _checked(confidence, correct, macs)
    curve = per_exit_curve if per_exit else shared_curve
    return curve(confidence, correct, macs)


def choose_thresholds(
    confidence: ArrayLike,
    correct: ArrayLike,
    macs: ArrayLike,
    *,
    budget: float | None = None,
    max_drop: float | None = None,
    knee: bool = False,
    per_exit: bool = False,
) -> OperatingPoint:
    """Thresholds for a trade-off of accuracy and cost; say by one of three aims which.

    To be chosen on validation data; the test data then says what they give.

    Args:
        confidence: [E, N] in [0, 1], exits from shallow to deep; such as
            :func:`cgt.max_softmax` of the logits.
        correct: [E, N] bool, whether an exit's answer is right.
        macs: as for :func:`cgt.sweep`.
        budget: the most accurate of those whose mean cost is at most this, in the unit of ``macs``.
            Not met if even the cheapest costs more: then that is returned.
        max_drop: the cheapest of those whose accuracy is at most this, in [0, 1], below that of the
            last exit. Not met if none is: then the most accurate is returned.
        knee: the cheapest whose accuracy is within one standard error of the best.
        per_exit: a threshold for each early exit instead of one for all. More to choose from, and
            easier to fit to chance: N should be large.

    Raises:
        ValueError: for other shapes or values, or not exactly one aim.
    """
    if (budget is not None) + (max_drop is not None) + bool(knee) != 1:
        raise ValueError(
            f"budget is {budget}, max_drop {max_drop} and knee {knee}; exactly one of them says "
            f"what is aimed at"
        )
    if budget is not None and not (np.isfinite(budget) and budget > 0):
        raise ValueError(f"budget is {budget}; it must be a finite number > 0")
    if max_drop is not None and not 0 <= max_drop <= 1:
        raise ValueError(f"max_drop is {max_drop}; it must be in [0, 1]")
    confidence, correct, macs = _checked(confidence, correct, macs)
    curve = sweep(confidence, correct, macs, per_exit=per_exit)
    met = True
    if budget is not None:
        (index,) = best_within(curve, np.array([budget]))
        met = bool(is_met(curve, np.array([budget]))[0])
    elif max_drop is not None:
        found = cheapest(curve, correct[-1].mean() - max_drop - _ROUNDING)
        met = found is not None
        index = cheapest(curve, curve.accuracy.max()) if found is None else found
    else:
        index = one_se(curve, correct.shape[1])
    place = np.unravel_index(index, curve.cost.shape) if per_exit else [index] * (len(macs) - 1)
    return OperatingPoint(
        curve.thresholds[list(map(int, place))],
        float(curve.accuracy.flat[index]),
        float(curve.cost.flat[index]),
        met,
    )


def _checked(
    confidence: ArrayLike, correct: ArrayLike, macs: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    confidence, correct, macs = (np.asarray(one) for one in (confidence, correct, macs))
    if not np.issubdtype(confidence.dtype, np.floating):
        confidence = confidence.astype(float)
    if confidence.ndim != 2 or 0 in confidence.shape:
        raise ValueError(
            f"confidence has shape {list(confidence.shape)}; [E, N] is needed, with at least one "
            f"exit and one sample"
        )
    exits = len(confidence)
    if not np.all((confidence >= 0) & (confidence <= 1)):  # NaN fails this, too
        raise ValueError("confidence must be finite and in [0, 1]")
    if correct.shape != confidence.shape or not np.isin(correct, (0, 1)).all():
        raise ValueError(
            f"correct is {correct.dtype} of shape {list(correct.shape)}; bool "
            f"{list(confidence.shape)}, the shape of confidence, is needed"
        )
    if macs.shape != (exits,) or not np.isfinite(macs).all():
        raise ValueError(
            f"macs is {macs.tolist()}; {exits} finite numbers are needed, a cost for each exit"
        )
    if macs[0] <= 0 or np.any(np.diff(macs) <= 0):
        raise ValueError(f"macs is {macs.tolist()}; it must be positive and rise from exit to exit")
    return confidence, correct.astype(bool), macs
