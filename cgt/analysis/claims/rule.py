"""An interval and a region give a verdict."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

REPRODUCED, UNDECIDED, NOT_REPRODUCED = "reproduced", "undecided", "not reproduced"
DEPENDS = "undecided: depends on the reading"
"""Of a saying that is reproduced by one reading of its words, and not reproduced by another."""
CANNOT_TELL = "cannot be told"
"""What would have to be compared is not there: no number of seeds would decide."""
VERDICTS = (NOT_REPRODUCED, DEPENDS, UNDECIDED, CANNOT_TELL, REPRODUCED)
"""From the least to the most favourable."""


@dataclass(frozen=True)
class Region:
    """Where a claim says that a number lies: between two bounds, neither of which belongs to it."""

    lower: float = -math.inf
    upper: float = math.inf

    def verdict(self, mean: float, half: float, corrected: float) -> str:
        """Is ``mean ± half`` wholly in the region, ``mean ± corrected`` wholly outside, or neither?

        A claim holds if all of its comparisons do, but fails by any one of them: the interval for
        failure is to be corrected for their number. NaN is neither.
        """
        if self.lower < mean - half and mean + half < self.upper:
            return REPRODUCED
        if mean + corrected <= self.lower or self.upper <= mean - corrected:
            return NOT_REPRODUCED
        return UNDECIDED

    def slack(self, value: float) -> float:
        """Distance to the nearer bound: positive inside, negative outside."""
        return min(value - self.lower, self.upper - value)

    def text(self, scale: float = 1.0) -> str:
        """The region in words, its bounds multiplied by `scale`."""
        lower, upper = (
            f"{scale * bound:.4g}".replace("-", "−") for bound in (self.lower, self.upper)
        )
        if math.isinf(self.upper):
            return f"> {lower}"
        if math.isinf(self.lower):
            return f"< {upper}"
        return f"{lower} … {upper}"


def conjunction(verdicts: Iterable[str]) -> str:
    """Verdict on "all of these": the least favourable one. ValueError if there is none."""
    return min(verdicts, key=VERDICTS.index)


def of_readings(verdicts: Iterable[str]) -> str:
    """Verdict on a saying from those by each reading of it: what they agree on, else undecided.

    `DEPENDS` where readings contradict each other. ValueError if there is none.
    """
    found = set(verdicts)
    if not found:
        raise ValueError("there is no verdict by any reading; give at least one")
    if {REPRODUCED, NOT_REPRODUCED} <= found:
        return DEPENDS
    return found.pop() if len(found) == 1 else UNDECIDED
