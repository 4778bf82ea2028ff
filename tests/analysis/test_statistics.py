import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cgt.analysis.statistics import (
    detectable_difference,
    estimate,
    friedman,
    half_width,
    holm,
    over_seeds,
    paired_difference,
    paired_power,
    pairs_needed,
)


def test_estimate_by_hand():
    result = estimate([1.0, 2.0, 3.0])
    assert (result.mean, result.sd, result.n) == (2.0, 1.0, 3)
    half = 4.302652729696142 / np.sqrt(3)  # t quantile 0.975 with 2 degrees of freedom
    assert (result.ci_low, result.ci_high) == pytest.approx((2 - half, 2 + half))


def test_estimate_equals_scipy():
    values = np.random.default_rng(0).normal(size=7)
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert estimate(values)[3:] == pytest.approx((interval.low, interval.high))


def test_one_seed_has_a_mean_but_no_spread():
    result = estimate([0.4])
    assert (result.mean, result.n) == (0.4, 1)
    assert np.isnan([result.sd, result.ci_low, result.ci_high]).all()


def test_half_width_works_along_an_axis():
    values = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    assert half_width(values).tolist() == pytest.approx([4.302652729696142 / np.sqrt(3), 0])


def test_the_interval_covers_the_mean_in_95_percent_of_samples():
    samples = np.random.default_rng(1).normal(3.0, 2.0, (5, 20_000))
    covered = np.abs(samples.mean(axis=0) - 3.0) <= half_width(samples)
    assert covered.mean() == pytest.approx(0.95, abs=0.005)


def test_paired_difference_equals_scipy():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.3, 1, 6), rng.normal(0, 1, 6)
    ours, theirs = paired_difference(a, b), stats.ttest_rel(a, b)
    assert ours.p_value == pytest.approx(theirs.pvalue)
    interval = theirs.confidence_interval(0.95)
    assert (ours.ci_low, ours.ci_high) == pytest.approx((interval.low, interval.high))
    assert ours.mean == pytest.approx(a.mean() - b.mean())


def test_the_paired_interval_covers_the_difference_however_the_seeds_vary():
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(2000):
        seeds = rng.normal(0, 10, 5)  # shared by both methods, much larger than their difference
        found = paired_difference(seeds + rng.normal(0.3, 1, 5), seeds + rng.normal(0, 1, 5))
        covered.append(found.ci_low <= 0.3 <= found.ci_high)
    assert 0.94 <= np.mean(covered) <= 0.965


def test_constant_differences_are_certain():
    assert paired_difference([2.0, 3.0], [1.0, 2.0]).p_value == 0
    assert paired_difference([2.0, 3.0], [2.0, 3.0]).p_value == 1


def test_holm_by_hand():
    # Sorted .01, .02, .03, .4 times 4, 3, 2, 1: .04, .06, .06 (running maximum), .4.
    assert holm([0.03, 0.01, 0.4, 0.02]) == pytest.approx([0.06, 0.04, 0.4, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


def test_power_equals_simulation():
    draws = np.random.default_rng(6).normal(0.8, 1.0, (7, 20_000))
    found = (stats.ttest_1samp(draws, 0).pvalue < 0.05) & (draws.mean(axis=0) > 0)
    assert paired_power(0.8, 1.0, 7) == pytest.approx(found.mean(), abs=0.01)


def test_power_of_a_known_design():
    # The textbook case: an effect of one standard deviation needs ten pairs for 80 % power.
    assert pairs_needed(1.0, 1.0) == 10
    assert paired_power(1.0, 1.0, 9) < 0.8 < paired_power(1.0, 1.0, 10)
    assert pairs_needed(100.0, 1.0) == 2


def test_detectable_difference_is_where_the_power_is_80_percent():
    for n in (2, 5, 50):
        assert paired_power(detectable_difference(0.2, n), 0.2, n) == pytest.approx(0.8)
    assert detectable_difference(0.0, 5) == 0
    assert np.isnan(detectable_difference(0.2, 1))


def test_friedman_of_equal_orders():
    # Five blocks that agree on three methods: the statistic is 5 (3 - 1) = 10, so p = exp(-10 / 2).
    assert friedman(np.array([[1.0, 2.0, 3.0]] * 5)) == pytest.approx(np.exp(-5))
    assert np.isnan(friedman(np.array([[1.0, 2.0, 3.0]] * 4)))
    assert np.isnan(friedman(np.array([[1.0, 2.0]] * 5)))
    assert np.isnan(friedman(np.ones((5, 3))))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: estimate([]), "non-empty, finite vector"),
        (lambda: estimate([1.0, np.nan]), "non-empty, finite vector"),
        (lambda: paired_difference([1, 2], [1, 2, 3]), "a has 2 and b has 3 values"),
        (lambda: paired_difference([1], [2]), "at least two"),
        (lambda: holm([0.5, 1.2]), r"must lie in \[0, 1\]"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_over_seeds_keeps_the_order_of_appearance():
    frame = pd.DataFrame({"method": ["z", "a", "z", "a"], "x": [1.0, 5.0, 3.0, 5.0]})
    table = over_seeds(frame, ["method"], ["x"])
    assert table[["method", "metric", "mean", "n"]].values.tolist() == [
        ["z", "x", 2.0, 2],
        ["a", "x", 5.0, 2],
    ]
