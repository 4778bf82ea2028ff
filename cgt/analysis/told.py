"""Sentences whose words are chosen, and whose numbers are filled in, by what was measured.

A sentence that claims something exists in one variant for each outcome of a comparison. "Nothing
gained" is said where equality is shown, and nowhere else (`cgt.analysis.equivalence`).
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from cgt.analysis.equivalence import (
    DIFFERENT,
    EQUAL,
    LESS_THAN_MARGIN,
    NOT_FOUND,
    kind_by_tests,
    kind_of_difference,
)
from cgt.analysis.statistics import paired_difference
from cgt.analysis.tables.parts import points, signed

BETTER, WORSE = "better", "worse"
SLIGHTLY_BETTER, SLIGHTLY_WORSE = "slightly better", "slightly worse"
SAME, UNKNOWN, UNTESTED = "same", "unknown", "untested"
OUTCOMES = (BETTER, SLIGHTLY_BETTER, SAME, UNKNOWN, SLIGHTLY_WORSE, WORSE, UNTESTED)
"""Of one method against another. Slightly: by less than the margin of equality."""

Variants = Mapping[str, str]
"""A template for each of `OUTCOMES`; `{by}` is the difference in points."""

BESIDE: Variants = {
    BETTER: "is better than {other} by {size} points",
    SLIGHTLY_BETTER: "is better than {other}, by less than 0.3 points ({by})",
    SAME: "is equal to {other} within 0.3 points ({by})",
    UNKNOWN: "is not known to differ from {other} ({by})",
    SLIGHTLY_WORSE: "is worse than {other}, by less than 0.3 points ({by})",
    WORSE: "is worse than {other} by {size} points",
    UNTESTED: "was compared with {other} at one seed only ({by})",
}


class Told(NamedTuple):
    """A difference, what may be said of it, half of its 95 % t interval, and n seeds."""

    kind: str
    difference: float
    half: float
    n: int

    @property
    def outcome(self) -> str:
        """One of `OUTCOMES`."""
        up = self.difference > 0
        found = {
            DIFFERENT: BETTER if up else WORSE,
            LESS_THAN_MARGIN: SLIGHTLY_BETTER if up else SLIGHTLY_WORSE,
            EQUAL: SAME,
            NOT_FOUND: UNKNOWN,
        }
        return found.get(self.kind, UNTESTED)

    @property
    def by(self) -> str:
        """In points, such as "+0.06 ± 0.15"."""
        return _within(signed(self.difference), self.half)

    @property
    def size(self) -> str:
        """The same without its sign."""
        return _within(points(abs(self.difference)), self.half)


def told_of(a: pd.Series, b: pd.Series) -> Told | None:
    """a − b, both by seed, over the seeds that both have; None without any.

    By the paired t test and the equivalence test, neither corrected: for one comparison by itself.
    """
    both = pd.concat([a.rename("a"), b.rename("b")], axis=1, join="inner").dropna()
    if both.empty:
        return None
    if len(both) < 2:
        one = float((both["a"] - both["b"]).iloc[0])
        return Told(kind_by_tests(np.nan, np.nan), one, np.nan, 1)
    found = paired_difference(both["a"], both["b"])
    kind = kind_of_difference(both["a"].to_numpy(), both["b"].to_numpy(), found.p_value)
    return Told(kind, found.mean, (found.ci_high - found.ci_low) / 2, found.n)


def told_row(row: Mapping) -> Told:
    """A row of the table `differences`, which is corrected over all methods."""
    return Told(row["kind"], row["difference"], (row["ci_high"] - row["ci_low"]) / 2, row["n"])


def say(variants: Variants, told: Told, **words: str) -> str:
    """The variant for what was found, filled in; `{by}` and `{size}` are the difference's."""
    return variants[told.outcome].format(by=told.by, size=told.size, **words)


def listed(parts: Iterable[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def counted(number: int) -> str:
    """In words up to ten."""
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    return words[number] if number < len(words) else str(number)


def _within(text: str, half: float) -> str:
    return text if np.isnan(half) else f"{text} ± {points(half)}"
