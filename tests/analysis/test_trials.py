"""The best of n trials, counted."""

import itertools

import numpy as np
import pandas as pd
import pytest

from cgt.analysis.trials import best_of, growth, open_choices

SCORES = [0.3, 0.9, 0.5, 0.5, 0.7]


@pytest.mark.parametrize("count", range(1, 6))
def test_the_best_of_all_choices(count):
    best = [max(chosen) for chosen in itertools.combinations(SCORES, count)]
    assert best_of(SCORES, count) == pytest.approx((np.mean(best), np.std(best)))


@pytest.mark.parametrize(("scores", "count"), [([0.5], 2), ([0.5], 0), ([0.5, np.nan], 1)])
def test_what_has_no_best(scores, count):
    with pytest.raises(ValueError, match="is not defined"):
        best_of(scores, count)


def table(**scores):
    return pd.DataFrame(
        [("d", name, score) for name, of in scores.items() for score in of],
        columns=["dataset", "method", "score"],
    )


def test_growth_ends_at_the_best():
    found = growth(table(m=SCORES))
    assert found["expected_best"].is_monotonic_increasing
    assert found.iloc[-1]["expected_best"] == found.iloc[-1]["high"] == 0.9
    assert (found["low"] <= found["expected_best"]).all()


def test_a_lead_larger_than_what_doubling_brought_is_settled():
    even = [0.80, 0.80, 0.81, 0.81]
    trials = table(joint=even, far=[0.90, 0.90, 0.91, 0.91], near=[0.79, 0.80, 0.80, 0.812])
    found = open_choices(trials, "joint").set_index("method")
    assert not found.loc["far", "open"]
    assert found.loc["near", "open"]
    assert found.loc["far", "lead"] == pytest.approx(0.1)
    # Of two of the four, the best is 0.81 but for one of six choices.
    assert found.loc["far", "gain"] == pytest.approx(0.01 / 6)


def test_a_reference_is_needed():
    with pytest.raises(ValueError, match="joint has no trials on d"):
        open_choices(table(m=SCORES), "joint")
