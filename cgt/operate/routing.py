"""Which exit answers: the numpy twin of `cgt.route`."""

import numpy as np


def exit_index(confidence: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
    """First exit whose confidence reaches the threshold; the last exit takes the rest.

    Args:
        confidence: [E, N] in [0, 1], exits from shallow to deep.
        threshold: one number in [0, 1] for all exits, or E-1 numbers, one per early exit. Zero
            sends everything to exit 1.

    Returns:
        [N] int64, 0-based exit of each sample.

    Raises:
        ValueError: if the shapes do not fit, or a threshold is outside [0, 1].
    """
    if confidence.ndim != 2 or confidence.shape[0] == 0:
        raise ValueError(f"confidence has shape {confidence.shape}; it must be [E, N] with E >= 1")
    early = confidence.shape[0] - 1
    # Compared in the precision of the confidences, as torch does: 0.9 means float32(0.9).
    threshold = np.asarray(threshold, dtype=confidence.dtype)
    if threshold.shape not in ((), (early,)):
        raise ValueError(
            f"threshold has shape {threshold.shape}; it must be one number, or {early} numbers, "
            "one per early exit"
        )
    if not np.all((threshold >= 0) & (threshold <= 1)):  # NaN fails this, too
        raise ValueError(f"threshold is {threshold.tolist()}; it must be in [0, 1]")
    sure = np.ones(confidence.shape, dtype=bool)
    sure[:-1] = confidence[:-1] >= threshold.reshape(-1, 1)
    return sure.argmax(axis=0)


def exit_shares(index: np.ndarray, exits: int) -> np.ndarray:
    """Share of samples that leaves at each exit: [N] 0-based exits -> [E], summing to 1."""
    return np.bincount(index, minlength=exits) / len(index)


def select(prediction: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Answer of each sample's own exit: prediction [E, N], index [N] -> [N]."""
    return prediction[index, np.arange(len(index))]


def routes(confidence: np.ndarray) -> bool:
    """Whether samples can leave at different exits: confidence [E, N] varies before the last exit.

    Networks trained side by side, one per depth, have constant confidences: a threshold picks one
    of them for all samples.
    """
    return bool(np.any(confidence[:-1] != confidence[:-1, :1]))
