"""Is an array of the user's file what it must be? A check raises ValueError with one sentence."""

from collections.abc import Mapping, Sequence

import numpy as np

from cgt.data.splits import class_counts


def check_numbers(name: str, array: np.ndarray, layouts: Mapping[int, str], kinds: str) -> None:
    """Raise unless `array` holds finite numbers in one of the layouts.

    layouts: what the dimensions are called, by their number; kinds: "uint8 or float" or
    "integer or float".
    """
    if array.ndim not in layouts or 0 in array.shape:
        allowed = " or ".join(layouts.values())
        raise ValueError(f"{name} has shape {array.shape}, expected {allowed}, none of them 0")
    real = array.dtype.kind == "f" and array.dtype.itemsize <= 8
    whole = array.dtype == np.uint8 if kinds.startswith("uint8") else array.dtype.kind in "iu"
    if not (real or whole):
        raise ValueError(f"{name} holds {array.dtype}, expected {kinds}")
    if real and not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity; fill in or leave out what is not known")
    if array.min() == array.max():
        raise ValueError(f"{name} holds nothing but {array.flat[0]}; there is nothing to learn")


def check_whole(
    name: str, array: np.ndarray, shape: tuple[int, ...], what: str, low: int, high: int
) -> np.ndarray:
    """Return `array` as int64 if it has `shape` and holds integers from `low` to `high`.

    what: says which number stands where, such as "one label a sample".
    """
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}: {what}")
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} holds {array.dtype}, expected integers: {what}")
    if array.min() < low or array.max() > high:
        raise ValueError(
            f"{name} holds {array.min()} to {array.max()}, allowed are {low} to {high}: {what}"
        )
    return array.astype(np.int64)


def names_of_classes(given: np.ndarray | None, num_classes: int) -> np.ndarray:
    """Return the names of the classes, or "class 0", "class 1", …; an array of text [C]."""
    if given is None:
        return np.array([f"class {number}" for number in range(num_classes)])
    if given.dtype.kind != "U" or given.ndim != 1:
        raise ValueError(
            f"class_names holds {given.dtype} of shape {given.shape}, expected text, one name a "
            f"class"
        )
    if len(set(given.tolist())) != len(given) or "" in given.tolist():
        raise ValueError("class_names names two classes alike, or one of them not at all")
    return given


def check_counts(name: str, counts: Sequence[int], fewest: int, why: str, first: int = 0) -> None:
    """Raise unless every class has at least `fewest` samples: `counts` [C] are those in `name`.

    first: the number that `name` has for the first class.
    """
    for number, count in enumerate(counts, start=first):
        if count < fewest:
            raise ValueError(
                f"{name} holds too few samples of class {number}: {count}, needed are {fewest} "
                f"({why})"
            )


def check_split(split: np.ndarray, labels: np.ndarray, numbers: Mapping[str, int]) -> None:
    """Raise unless all splits have samples, and training has some of every class that any has.

    split: [N], numbers of the splits; labels: int64 [N], class numbers from 0 where one is split.
    """
    for name, number in numbers.items():
        if not (split == number).any():
            raise ValueError(f"split has no {number}: there is no sample for {name}")
    used = np.isin(split, list(numbers.values()))
    trained = class_counts(labels[split == numbers["train"]], int(labels.max()) + 1)
    for number in np.unique(labels[used]):
        if trained[number] == 0:
            raise ValueError(f"split has no training sample of class {number}")
