"""Does thinking longer than needed cost only time, or the right answer, too?

Definitions after Kaya, Hong and Dumitras, Shallow-Deep Networks, ICML 2019.
"""

import numpy as np


def overthinking(right: np.ndarray, index: np.ndarray) -> dict[str, float]:
    """Shares of samples that went on although an exit before had been right.

    - `wasteful`: some exit before the one used was right;
    - `destructive`: so it was, and the one used is wrong.

    right: [E, N] bool, is exit e right? index: [N], 0-based exit used.
    """
    samples = np.arange(len(index))
    solved = np.zeros_like(right)
    solved[1:] = np.logical_or.accumulate(right, axis=0)[:-1]
    wasteful = solved[index, samples]
    return {
        "wasteful": float(wasteful.mean()),
        "destructive": float((wasteful & ~right[index, samples]).mean()),
    }


def oracle_index(right: np.ndarray) -> np.ndarray:
    """The 0-based exit [N] of who knows the answers: the first that is right, else the last."""
    found = right.copy()
    found[-1] = True
    return found.argmax(axis=0)
