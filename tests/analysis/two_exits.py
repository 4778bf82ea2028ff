"""A network of two exits small enough to be worked out by hand."""

import numpy as np

from cgt.records.predictions import SplitPredictions
from cgt.records.reference import Reference

MACS = np.array([20, 100])
REFERENCE = Reference("d", "two_exits", 2, 100, 20, "images", ("no", "yes"))


def tiny(first, second, samples_per_level=25):
    """Two exits, 4 groups of equal samples with confidence 0.2, 0.4, 0.6, 0.8 at exit 1.

    `first` and `second` say for each group whether that exit is right. Costs: 20 and 100.
    """
    right = np.repeat(np.array([first, second], dtype=bool), samples_per_level, axis=1)
    target = np.arange(right.shape[1]) % 2
    confidence = np.repeat(
        np.float32([[0.2, 0.4, 0.6, 0.8], [1, 1, 1, 1]]), samples_per_level, axis=1
    )
    return SplitPredictions(
        np.where(right, target, 1 - target), confidence, target, np.arange(len(target))
    )
