"""Means and intervals over seeds. A mean without its n says little: n goes along everywhere."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

LEVEL = 0.95
ALPHA = 1 - LEVEL
"""Below this, a p-value is called significant."""
POWER = 0.8
"""Chance with which a difference has to be found to count as detectable."""
FEWEST_BLOCKS = 5
"""Fewer independent datasets than these are no ground for a test of ranks."""


class Estimate(NamedTuple):
    """A mean over n seeds: standard deviation (ddof 1) and 95 % t interval, NaN when n = 1."""

    mean: float
    sd: float
    n: int
    ci_low: float
    ci_high: float


class Difference(NamedTuple):
    """Mean of paired differences a - b, its 95 % t interval, and the two-sided paired t test."""

    mean: float
    sd: float
    n: int
    ci_low: float
    ci_high: float
    p_value: float


def half_width(values: np.ndarray, axis: int = 0, level: float = LEVEL) -> np.ndarray:
    """Half the t interval of the mean along an axis; NaN when there is one value only."""
    values = np.asarray(values, dtype=float)
    n = values.shape[axis]
    if n < 2:
        return np.full(values.mean(axis=axis).shape, np.nan)
    error = values.std(axis=axis, ddof=1) / np.sqrt(n)
    return stats.t.ppf((1 + level) / 2, n - 1) * error


def estimate(values: Sequence[float]) -> Estimate:
    """Mean, spread and interval of one number per seed; ValueError if empty or not finite."""
    values = _finite(values)
    mean = float(values.mean())
    half = float(half_width(values))
    sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return Estimate(mean, sd, len(values), mean - half, mean + half)


def paired_difference(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Compare two methods on the same seeds, in the same order.

    Raises ValueError if the lengths differ, or fewer than two pairs are given.
    """
    a, b = checked_pairs(a, b)
    difference = estimate(a - b)
    error = difference.sd / np.sqrt(difference.n)
    if error > 0:
        p_value = 2 * stats.t.sf(abs(difference.mean) / error, difference.n - 1)
    else:
        p_value = 1.0 if difference.mean == 0 else 0.0
    return Difference(*difference, float(p_value))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's step-down adjusted p-values, in the order given (Scand. J. Stat. 6, 1979)."""
    p_values = np.asarray(p_values, dtype=float)
    if not np.all((p_values >= 0) & (p_values <= 1)):
        raise ValueError("p-values must lie in [0, 1]")
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def paired_power(difference: float, sd: float, n: int) -> float:
    """Chance that the two-sided paired t test of n >= 2 pairs finds a true mean difference.

    `sd` > 0 is the standard deviation of the paired differences. The test's statistic follows a
    noncentral t distribution.
    """
    critical = stats.t.ppf((1 + LEVEL) / 2, n - 1)
    shift = abs(difference) * np.sqrt(n) / sd
    # The lower tail, a significant result with the wrong sign, is no detection.
    return float(stats.nct.sf(critical, n - 1, shift))


def detectable_difference(sd: float, n: int) -> float:
    """Smallest true difference that n pairs find with probability `POWER`; NaN if n = 1."""
    if n < 2 or np.isnan(sd):
        return float("nan")
    return _detectable_shift(n) * sd / float(np.sqrt(n))


@functools.cache
def _detectable_shift(n: int) -> float:
    """The noncentrality at which the paired t test of n pairs has probability `POWER`."""
    return optimize.brentq(lambda shift: paired_power(shift, np.sqrt(n), n) - POWER, 0, 100)


def pairs_needed(difference: float, sd: float) -> int:
    """Smallest n that finds a true `difference` > 0 with probability `POWER`."""
    # Known spread needs fewer pairs than estimated spread, so this is a start from below.
    quantiles = stats.norm.ppf([(1 + LEVEL) / 2, POWER]).sum()
    n = max(2, int((quantiles * sd / difference) ** 2))
    while detectable_difference(sd, n) > difference:
        n += 1
    return n


def friedman(blocks: np.ndarray) -> float:
    """p-value of Friedman's test that all methods are alike; blocks [blocks, methods].

    Blocks have to be independent of each other. NaN with fewer than `FEWEST_BLOCKS`, with fewer
    than 3 methods, for which the test is not defined, or if all tie.
    """
    if blocks.shape[0] < FEWEST_BLOCKS or blocks.shape[1] < 3 or np.ptp(blocks, axis=1).max() == 0:
        return float("nan")
    return float(stats.friedmanchisquare(*blocks.T).pvalue)


def span(counts: pd.Series) -> str:
    """Where counts lie, for people: "5", or "5 to 20"."""
    return " to ".join(str(count) for count in sorted({counts.min(), counts.max()}))


def over_seeds(frame: pd.DataFrame, keys: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """One row per group of `keys`, in order of appearance, and metric: its `Estimate`."""
    rows = [
        {
            **dict(zip(keys, group, strict=True)),
            "metric": metric,
            **estimate(part[metric])._asdict(),
        }
        for group, part in frame.groupby(list(keys), sort=False)
        for metric in metrics
    ]
    return pd.DataFrame(rows)


def checked_pairs(a: Sequence[float], b: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays, one number per seed.

    Raises ValueError if the lengths differ, or fewer than two pairs are given.
    """
    a, b = _finite(a), _finite(b)
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(
            f"a has {len(a)} and b has {len(b)} values; both need the same seeds, at least two"
        )
    return a, b


def _finite(values: Sequence[float]) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) == 0 or not np.all(np.isfinite(values)):
        raise ValueError("values must be a non-empty, finite vector, one number per seed")
    return values
