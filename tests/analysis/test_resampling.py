"""What the resampled intervals cover."""

import numpy as np
import pytest

from cgt.analysis.resampling import interval_over_seeds_and_samples
from cgt.analysis.statistics import estimate


def test_without_spread_between_seeds_it_is_the_samples_interval():
    chance = np.random.default_rng(0)
    one = chance.choice([-1, 0, 1], p=[0.05, 0.85, 0.1], size=4000)
    low, high = interval_over_seeds_and_samples([one] * 6, shared=True)
    error = one.std() / len(one) ** 0.5
    assert (low, high) == pytest.approx(
        (one.mean() - 1.96 * error, one.mean() + 1.96 * error), abs=0.15 * error
    )


def test_without_spread_between_samples_it_is_the_seeds_interval():
    values = np.random.default_rng(1).normal(0.01, 0.003, 30)
    differences = [np.full(50, value) for value in values]
    for shared in (True, False):
        low, high = interval_over_seeds_and_samples(differences, shared)
        error = values.std() / len(values) ** 0.5
        assert (low, high) == pytest.approx(
            (values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.15 * error
        )


def test_it_is_never_narrower_than_what_seeds_alone_give():
    chance = np.random.default_rng(2)
    differences = [chance.choice([-1, 0, 1], p=[0.1, 0.78, 0.12], size=500) for _ in range(10)]
    low, high = interval_over_seeds_and_samples(differences, shared=False)
    of_seeds = estimate([one.mean() for one in differences])
    assert high - low > 0.9 * (of_seeds.ci_high - of_seeds.ci_low)


@pytest.mark.parametrize("shared", [True, False])
def test_it_covers_what_other_seeds_and_samples_would_give(shared):
    chance = np.random.default_rng(3)
    truth, size, seeds, covered = 0.02, 100, 12, []
    for _ in range(120):
        of_samples = chance.normal(0, 0.3, size)
        found = []
        for _ in range(seeds):
            if not shared:
                of_samples = chance.normal(0, 0.3, size)
            found.append(truth + chance.normal(0, 0.02) + of_samples + chance.normal(0, 0.3, size))
        low, high = interval_over_seeds_and_samples(found, shared, resamples=200)
        covered.append(low <= truth <= high)
    # Percentile intervals of few seeds are a little narrow; 120 trials tell 95 % to ± 4 %.
    assert 0.88 <= np.mean(covered) <= 1


def test_the_same_twice():
    differences = [np.array([0, 1, -1, 0]), np.array([1, 1, 0, 0])]
    assert interval_over_seeds_and_samples(differences, True) == interval_over_seeds_and_samples(
        differences, True
    )


@pytest.mark.parametrize(
    ("differences", "shared"),
    [([[1, 0]], True), ([[1], []], False), ([[1, 0], [1]], True)],
)
def test_what_cannot_be_resampled(differences, shared):
    with pytest.raises(ValueError, match="samples"):
        interval_over_seeds_and_samples([np.array(one) for one in differences], shared)
