"""Rectangles for a spatially disjoint split: training pixels inside, test pixels far outside.

A guard band around the rectangles belongs to neither side. A search places them so that every class
keeps enough pixels on both sides of the band; each seed searches from its own random start.
"""

import numpy as np

from cgt.data.splits import class_counts

Rectangle = tuple[int, int, int, int]  # row, column, height, width

_RECTANGLES = 12
_STEPS = 4000
_ATTEMPTS = 20
_LARGEST = 20  # pixels: side of a rectangle when it is drawn; it may grow afterwards
_WIDEST_MOVE = 4  # pixels
_RESTART_IN = 4  # one step in so many draws a rectangle anew
_TRAIN, _BLOCKED = 64, 32  # bits above the class numbers


def training_area(
    classes: np.ndarray,
    wanted: np.ndarray,
    guard: int,
    random: np.random.RandomState,
    attempts: int | None = None,
) -> np.ndarray:
    """Return bool [H, W]: the rectangles that training pixels may come from.

    classes: int64 [H, W], numbers from 0 to 30, or -1: not to be split.
    wanted: int64 [C], training pixels of each class; 0 for a class that is not to be split.
    guard: width of the band around the rectangles that is lost for validation and test, pixels.
    attempts: how many searches may be made; None: twenty.
    Raises ValueError if no layout gives every class its training pixels.
    """
    attempts = attempts or _ATTEMPTS
    for _ in range(attempts):
        area = _search(classes, wanted, guard, random)
        if (class_counts(classes[area & (classes >= 0)], len(wanted)) >= wanted).all():
            return area
    raise ValueError(
        f"no layout of training areas with a guard band of {guard} pixels in {attempts} attempts"
    )


def near(marked: np.ndarray, distance: int) -> np.ndarray:
    """Return bool [H, W]: at most `distance` rows and columns away from a pixel of `marked`."""
    from scipy.ndimage import maximum_filter  # slow to import, and needed here alone

    return maximum_filter(marked, size=2 * distance + 1, mode="constant")


def _search(
    classes: np.ndarray, wanted: np.ndarray, guard: int, random: np.random.RandomState
) -> np.ndarray:
    """Improve random rectangles step by step; return their area, bool [H, W]."""
    totals = class_counts(classes[classes >= 0], len(wanted))
    best = [_draw(classes.shape, random) for _ in range(_RECTANGLES)]
    best_score = _score(classes, best, wanted, totals, guard)
    for _ in range(_STEPS):
        changed = list(best)
        chosen = random.randint(_RECTANGLES)
        if random.randint(_RESTART_IN) == 0:
            changed[chosen] = _draw(classes.shape, random)
        else:
            changed[chosen] = _nudge(best[chosen], classes.shape, random)
        score = _score(classes, changed, wanted, totals, guard)
        if score >= best_score:  # steps sideways lead out of dead ends
            best, best_score = changed, score
    area = np.zeros(classes.shape, dtype=bool)
    for row, column, height, width in best:
        area[row : row + height, column : column + width] = True
    return area


def _score(
    classes: np.ndarray,
    rectangles: list[Rectangle],
    wanted: np.ndarray,
    totals: np.ndarray,
    guard: int,
) -> int:
    """How well every class is served on both sides; whole numbers, so that no rounding decides."""
    train, held = _sides(classes, rectangles, len(wanted), guard)
    enough_train = np.minimum(1000 * train // np.maximum(wanted, 1), 1000)
    enough_held = np.minimum(2000 * held // np.maximum(totals, 1), 1000)  # half of it is plenty
    # The root favours classes that are badly served; of whole numbers it is the same everywhere.
    return int(np.sqrt(enough_train * enough_held).astype(np.int64).sum())


def _sides(
    classes: np.ndarray, rectangles: list[Rectangle], num_classes: int, guard: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of each class [C] in the rectangles, and further than `guard` from all of them."""
    code = np.where(classes < 0, _BLOCKED - 1, classes)
    for row, column, height, width in rectangles:
        top, left = max(row - guard, 0), max(column - guard, 0)
        code[top : row + height + guard, left : column + width + guard] |= _BLOCKED
    for row, column, height, width in rectangles:
        code[row : row + height, column : column + width] |= _TRAIN
    counts = np.bincount(code.ravel(), minlength=2 * _TRAIN)
    train = counts[_TRAIN + _BLOCKED :]
    return train[:num_classes], counts[:num_classes]


def _draw(shape: tuple[int, int], random: np.random.RandomState) -> Rectangle:
    height, width = (random.randint(1, min(_LARGEST, side) + 1) for side in shape)
    row, column = random.randint(shape[0] - height + 1), random.randint(shape[1] - width + 1)
    return row, column, height, width


def _nudge(
    rectangle: Rectangle, shape: tuple[int, int], random: np.random.RandomState
) -> Rectangle:
    """Move and resize a little, within the scene."""
    moves = random.randint(-_WIDEST_MOVE, _WIDEST_MOVE + 1, 4)
    row, column, height, width = (int(v) for v in np.add(rectangle, moves))
    height, width = min(max(height, 1), shape[0]), min(max(width, 1), shape[1])
    row, column = max(row, 0), max(column, 0)
    return min(row, shape[0] - height), min(column, shape[1] - width), height, width
