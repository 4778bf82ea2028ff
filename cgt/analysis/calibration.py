"""Is an exit right as often as it is sure?"""

import numpy as np

BINS = 15
"""Equal bins of the confidence, (0, 1/15], (1/15, 2/15], ...; 0 belongs to the first."""


def reliability(confidence: np.ndarray, right: np.ndarray) -> list[dict[str, float]]:
    """One row per bin that is not empty: its number (from 1), share, mean confidence, accuracy.

    confidence: [N] in [0, 1]; right: [N] bool.
    """
    confidence = confidence.astype(float)
    bins = np.clip(np.ceil(confidence * BINS).astype(int), 1, BINS)
    count = np.bincount(bins, minlength=BINS + 1)
    sure = np.bincount(bins, confidence, minlength=BINS + 1)
    hits = np.bincount(bins, right, minlength=BINS + 1)
    return [
        {
            "bin": int(b),
            "share": count[b] / len(bins),
            "confidence": sure[b] / count[b],
            "accuracy": hits[b] / count[b],
        }
        for b in np.flatnonzero(count)
    ]


def expected_calibration_error(bins: list[dict[str, float]]) -> float:
    """Mean distance of confidence and accuracy over rows of `reliability`, weighted by share."""
    return float(sum(row["share"] * abs(row["confidence"] - row["accuracy"]) for row in bins))
