"""MNIST-1D: signals of 40 values, 10 classes, drawn anew at each seed (Greydanus 2020).

15,000 signals from the authors' generator, 1,500 a class: 4,000 for training, 1,000 for validation
and 10,000 for the test, the same number of each class. Seeds share no sample, so they are
independent draws of data, which splits of one fixed dataset are not. An index is a position among
the 15,000. The prepared file holds the signals: training needs no generator.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from cgt.data.builder import SPLITS, Arrays
from cgt.data.splits import draw_stratified, generator
from cgt.data.standardised import StandardisedBuilder
from cgt.records.cards import Card
from cgt.records.extras import need
from cgt.records.seeding import derive_seed

CARD = {
    "title": "MNIST-1D",
    "kind": "signals",
    "raw": None,
    "files": [],
    "augmentation": "none",
    "settings": {},
    "source": "Greydanus, Scaling down deep learning, 2020, arXiv:2011.14439",
}

CLASSES = 10
LENGTH = 40
SIZES = {"train": 4_000, "val": 1_000, "test": 10_000}
"""Samples by split, a tenth of them in each class."""

_DECIMALS = 6  # the last bits of the generator's numbers depend on the machine


@dataclass(frozen=True)
class MNIST1D(StandardisedBuilder):
    """x = (signal - mean) / std, with one mean and std over all training signals."""

    card: ClassVar[Card] = CARD
    kept: ClassVar[tuple[str, ...]] = ("x", "y")

    name: str = "mnist1d"
    class_names: tuple[str, ...] = tuple("0123456789")

    def raw(self, raw_dir: Path | None, seed: int) -> Arrays:
        return draw(seed)

    def keep(self, raw: Arrays) -> Arrays:
        return raw

    def stored(self, raw_dir: Path | None, prepared: Arrays) -> Arrays:
        x, y = prepared["x"], prepared["y"]
        size = sum(SIZES.values())
        if x.shape != (size, LENGTH) or x.dtype != np.float32 or not np.isfinite(x).all():
            raise ValueError(f"x must hold {size} signals of {LENGTH} finite float32 numbers")
        if y.shape != (size,) or y.dtype != np.int64 or set(y) != set(range(CLASSES)):
            raise ValueError(f"y must hold {size} int64 class numbers from 0 to {CLASSES - 1}")
        return {"x": x, "y": y}

    def labels(self, raw: Arrays, split: str) -> np.ndarray:
        return raw["y"]

    def samples(self, raw: Arrays, split: str) -> np.ndarray:
        return raw["x"][:, None]

    def split(self, raw: Arrays, seed: int) -> dict[str, np.ndarray]:
        counts = [np.full(CLASSES, SIZES[split] // CLASSES) for split in SPLITS]
        drawn = draw_stratified(raw["y"], counts, generator(self.name, seed, "split"))
        return dict(zip(SPLITS, drawn, strict=True))


def draw(seed: int) -> dict[str, np.ndarray]:
    """Draw the samples of a seed: `x` float32 [15000, 40], rounded to 6 decimals; `y` int64.

    Raises ModuleNotFoundError that says how to install the generator, if it is not there.
    """
    need("mnist1d", "benchmark")
    from mnist1d.data import get_dataset_args, make_dataset

    arguments = get_dataset_args()
    arguments.num_samples = sum(SIZES.values())
    arguments.seed = derive_seed("mnist1d", seed, "draw")
    with _global_random_states_kept():
        made = make_dataset(arguments)
    x = np.concatenate([made["x"], made["x_test"]])
    y = np.concatenate([made["y"], made["y_test"]])
    return {"x": np.round(x, _DECIMALS).astype(np.float32), "y": y.astype(np.int64)}


@contextmanager
def _global_random_states_kept() -> Iterator[None]:
    """The generator seeds and uses the random numbers of the whole process; give them back."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
