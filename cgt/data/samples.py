"""Test samples as they are, for people to look at."""

from pathlib import Path

import numpy as np

from cgt.data.opened import open_dataset


def test_samples(
    dataset: str, prepared: Path, raw_dir: Path | None, index: np.ndarray
) -> np.ndarray:
    """Return unscaled samples for positions [...] in the test set; nothing where they are -1.

    Images: uint8 [..., H, W], or [..., H, W, 3] if they have three channels; other numbers of
    channels are averaged, values other than bytes are stretched from the least to the largest of
    all test samples, and an absent one is black.
    Signals: float32 [..., L], channels averaged; an absent one is NaN.
    Raises ValueError for a scene or a position that there is not, DataError for damaged files.
    """
    opened = open_dataset(dataset, prepared, raw_dir, kinds=("images", "signals"))
    samples = opened.builder.samples(opened.raw, "test")
    if index.size and not -1 <= index.min() <= index.max() < len(samples):
        raise ValueError(
            f"index holds {index.min()} to {index.max()}, allowed are -1 to {len(samples) - 1}"
        )
    chosen = samples[index]
    if opened.builder.kind == "signals":
        shown = chosen.mean(axis=-2, dtype=np.float64).astype(np.float32)
        return np.where((index >= 0)[..., None], shown, np.float32("nan"))
    if samples.dtype != np.uint8:
        low, high = float(samples.min()), float(samples.max())
        chosen = 255 * (chosen.astype(np.float64) - low) / (high - low)
    if samples.shape[1] == 3:
        shown = np.moveaxis(chosen, -3, -1)
    else:
        shown = chosen.mean(axis=-3, dtype=np.float64)
    present = (index >= 0).reshape(*index.shape, *[1] * (shown.ndim - index.ndim))
    return np.where(present, shown.round(), 0).astype(np.uint8)
