"""The whole Indian Pines scene: what a network needs to map every pixel, and what to show."""

from pathlib import Path

import numpy as np

from cgt.data.indian_pines import CUBE, GROUND_TRUTH, IndianPines, reduce_bands
from cgt.data.indian_pines_disjoint import IndianPinesDisjoint
from cgt.data.prepared import load_prepared, repair_of
from cgt.data.raw import read_raw
from cgt.data.recipe import SPLITS, Arrays

SCENES = {recipe.name: recipe for recipe in (IndianPines(), IndianPinesDisjoint())}
"""The protocols on one scene."""

_SHOWN = (49, 28, 15)
"""Near infrared, red and green as red, green and blue, as in infrared film: plants are red."""
_DARKEST, _BRIGHTEST = 2, 98  # percentiles of a band that become black and full colour


def reduced_scene(dataset: str, prepared: Path, raw_dir: Path) -> tuple[np.ndarray, int]:
    """Return the scene as the networks see it, float32 [H, W, K], and the side of a patch."""
    raw, arrays = read_scene(dataset, prepared, raw_dir)
    return reduce_bands(raw[CUBE], arrays), int(arrays["patch"])


def backdrop(dataset: str, prepared: Path, raw_dir: Path, step: int = 1) -> dict[str, np.ndarray]:
    """Return what is known of the scene at every `step`-th row and column.

    color: uint8 [h, w, 3], false colours. truth: uint8 [h, w], class numbers from 1, 0 for none.
    split: uint8 [h, w], 1 train, 2 val, 3 test, 0 for pixels in no split. class_names: [C].
    """
    raw, arrays = read_scene(dataset, prepared, raw_dir)
    truth = raw[GROUND_TRUTH]
    split = np.zeros(truth.shape, dtype=np.uint8)
    for number, name in enumerate(SPLITS, start=1):
        split.flat[arrays[f"{name}_index"]] = number
    return {
        "color": every(false_color(raw[CUBE][..., list(_SHOWN)]), step),
        "truth": every(truth, step),
        "split": every(split, step),
        "class_names": np.array(SCENES[dataset].class_names),
    }


def every(pixels: np.ndarray, step: int) -> np.ndarray:
    """Return every `step`-th row and column of [H, W, ...]; `step` ≥ 1."""
    if step < 1:
        raise ValueError(f"step is {step}; it must be at least 1")
    return pixels[::step, ::step]


def false_color(bands: np.ndarray) -> np.ndarray:
    """Stretch each of 3 bands [H, W, 3] to 0 … 255; uint8. The darkest and brightest 2 % clip."""
    low, high = np.percentile(bands, (_DARKEST, _BRIGHTEST), axis=(0, 1))
    return (255 * np.clip((bands - low) / (high - low), 0, 1)).round().astype(np.uint8)


def read_scene(dataset: str, prepared: Path, raw_dir: Path) -> tuple[Arrays, Arrays]:
    """Return the verified raw and prepared arrays of a protocol.

    Raises ValueError if the dataset has no scene, DataError for missing or damaged files.
    """
    if dataset not in SCENES:
        raise ValueError(f"dataset is {dataset!r}; it must be of one scene: {', '.join(SCENES)}")
    recipe = SCENES[dataset]
    raw = read_raw(recipe.files, raw_dir, recipe.raw_name)
    return raw, load_prepared(prepared, repair_of(dataset, prepared, raw_dir))
