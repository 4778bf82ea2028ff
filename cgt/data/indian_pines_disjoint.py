"""Indian Pines without a leak: no patch of validation or test shares a pixel with a training patch.

The same scene and classes as `indian_pines`, and the same number of training and validation pixels
a class, a tenth each, so that the two protocols differ in where the pixels lie and in nothing else.
Training pixels are drawn inside rectangles that a seeded search lays out. Validation and test
pixels are drawn at random from what lies further away than the guard band; labelled pixels within
the band are in no split. Patches of validation and test may overlap each other: on both sides of
three bands the smaller fields would have no room.

Classes with fewer than 100 pixels are in no split: each covers one spot that the band would swallow
whole, or nearly so. The network keeps its 16 outputs; macro averages are over the other 12 classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cgt.data.builder import Arrays
from cgt.data.disjoint import near, training_area
from cgt.data.indian_pines import IndianPines
from cgt.data.scene_builder import split_counts
from cgt.data.splits import class_counts, draw_stratified, generator
from cgt.records.cards import Card

CARD = {
    "title": "Indian Pines (disjoint)",
    "kind": "scene",
    "raw": "indian_pines",
    "files": ["cube.npy", "ground_truth.npy"],
    "augmentation": "dihedral",
    "settings": {
        "components": {
            "type": "integer",
            "minimum": 1,
            "maximum": 200,
            "default": 30,
            "meaning": "principal components kept of the 200 bands",
        },
        "patch": {
            "enum": [5, 7, 9, 11],
            "default": 11,
            "meaning": "side of the patch around a pixel, pixels; the guard band is 10 wide",
        },
    },
    "source": "Baumgardner, Biehl, Landgrebe, 220 Band AVIRIS Hyperspectral Image Data Set: June "
    "12, 1992 Indian Pine Test Site 3, Purdue University Research Repository, 2015, "
    "doi:10.4231/R7RX991C",
}

GUARD = 10
"""Width of the guard band, pixels: further apart than this, patches of 11 x 11 share nothing."""

SMALLEST = 100
"""Fewest pixels of a class that is split."""


@dataclass(frozen=True)
class IndianPinesDisjoint(IndianPines):
    """Training pixels inside rectangles, the others beyond a guard band."""

    card: ClassVar[Card] = CARD

    name: str = "indian_pines_disjoint"

    def split(self, raw: Arrays, seed: int) -> dict[str, np.ndarray]:
        labels = self.labels(raw, "train")
        return disjoint_split(
            labels.reshape(self.truth(raw).shape),
            len(self.class_names),
            generator(self.name, seed, "split"),
        )

    def fit(self, raw: Arrays, train_index: np.ndarray, settings: Mapping[str, Any]) -> Arrays:
        if settings["patch"] > GUARD + 1:
            raise ValueError(
                f"patch is {settings['patch']}, allowed are up to {GUARD + 1}: "
                f"the guard band is {GUARD} pixels wide"
            )
        return super().fit(raw, train_index, settings)


def disjoint_split(
    labels: np.ndarray, num_classes: int, random: np.random.RandomState
) -> dict[str, np.ndarray]:
    """Return sorted int64 positions by split: row * W + column.

    labels: int64 [H, W], class numbers from 0, or -1 for none.
    Raises ValueError if a class has too few pixels outside the guard band for its validation set.
    """
    totals = class_counts(labels[labels >= 0], num_classes)
    totals[totals < SMALLEST] = 0
    classes = np.where((labels >= 0) & (totals[labels] > 0), labels, -1)
    train_counts, val_counts, _ = (np.where(totals > 0, part, 0) for part in split_counts(totals))

    inside = np.flatnonzero(training_area(classes, train_counts, GUARD, random) & (classes >= 0))
    (chosen,) = draw_stratified(classes.flat[inside], [train_counts], random)
    train = inside[chosen]

    trained = np.zeros(labels.shape, dtype=bool)
    trained.flat[train] = True
    outside = np.flatnonzero(~near(trained, GUARD) & (classes >= 0))
    available = class_counts(classes.flat[outside], num_classes)
    val, test = draw_stratified(
        classes.flat[outside], [val_counts, np.maximum(available - val_counts, 0)], random
    )
    return {"train": train, "val": outside[val], "test": outside[test]}
