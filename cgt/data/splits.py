"""Stratified splits: exact counts per class, drawn by dataset and seed alone."""

from collections.abc import Sequence

import numpy as np

from cgt.records.seeding import derive_seed


def generator(dataset: str, seed: int, purpose: str) -> np.random.RandomState:
    """Return the random generator for one purpose ("split", "limit") of `dataset` at `seed`.

    RandomState, because NumPy promises that its stream never changes; Generator's may.
    """
    return np.random.RandomState(derive_seed(dataset, seed, purpose))


def class_counts(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return int64 [C]: how often each class 0 … C-1 occurs."""
    return np.bincount(labels, minlength=num_classes).astype(np.int64)


def share(counts: np.ndarray, parts: int) -> np.ndarray:
    """Return one of `parts` equal parts of each class [C], rounded half up, but at least 1."""
    return np.maximum((counts + parts // 2) // parts, 1)


def proportional_counts(counts: np.ndarray, total: int) -> np.ndarray:
    """Share `total` out in proportion to `counts` [C], at least 1 for each class that occurs.

    Remainders go to the largest fractions, ties to the lower class. Raises ValueError if `total`
    is below the number of classes that occur or above the sum of `counts`.
    """
    present = counts > 0
    if not present.sum() <= total <= counts.sum():
        raise ValueError(
            f"cannot take {total} samples with each class kept: "
            f"allowed are {present.sum()} to {counts.sum()}"
        )
    exact = counts * total / counts.sum()
    shares = np.where(present, np.maximum(np.floor(exact), 1), 0).astype(np.int64)
    while shares.sum() != total:
        step = 1 if shares.sum() < total else -1
        # Move the class that is furthest from its exact share and may still move.
        movable = present & (shares < counts if step > 0 else shares > 1)
        gap = np.where(movable, step * (exact - shares), -np.inf)
        shares[np.argmax(gap)] += step
    return shares


def draw_stratified(
    labels: np.ndarray, parts: Sequence[np.ndarray], random: np.random.RandomState
) -> list[np.ndarray]:
    """Draw disjoint random sets of positions in `labels` [N].

    parts: per set, how many positions of each class [C]. Returns one sorted int64 array a set.
    Raises ValueError if a class has fewer positions than the parts ask for.
    """
    needed = np.sum(parts, axis=0)
    available = class_counts(labels, len(needed))
    if (needed > available).any():
        short = int(np.argmax(needed > available))
        raise ValueError(f"class {short} has {available[short]} samples, {needed[short]} needed")
    drawn: list[list[np.ndarray]] = [[] for _ in parts]
    for number in range(len(needed)):
        positions = random.permutation(np.flatnonzero(labels == number))
        bounds = np.cumsum([part[number] for part in parts])
        for chosen, piece in zip(drawn, np.split(positions, bounds), strict=False):
            chosen.append(piece)
    return [np.sort(np.concatenate(chosen)).astype(np.int64) for chosen in drawn]


def cut_down(
    labels: np.ndarray, index: np.ndarray, total: int, random: np.random.RandomState
) -> np.ndarray:
    """Return a stratified random subset of `index` with at most `total` entries, sorted.

    labels: [len(index)], the classes at `index`. Every class that occurs keeps a sample.
    """
    if total >= len(index):
        return index
    counts = proportional_counts(class_counts(labels, int(labels.max()) + 1), total)
    (kept,) = draw_stratified(labels, [counts], random)
    return index[kept]
