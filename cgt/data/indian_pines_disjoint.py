"""Indian Pines without a leak: no patch of validation or test shares a pixel with a training patch.

The same scene and classes as `indian_pines`, and the same number of training and validation pixels
a class, a tenth each, so that the two protocols differ in where the pixels lie and in nothing else.
Training pixels are drawn inside rectangles that a seeded search lays out. Validation and test
pixels are drawn at random from what lies further away than the guard band; labelled pixels within
the band are in no split. Patches of validation and test may overlap each other: with three bands of
that width the smaller fields have no room.

With `guard: pairwise` no patch shares a pixel with one of another split, any two of the three.
Validation pixels are drawn inside rectangles of their own, which a second search lays out in what
the band around the training pixels leaves; what lies beyond the band around validation pixels is
the test set, all of it. The band is then 6 pixels wide, so patches may be up to 7 x 7: with bands
of 10, Wheat had 6 to 14 of its 21 validation pixels at three seeds. Layouts are tried until every
class has as many training and validation pixels as at random, and at least as many test as
validation pixels. So the rule asks for counts alone, and no class is lost by it.

Classes with fewer than 100 pixels are in no split: each covers one spot that the band would swallow
whole, or nearly so. The network keeps its 16 outputs; macro averages are over the other 12 classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

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
            "meaning": "side of the patch around a pixel, pixels; the guard band is 10 wide, or 6 "
            "if pairwise, which allows up to 7",
        },
        "guard": {
            "enum": ["training", "pairwise"],
            "default": "training",
            "optional": True,
            "meaning": "what a band keeps apart: the training pixels from all others, or any two "
            "of the three splits",
        },
    },
    "source": "Baumgardner, Biehl, Landgrebe, 220 Band AVIRIS Hyperspectral Image Data Set: June "
    "12, 1992 Indian Pine Test Site 3, Purdue University Research Repository, 2015, "
    "doi:10.4231/R7RX991C",
}

GUARDS = {"training": 10, "pairwise": 6}
"""Width of the guard band, pixels: further apart than this, patches wider by one share nothing."""

SMALLEST = 100
"""Fewest pixels of a class that is split."""

_LAYOUTS = 20
_SEARCHES = 3  # for validation pixels, before the training pixels are drawn elsewhere


@dataclass(frozen=True)
class IndianPinesDisjoint(IndianPines):
    """Training pixels inside rectangles, the others beyond a guard band."""

    card: ClassVar[Card] = CARD

    name: str = "indian_pines_disjoint"
    guard: str = "training"

    @property
    def kept(self) -> tuple[str, ...]:
        return ("guard",) if self.guard != "training" else ()

    def configured(self, settings: Mapping[str, Any]) -> Self:
        if settings["guard"] not in GUARDS:
            raise ValueError(f"guard is {settings['guard']!r}, allowed are: {', '.join(GUARDS)}")
        return replace(self, guard=settings["guard"])

    def recorded(self, prepared: Arrays) -> Self:
        return replace(self, guard=str(prepared.get("guard", "training")))

    def keep(self, raw: Arrays) -> Arrays:
        return {name: np.array(self.guard) for name in self.kept}

    def split(self, raw: Arrays, seed: int) -> dict[str, np.ndarray]:
        labels = self.labels(raw, "train")
        drawn = pairwise_split if self.guard == "pairwise" else disjoint_split
        return drawn(
            labels.reshape(self.truth(raw).shape),
            len(self.class_names),
            generator(self.name, seed, "split"),
        )

    def fit(self, raw: Arrays, train_index: np.ndarray, settings: Mapping[str, Any]) -> Arrays:
        width = GUARDS[self.guard]
        if settings["patch"] > width + 1:
            raise ValueError(
                f"patch is {settings['patch']}, allowed are up to {width + 1}: "
                f"the guard band is {width} pixels wide"
            )
        return super().fit(raw, train_index, settings)


def disjoint_split(
    labels: np.ndarray, num_classes: int, random: np.random.RandomState
) -> dict[str, np.ndarray]:
    """Return sorted int64 positions by split: row * W + column.

    labels: int64 [H, W], class numbers from 0, or -1 for none.
    Raises ValueError if a class has too few pixels outside the guard band for its validation set.
    """
    classes, train_counts, val_counts = _counted(labels, num_classes)
    width = GUARDS["training"]
    area = training_area(classes, train_counts, width, random)
    train = _draw(classes, area, train_counts, random)
    outside = np.flatnonzero(_beyond(classes, train, width) >= 0)
    available = class_counts(classes.flat[outside], num_classes)
    val, test = draw_stratified(
        classes.flat[outside], [val_counts, np.maximum(available - val_counts, 0)], random
    )
    return {"train": train, "val": outside[val], "test": outside[test]}


def pairwise_split(
    labels: np.ndarray, num_classes: int, random: np.random.RandomState
) -> dict[str, np.ndarray]:
    """As `disjoint_split`, but with a band between any two of the three.

    Raises ValueError if no layout gives every class its training and validation pixels, and as many
    test pixels as validation pixels.
    """
    classes, train_counts, val_counts = _counted(labels, num_classes)
    width = GUARDS["pairwise"]
    for _ in range(_LAYOUTS):
        area = training_area(classes, train_counts, width, random)
        train = _draw(classes, area, train_counts, random)
        free = _beyond(classes, train, width)
        try:
            area = training_area(free, val_counts, width, random, attempts=_SEARCHES)
        except ValueError:
            continue  # the training pixels lie where they leave too little
        val = _draw(free, area, val_counts, random)
        left = _beyond(free, val, width)
        if (class_counts(left[left >= 0], num_classes) >= val_counts).all():
            return {"train": train, "val": val, "test": np.flatnonzero(left >= 0)}
    raise ValueError(f"no layout with a band of {width} pixels between any two splits was found")


def _counted(labels: np.ndarray, num_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of the classes that are split, -1 elsewhere; their training and validation pixels."""
    totals = class_counts(labels[labels >= 0], num_classes)
    totals[totals < SMALLEST] = 0
    classes = np.where((labels >= 0) & (totals[labels] > 0), labels, -1)
    train, val, _ = (np.where(totals > 0, part, 0) for part in split_counts(totals))
    return classes, train, val


def _draw(
    classes: np.ndarray, area: np.ndarray, counts: np.ndarray, random: np.random.RandomState
) -> np.ndarray:
    """Positions drawn at random in an area, so many of each class."""
    inside = np.flatnonzero(area & (classes >= 0))
    (chosen,) = draw_stratified(classes.flat[inside], [counts], random)
    return inside[chosen]


def _beyond(classes: np.ndarray, index: np.ndarray, width: int) -> np.ndarray:
    """The classes with -1 within a band around these positions."""
    marked = np.zeros(classes.shape, dtype=bool)
    marked.flat[index] = True
    return np.where(near(marked, width), -1, classes)
