"""A whole scene: what a network needs to map every pixel, and what to show."""

from pathlib import Path

import numpy as np

from cgt.data.builder import SPLITS
from cgt.data.opened import Opened, open_dataset
from cgt.data.patches import reduce_bands

_DARKEST, _BRIGHTEST = 2, 98  # percentiles of a band that become black and full colour


def reduced_scene(dataset: str, prepared: Path, raw_dir: Path) -> tuple[np.ndarray, int]:
    """Return the scene as the networks see it, float32 [H, W, K], and the side of a patch."""
    scene = open_scene(dataset, prepared, raw_dir)
    cube = scene.builder.cube(scene.raw)
    return reduce_bands(cube, scene.prepared), int(scene.prepared["patch"])


def backdrop(dataset: str, prepared: Path, raw_dir: Path, step: int = 1) -> dict[str, np.ndarray]:
    """Return what is known of the scene at every `step`-th row and column.

    color: uint8 [h, w, 3], false colours. truth: uint8 [h, w], class numbers from 1, 0 for none.
    split: uint8 [h, w], 1 train, 2 val, 3 test, 0 for pixels in no split. class_names: [C].
    """
    scene = open_scene(dataset, prepared, raw_dir)
    builder, raw = scene.builder, scene.raw
    truth = builder.truth(raw)
    split = np.zeros(truth.shape, dtype=np.uint8)
    for number, name in enumerate(SPLITS, start=1):
        split.flat[scene.prepared[f"{name}_index"]] = number
    return {
        "color": every(false_color(builder.cube(raw)[..., list(builder.shown(raw))]), step),
        "truth": every(truth.astype(np.uint8, copy=False), step),
        "split": every(split, step),
        "class_names": np.array(builder.classes(raw)),
    }


def every(pixels: np.ndarray, step: int) -> np.ndarray:
    """Return every `step`-th row and column of [H, W, ...]; `step` ≥ 1."""
    if step < 1:
        raise ValueError(f"step is {step}; it must be at least 1")
    return pixels[::step, ::step]


def false_color(bands: np.ndarray) -> np.ndarray:
    """Stretch each of 3 bands [H, W, 3] to 0 … 255; uint8. The darkest and brightest 2 % clip."""
    low, high = np.percentile(bands, (_DARKEST, _BRIGHTEST), axis=(0, 1))
    span = np.where(high > low, high - low, 1)  # a band of one value is black
    return (255 * np.clip((bands - low) / span, 0, 1)).round().astype(np.uint8)


def open_scene(dataset: str, prepared: Path, raw_dir: Path) -> Opened:
    """Return the verified arrays of a dataset of kind scene.

    Raises ValueError if the dataset is none, DataError for missing or damaged files.
    """
    return open_dataset(dataset, prepared, raw_dir, kinds=("scene",))
