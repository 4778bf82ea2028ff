"""Is there no difference that matters? Two one-sided tests, and a test without a distribution.

That a difference is not found says little: with few seeds nothing is. Equality is claimed only
where the data rule out, in both directions, a difference as large as a margin set beforehand.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

from cgt.analysis.statistics import ALPHA, checked_pairs

MARGIN = 0.003
"""Accuracies and areas that differ by less are called equal: 0.3 points."""
MARGINS = (0.001, MARGIN, 0.005)
"""What is shown beside it."""
MOST_EXACT = 20
"""Pairs up to which all sign flips are counted: 2^20 take about a second."""


def equivalence_p(a: Sequence[float], b: Sequence[float], margin: float = MARGIN) -> float:
    """p-value of the two one-sided paired t tests (TOST) that |mean of a − b| < ``margin``.

    The larger of the two: at 5 % they reject where the 90 % interval lies within ±margin
    (Schuirmann 1987, doi 10.1007/BF01068419). Same seeds in the same order.

    Raises:
        ValueError: if the lengths differ, there are fewer than two pairs, or ``margin`` is not > 0.
    """
    if not (np.isfinite(margin) and margin > 0):
        raise ValueError(f"margin is {margin!r}; it must be a finite number > 0")
    difference = np.subtract(*checked_pairs(a, b))
    if np.ptp(difference) == 0:  # t is not defined without spread
        return 0.0 if abs(difference[0]) < margin else 1.0
    one_sided = (("greater", -margin), ("less", margin))
    return max(
        float(stats.ttest_1samp(difference, bound, alternative=side).pvalue)
        for side, bound in one_sided
    )


def sign_flip_p(a: Sequence[float], b: Sequence[float]) -> float:
    """Exact two-sided p-value of the paired sign-flip test that a and b differ by chance alone.

    The share of the 2^n ways to swap a and b in some of the pairs whose |mean difference| is at
    least the observed one (Fisher's randomisation test). It assumes only that, without a
    difference, each pair's sign is a coin flip; with n pairs it is never below 2^(1−n). With more
    than `MOST_EXACT` pairs 2^20 − 1 flips are drawn, the same ones for the same data.

    Raises:
        ValueError: if the lengths differ, or there are fewer than two pairs.
    """
    difference = np.subtract(*checked_pairs(a, b))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = stats.permutation_test(
            (difference,),
            lambda x, axis: x.mean(axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=2**MOST_EXACT if len(difference) <= MOST_EXACT else 2**MOST_EXACT - 1,
            batch=2**14,
            rng=np.random.default_rng(0),
        )
    return float(min(found.pvalue, 1.0))


def kind_of_difference(a: Sequence[float], b: Sequence[float], p_value: float) -> str:
    """What may be said of a − b, in words.

    "different" where ``p_value``, corrected as the caller sees fit, is below 5 %; "equal" where the
    equivalence test is; "different, but by less than the margin" where both are; else "no
    difference found".
    """
    differs = p_value < ALPHA
    equal = equivalence_p(a, b) < ALPHA
    if differs and equal:
        return "different, but by less than the margin"
    if differs:
        return "different"
    return "equal" if equal else "no difference found"
