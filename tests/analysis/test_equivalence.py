"""Equality is claimed by a test, whose error rates are these."""

import itertools

import numpy as np
import pytest
from scipy import stats

from cgt.analysis.equivalence import equivalence_p, kind_of_difference, sign_flip_p


def test_tost_is_the_90_percent_interval_within_the_margin():
    chance = np.random.default_rng(0)
    agree = []
    for _ in range(200):
        a, b = chance.normal(0.9, 0.003, 8), chance.normal(0.901, 0.003, 8)
        low, high = stats.ttest_rel(a, b).confidence_interval(0.9)
        agree.append((equivalence_p(a, b, 0.003) < 0.05) == (low > -0.003 and high < 0.003))
    assert all(agree)


def test_tost_by_hand():
    a, b = [0.01, 0.02, 0.03], [0.0, 0.0, 0.0]
    # mean 0.02, standard error 0.01 / √3: t = (0.02 − 0.05) / 0.00577 = −5.196 with 2 degrees.
    assert equivalence_p(a, b, 0.05) == pytest.approx(stats.t.cdf(-5.19615, 2), rel=1e-4)


def test_at_the_margin_tost_errs_in_five_percent():
    chance = np.random.default_rng(1)
    zero = np.zeros(10)
    wrong = [
        equivalence_p(chance.normal(0.003, 0.002, 10), zero, 0.003) < 0.05 for _ in range(1500)
    ]
    assert np.mean(wrong) == pytest.approx(0.05, abs=3 * (0.05 * 0.95 / 1500) ** 0.5)


def test_tost_finds_equality_where_there_is_power():
    chance = np.random.default_rng(2)
    zero = np.zeros(10)
    found = [equivalence_p(chance.normal(0, 0.002, 10), zero, 0.003) < 0.05 for _ in range(300)]
    assert np.mean(found) > 0.95


def test_without_spread_the_mean_decides():
    assert equivalence_p([0.5, 0.5], [0.499, 0.499], 0.003) == 0
    assert equivalence_p([0.5, 0.5], [0.4, 0.4], 0.003) == 1


@pytest.mark.parametrize("margin", [0, -1, float("nan"), float("inf")])
def test_a_margin_must_be_above_zero(margin):
    with pytest.raises(ValueError, match="margin is"):
        equivalence_p([1, 2], [1, 2], margin)


def test_sign_flips_counted_by_hand():
    difference = np.array([1.0, 2.0, -0.5, 3.0, 0.25])
    flipped = [
        abs(np.mean(difference * np.array(signs)))
        for signs in itertools.product([1, -1], repeat=len(difference))
    ]
    expected = np.mean(np.array(flipped) >= abs(difference.mean()) - 1e-12)
    assert sign_flip_p(difference, np.zeros(5)) == pytest.approx(expected)


def test_many_pairs_are_sampled_and_agree_with_the_exact_count():
    """Of 21 differences, one is 0 and halves nothing: the p-value is that of the other twenty."""
    difference = np.append(np.random.default_rng(6).normal(0.4, 1, 20), 0.0)
    exact = sign_flip_p(difference[:20], np.zeros(20))
    sampled = sign_flip_p(difference, np.zeros(21))
    assert sampled == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 2**20) ** 0.5)
    assert sampled == sign_flip_p(difference, np.zeros(21))
    assert sign_flip_p(np.ones(30), np.zeros(30)) == pytest.approx(2**-20, rel=4)


def test_equal_sums_count_though_their_last_digits_differ():
    # 0.1 + 0.2 and 0.3 in floating point: +++ and the like, −−−, ++− and −−+ are at least 0.3.
    assert sign_flip_p([0.1, 0.2, -0.3, 0.3], [0.0] * 4) == pytest.approx(
        np.mean(
            [
                abs(a + 2 * b + 3 * c + 3 * d) >= 3
                for a, b, c, d in itertools.product([1, -1], repeat=4)
            ]
        )
    )


def test_all_of_one_sign_give_the_smallest_p():
    assert sign_flip_p([1, 2, 3, 4], [0, 0, 0, 0]) == pytest.approx(2 / 16)
    assert sign_flip_p([0.5, 0.5], [0.5, 0.5]) == 1


def test_sign_flips_err_in_at_most_five_percent_whatever_the_distribution():
    chance = np.random.default_rng(3)
    zero = np.zeros(6)
    wrong = [sign_flip_p(chance.standard_t(1.5, 6), zero) < 0.05 for _ in range(600)]
    assert np.mean(wrong) <= 0.05 + 3 * (0.05 * 0.95 / 600) ** 0.5


@pytest.mark.parametrize("test", [equivalence_p, sign_flip_p])
def test_pairs_are_needed(test):
    with pytest.raises(ValueError, match="both need the same seeds"):
        test([1, 2, 3], [1, 2])


@pytest.mark.parametrize(
    ("difference", "spread", "said"),
    [
        (0.0, 0.001, "equal"),
        (0.02, 0.001, "different"),
        (0.001, 0.0002, "different, but by less than the margin"),
        (0.0, 0.02, "no difference found"),
    ],
)
def test_what_may_be_said(difference, spread, said):
    steps = np.linspace(-1, 1, 9) * spread
    a, b = 0.9 + difference + steps, np.full(9, 0.9)
    p_value = stats.ttest_rel(a, b).pvalue
    assert kind_of_difference(a, b, p_value) == said
