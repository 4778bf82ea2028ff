"""One number per curve: the mean accuracy over all cost budgets."""

import numpy as np

from cgt.operate.sweep import Sweep, best_within, sweep
from cgt.records.predictions import Predictions

BUDGETS = 101


def area(val: Sweep, test: Sweep) -> float:
    """Mean test accuracy over 101 equally spaced budgets, from the cheapest exit to full cost.

    Within each budget the threshold with the best validation accuracy is used, so a larger budget
    never makes things worse on validation: one can always stop earlier. Both sweeps are over the
    same grid. The test split has no say in the choice.
    """
    budgets = np.linspace(val.cost.min(), 1, BUDGETS)
    return float(test.accuracy.ravel()[best_within(val, budgets)].mean())


def validation_area(predictions: Predictions) -> float:
    """The area on validation alone, for choice and for measure; the aim of tuning.

    For a network with one exit it is its accuracy.
    """
    curve = sweep(predictions.val, predictions.macs)
    return area(curve, curve)
