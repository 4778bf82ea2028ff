"""What images and signals in an `.npz` file share: samples in rows, three ways to split them."""

from collections.abc import Mapping
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
from cgt.data.splits import class_counts, draw_stratified, generator, share
from cgt.data.standardised import StandardisedBuilder

_NUMBERS = {split: number for number, split in enumerate(SPLITS)}


@dataclass(frozen=True)
class NpzSamples(NpzBuilder, StandardisedBuilder):
    """Samples `x` with labels `y`; perhaps a `split`, or a test set `x_test`, `y_test`.

    layouts: what the dimensions of `x` are called, by their number: without channels and with.
    numbers: which numbers `x` may hold, in words.
    An index is a position in `x`, or in `x_test` for the test split if there is one.
    """

    layouts: ClassVar[Mapping[int, str]]
    numbers: ClassVar[str]
    required: ClassVar[tuple[str, ...]] = ("x", "y")
    optional: ClassVar[tuple[str, ...]] = ("split", "x_test", "y_test", "class_names")

    def checked(self, arrays: Arrays) -> dict[str, np.ndarray]:
        x = self._with_channels("x", arrays["x"])
        what = "one class number from 0 for each of x"
        labels = check_whole("y", arrays["y"], (len(x),), what, 0, len(x) - 1)
        counts = class_counts(labels, int(labels.max()) + 1)
        names = names_of_classes(arrays.get("class_names"), len(counts))
        _check_classes(counts, len(names))
        found = {"x": x, "y": labels, "class_names": names}
        held = {"x_test", "y_test"} & arrays.keys()
        if "split" in arrays:
            if held:
                raise ValueError("has both split and x_test or y_test; leave out one of the two")
            what = "0 train, 1 val, 2 test, one number a sample"
            found["split"] = check_whole("split", arrays["split"], labels.shape, what, 0, 2)
            check_split(found["split"], labels, _NUMBERS)
        elif held:
            found |= self._held_out(arrays, found)
            check_counts("y", counts, 2, "1 for training and 1 for validation")
        else:
            check_counts("y", counts, 3, "1 each for training, validation and test")
        return found

    def pool(self, raw: Arrays, split: str) -> str:
        return "x_test" if split == "test" and "x_test" in raw else "x"

    def samples(self, raw: Arrays, split: str) -> np.ndarray:
        return raw[self.pool(raw, split)]

    def labels(self, raw: Arrays, split: str) -> np.ndarray:
        return raw[self.pool(raw, split).replace("x", "y")]

    def split(self, raw: Arrays, seed: int) -> dict[str, np.ndarray]:
        if "split" in raw:
            return {name: np.flatnonzero(raw["split"] == n) for name, n in _NUMBERS.items()}
        labels = raw["y"]
        counts = class_counts(labels, len(self.classes(raw)))
        random = generator(self.name, seed, "split")
        if "x_test" in raw:
            val = share(counts, 10)
            drawn = draw_stratified(labels, [counts - val, val], random)
            drawn.append(np.arange(len(raw["x_test"]), dtype=np.int64))
        else:
            fifth = share(counts, 5)
            drawn = draw_stratified(labels, [counts - 2 * fifth, fifth, fifth], random)
        return dict(zip(SPLITS, drawn, strict=True))

    def _held_out(self, arrays: Arrays, found: Arrays) -> dict[str, np.ndarray]:
        for name in ("x_test", "y_test"):
            if name not in arrays:
                raise ValueError(f"has no array {name!r}, but the other of x_test and y_test")
        x = self._with_channels("x_test", arrays["x_test"])
        if x.shape[1:] != found["x"].shape[1:] or x.dtype != found["x"].dtype:
            raise ValueError(
                f"x_test holds samples of shape {x.shape[1:]} and {x.dtype}, those of x are "
                f"{found['x'].shape[1:]} and {found['x'].dtype}"
            )
        most = len(found["class_names"]) - 1
        what = "one class number for each of x_test"
        labels = check_whole("y_test", arrays["y_test"], (len(x),), what, 0, most)
        return {"x_test": x, "y_test": labels}

    def _with_channels(self, name: str, array: np.ndarray) -> np.ndarray:
        check_numbers(name, array, self.layouts, self.numbers)
        return array[:, None] if array.ndim == min(self.layouts) else array


def _check_classes(counts: np.ndarray, num_classes: int) -> None:
    if len(counts) > num_classes:
        raise ValueError(
            f"y holds class {len(counts) - 1}, but class_names has {num_classes} names"
        )
    if num_classes < 2:
        raise ValueError("y holds one class only; there is nothing to tell apart")
    counts = np.append(counts, np.zeros(num_classes - len(counts), dtype=np.int64))
    check_counts("y", counts, 1, "class numbers are 0 to C-1 without a gap")
