"""Which settings are tried: well spread points of a space, the same whenever they are asked for."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, spread evenly, or evenly in their logarithm."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        lowest = 0 if self.log else -math.inf
        if not (math.isfinite(self.high) and lowest < self.low < self.high):
            above = " above 0" if self.log else ""
            raise ValueError(
                f"a range from {self.low!r} to {self.high!r}; it needs two finite numbers{above}, "
                f"the lower first"
            )

    def at(self, position: float) -> float:
        """The number at a position in [0, 1], to three significant digits."""
        if self.log:
            value = self.low * (self.high / self.low) ** position
        else:
            value = self.low + (self.high - self.low) * position
        return float(f"{value:.3g}")

    def position(self, value: float) -> float:
        """Where a number lies, in [0, 1]; what lies outside is put at the nearer end."""
        if self.log:
            found = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            found = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, found))


Space = Mapping[str, Range | Sequence[Any]]
"""Settings by name: a range of numbers, or a list of values."""


def points(space: Space, first: Mapping[str, Any], count: int, *seed: object) -> list[dict]:
    """``count`` settings: ``first``, then a scrambled Sobol sequence over the space.

    A list is cut into equal parts of [0, 1]. What repeats an earlier point is skipped. Equal
    ``seed`` gives equal points, and a larger ``count`` keeps the earlier ones.

    Raises:
        ValueError: if ``first`` does not name exactly the settings of the space, or the space,
            made of lists alone, has fewer than ``count`` points.
    """
    from scipy.stats import qmc

    if set(first) != set(space):
        raise ValueError(
            f"the first point has {', '.join(sorted(first))}; the space has "
            f"{', '.join(sorted(space))}: both need the same settings"
        )
    lists = [choices for choices in space.values() if not isinstance(choices, Range)]
    if len(lists) == len(space) and math.prod(map(len, lists)) < count:
        raise ValueError(
            f"{count} points are wanted; the space has only {math.prod(map(len, lists))}"
        )
    found = [{name: first[name] for name in space}]
    digest = hashlib.sha256("/".join(map(str, seed)).encode()).digest()
    sequence = qmc.Sobol(len(space), rng=int.from_bytes(digest[:8], "big"))
    while len(found) < count:
        for row in sequence.random(16):
            point = {
                name: _at(choices, position)
                for (name, choices), position in zip(space.items(), row, strict=True)
            }
            if point not in found and len(found) < count:
                found.append(point)
    return found


def distance(space: Space, one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """How far two points lie apart: the sum over the settings of a distance in [0, 1].

    Of numbers of a range by their position in it; of list entries 0 if they are equal, else 1.
    """
    return sum(
        abs(choices.position(one[name]) - choices.position(other[name]))
        if isinstance(choices, Range)
        else float(one[name] != other[name])
        for name, choices in space.items()
    )


def _at(choices: Range | Sequence[Any], position: float) -> Any:
    if isinstance(choices, Range):
        return choices.at(position)
    return choices[min(int(position * len(choices)), len(choices) - 1)]
