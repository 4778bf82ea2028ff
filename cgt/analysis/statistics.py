"""Means and intervals over seeds. A mean without its n says little: n goes along everywhere."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.95


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


def half_width(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Half the 95 % t interval of the mean along an axis; NaN when there is one value only."""
    values = np.asarray(values, dtype=float)
    n = values.shape[axis]
    if n < 2:
        return np.full(values.mean(axis=axis).shape, np.nan)
    error = values.std(axis=axis, ddof=1) / np.sqrt(n)
    return stats.t.ppf((1 + LEVEL) / 2, n - 1) * error


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
    a, b = _finite(a), _finite(b)
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(
            f"a has {len(a)} and b has {len(b)} values; both need the same seeds, at least two"
        )
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


def _finite(values: Sequence[float]) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) == 0 or not np.all(np.isfinite(values)):
        raise ValueError("values must be a non-empty, finite vector, one number per seed")
    return values
