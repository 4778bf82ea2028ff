"""A scene in an `.npz` file: `cube` [H, W, B] and `ground_truth` [H, W], 0 where there is no label.

A sample is the patch around a labelled pixel. Without a `split`, pixels are drawn at random within
each class, 10 % train, 10 % validation, the rest test, as in `cgt.data.indian_pines`; so its
patches overlap, too. An index is row * width + column.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cgt.data.builder import SPLITS, Arrays
from cgt.data.kinds.checks import (
    check_counts,
    check_numbers,
    check_split,
    check_whole,
    names_of_classes,
)
from cgt.data.kinds.npz import NpzBuilder
from cgt.data.scene_builder import FEWEST, SceneBuilder
from cgt.data.splits import class_counts
from cgt.records.cards import Card

CARD = {
    "kind": "scene",
    "raw": None,
    "files": [],
    "augmentation": "dihedral",
    "settings": {
        "components": {
            "type": "integer",
            "minimum": 1,
            "default": 30,
            "meaning": "principal components kept of the bands",
        },
        "patch": {
            "enum": [5, 7, 9, 11, 13, 15],
            "default": 11,
            "meaning": "side of the patch around a pixel, pixels",
        },
    },
}

_NUMBERS = {split: number for number, split in enumerate(SPLITS, start=1)}
_MOST_CLASSES = 255  # maps hold them as bytes


@dataclass(frozen=True)
class NpzScene(NpzBuilder, SceneBuilder):
    """See `SceneBuilder`."""

    card: ClassVar[Card] = CARD
    required: ClassVar[tuple[str, ...]] = ("cube", "ground_truth")
    optional: ClassVar[tuple[str, ...]] = ("split", "class_names")

    def checked(self, arrays: Arrays) -> dict[str, np.ndarray]:
        cube = arrays["cube"]
        check_numbers("cube", cube, {3: "[H, W, B]"}, "integer or float")
        what = "one class number from 1 a pixel, 0 for no label"
        shape = cube.shape[:2]
        truth = check_whole("ground_truth", arrays["ground_truth"], shape, what, 0, _MOST_CLASSES)
        num_classes = int(truth.max())
        names = names_of_classes(arrays.get("class_names"), num_classes)
        if num_classes > len(names):
            raise ValueError(
                f"ground_truth holds class {num_classes}, but class_names has {len(names)} names"
            )
        if len(names) < 2:
            raise ValueError("ground_truth holds fewer than two classes; nothing to tell apart")
        counts = class_counts(truth[truth > 0] - 1, len(names))
        check_counts("ground_truth", counts, 1, "classes are 1 to C without a gap", first=1)
        found = {"cube": cube, "ground_truth": truth, "class_names": names}
        if "split" in arrays:
            what = "0 none, 1 train, 2 val, 3 test, one number a pixel"
            split = check_whole("split", arrays["split"], shape, what, 0, 3)
            if ((split > 0) & (truth == 0)).any():
                raise ValueError("split names pixels that have no label in ground_truth")
            check_split(split.ravel(), truth.ravel() - 1, _NUMBERS)
            found["split"] = split
        else:
            why = "3 for training, 1 each for validation and test"
            check_counts("ground_truth", counts, FEWEST, why, first=1)
        return found

    def split(self, raw: Arrays, seed: int) -> dict[str, np.ndarray]:
        if "split" in raw:
            return {name: np.flatnonzero(raw["split"] == n) for name, n in _NUMBERS.items()}
        return super().split(raw, seed)
