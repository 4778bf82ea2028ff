"""Patches of a scene: its bands reduced, windows cut around pixels, and how far two sets overlap.

An index is row * width + column.
"""

import numpy as np
from threadpoolctl import threadpool_limits

from cgt.data.builder import Arrays


def reduce_bands(cube: np.ndarray, prepared: Arrays) -> np.ndarray:
    """Return the scene as float32 [H, W, K]: K uncorrelated components of variance 1."""
    scaled = (cube.reshape(-1, cube.shape[-1]) - prepared["band_mean"]) / prepared["band_std"]
    # No subtraction of the PCA's mean: that of standardised training pixels is 0.
    whitening = prepared["components"].T / np.sqrt(prepared["variance"])
    with threadpool_limits(1):
        reduced = scaled @ whitening
    return reduced.astype(np.float32).reshape(*cube.shape[:2], -1)


def cut_patches(scene: np.ndarray, index: np.ndarray, patch: int) -> np.ndarray:
    """Return float32 [N, K, patch, patch]: the patches of `scene` [H, W, K] centred at `index`.

    index: int64 [N], row * W + column. Beyond its border the scene is mirrored (numpy "reflect").
    """
    width, half = scene.shape[1], patch // 2
    padded = np.pad(scene, ((half, half), (half, half), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (patch, patch), axis=(0, 1))
    return np.ascontiguousarray(windows[index // width, index % width])


def patch_overlap(
    train_index: np.ndarray, test_index: np.ndarray, patch: int, scene_shape: tuple[int, int]
) -> float:
    """Return the share in [0, 1] of test patches that have a pixel in common with a training patch.

    Indices: int64, row * width + column, of the patches' centres; scene_shape: (height, width).
    """
    from scipy.ndimage import maximum_filter

    trained = np.zeros(scene_shape, dtype=bool)
    trained.flat[train_index] = True
    # Two patches meet when their centres are less than `patch` apart, along rows and along columns.
    touched = maximum_filter(trained, size=2 * patch - 1, mode="constant")
    return float(touched.flat[test_index].mean())
