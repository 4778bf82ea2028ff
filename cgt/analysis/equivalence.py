"""Is there no difference that matters? Two one-sided tests, and a test without a distribution.

That a difference is not found says little: with few seeds nothing is. Equality is claimed only
where the data rule out, in both directions, a difference as large as a margin set beforehand.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from cgt.analysis.statistics import ALPHA, checked_pairs

MARGIN = 0.003
"""Accuracies and areas that differ by less are called equal: 0.3 points."""
MARGINS = (0.001, MARGIN, 0.005)
"""What is shown beside it."""
EQUAL_P = {margin: f"equal_p_{100 * margin:g}" for margin in MARGINS}
"""Columns of the equivalence test, by margin: `equal_p_0.3` is that of 0.3 points."""
DIFFERENT, EQUAL = "different", "equal"
LESS_THAN_MARGIN = "different, but by less than the margin"
NOT_FOUND, NOT_TESTED = "no difference found", "not tested"
"""Kinds of differences, in words; `NOT_TESTED`: one seed tells nothing."""
MOST_EXACT = 20
"""Pairs up to which all sign flips are counted."""
_BATCH = 2**16


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
    observed = abs(difference.sum())
    # Sums that are equal on paper may differ in their last digits.
    least = observed - 1e-12 * np.abs(difference).sum()
    if len(difference) <= MOST_EXACT:
        sums = np.zeros(1)
        for one in difference:
            sums = np.concatenate([sums + one, sums - one])
        return float(np.mean(np.abs(sums) >= least))
    chance, hits, drawn = np.random.default_rng(0), 1, 2**MOST_EXACT - 1  # 1: the observed one
    for start in range(0, drawn, _BATCH):
        size = min(_BATCH, drawn - start)
        signs = chance.integers(0, 2, (size, len(difference)), dtype=np.int8) * 2.0 - 1
        hits += int(np.sum(np.abs(signs @ difference) >= least))
    return hits / (drawn + 1)


def kind_of_difference(a: Sequence[float], b: Sequence[float], p_value: float) -> str:
    """What may be said of a − b, in words.

    "different" where ``p_value``, corrected as the caller sees fit, is below 5 %; "equal" where the
    equivalence test is; "different, but by less than the margin" where both are; else "no
    difference found".
    """
    return kind_by_tests(p_value, equivalence_p(a, b))


def kind_by_tests(p_value: float, equal_p: float) -> str:
    """As :func:`kind_of_difference`, from the p-values of both tests.

    NaN, which stands for a test that cannot be made, is no reason to say anything: `NOT_TESTED`.
    """
    if np.isnan(p_value) or np.isnan(equal_p):
        return NOT_TESTED
    differs, equal = p_value < ALPHA, equal_p < ALPHA
    if differs and equal:
        return LESS_THAN_MARGIN
    if differs:
        return DIFFERENT
    return EQUAL if equal else NOT_FOUND


def tests_of(a: Sequence[float], b: Sequence[float]) -> dict[str, float]:
    """The columns `sign_flip_p` and those of `EQUAL_P`; NaN where there is one pair only."""
    columns = ("sign_flip_p", *EQUAL_P.values())
    if len(a) == len(b) == 1:
        return dict.fromkeys(columns, float("nan"))
    found = (sign_flip_p(a, b), *(equivalence_p(a, b, margin) for margin in EQUAL_P))
    return dict(zip(columns, found, strict=True))
