"""Does confidence tell right from wrong? Worked out by hand, and against other formulas."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cgt.analysis.failure import failure


def found(confidence, right):
    return failure(np.asarray(confidence, np.float32), np.asarray(right, bool))


def test_the_worked_example_of_the_module():
    # Risks among the surest 1, 2, 3 and 4 samples: 0, 1/2, 1/3, 1/4; their mean is 13/48.
    measured = found([0.7, 0.9, 0.6, 0.8], [1, 1, 1, 0])
    assert measured == pytest.approx(
        {"risk": 1 / 4, "auroc": 1 / 3, "aurc": 13 / 48, "excess_aurc": 10 / 48}
    )


def test_a_perfect_order_has_no_excess_and_a_turned_one_all_of_it():
    perfect = found([0.9, 0.8, 0.3, 0.2], [1, 1, 0, 0])
    # Risks 0, 0, 1/3, 2/4.
    assert perfect == pytest.approx({"risk": 0.5, "auroc": 1, "aurc": 5 / 24, "excess_aurc": 0})
    turned = found([0.9, 0.8, 0.3, 0.2], [0, 0, 1, 1])
    # Risks 1, 1, 2/3, 2/4.
    assert turned == pytest.approx(
        {"risk": 0.5, "auroc": 0, "aurc": 19 / 24, "excess_aurc": 14 / 24}
    )


def test_a_tie_counts_half():
    # Pairs: .9 against .5 (won), .5 against .5 (half).
    assert found([0.9, 0.5, 0.5], [1, 1, 0])["auroc"] == pytest.approx(3 / 4)


def test_equal_confidences_tell_nothing():
    measured = found([0.7] * 8, [1, 0, 1, 1, 0, 1, 1, 1])
    assert measured["auroc"] == 0.5
    # At every coverage the expected risk is 2/8.
    assert measured["aurc"] == pytest.approx(0.25)


def test_ties_are_the_mean_over_all_orders_and_their_order_cannot_matter():
    confidence = np.array([0.9, 0.6, 0.6, 0.6, 0.6, 0.2])
    right = np.array([1, 1, 0, 0, 1, 0], bool)
    areas = []
    for order in itertools.permutations(range(1, 5)):
        errors = [int(not right[i]) for i in (0, *order, 5)]
        risks = [Fraction(sum(errors[:k]), k) for k in range(1, 7)]
        areas.append(sum(risks) / 6)
    expected = float(sum(areas) / len(areas))
    for order in itertools.permutations(range(6)):
        measured = found(confidence[list(order)], right[list(order)])
        assert measured["aurc"] == pytest.approx(expected)


@pytest.mark.parametrize(("right", "risk"), [([1, 1, 1], 0), ([0, 0, 0], 1), ([1], 0)])
def test_where_all_are_alike_nothing_can_be_told_apart(right, risk):
    measured = found(np.linspace(0.2, 0.9, len(right)), right)
    assert measured == {"risk": risk, "auroc": 0.5, "aurc": risk, "excess_aurc": 0}


@pytest.mark.parametrize("levels", [5, 100_000])
def test_scikit_learn_finds_the_same_and_only_the_order_counts(levels):
    rng = np.random.default_rng(levels)
    confidence = (rng.integers(0, levels, 3000) / levels).astype(np.float32)
    right = rng.random(3000) < 0.3 + 0.6 * confidence
    measured = failure(confidence, right)
    assert measured["auroc"] == pytest.approx(roc_auc_score(right, confidence), abs=1e-12)
    assert failure(confidence.astype(float) ** 3 / 2, right) == measured
    order = rng.permutation(3000)
    assert failure(confidence[order], right[order]) == measured
    assert 0 < measured["excess_aurc"] < measured["aurc"] < measured["risk"] < 0.5


def test_calibration_does_not_tell():
    """Sure of all by the mean accuracy: calibrated, and blind."""
    from cgt.analysis.calibration import expected_calibration_error, reliability

    right = np.arange(100) % 10 < 7
    blind, sure = np.full(100, 0.7), np.where(right, 0.4, 0.3)
    errors = [expected_calibration_error(reliability(c, right)) for c in (blind, sure)]
    assert errors[0] == pytest.approx(0) and errors[1] > 0.3
    assert failure(blind, right)["auroc"] == 0.5
    assert failure(sure, right)["auroc"] == 1
