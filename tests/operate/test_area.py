from dataclasses import replace

import numpy as np
import pytest
from synthetic import make_predictions, make_reference
from two_exits import MACS, REFERENCE, tiny

from cgt.operate.area import area, area_by_sample, budgets, validation_area
from cgt.operate.sweep import sweep_per_exit
from cgt.records.predictions import Predictions


def test_validation_area_by_hand():
    val = tiny([0, 0, 1, 1], [1, 1, 1, 0])
    # Budgets .2, .208, ..., 1: 25 of them are below .4, 25 more below .6.
    expected = (25 * 0.5 + 25 * 0.75 + 51 * 1.0) / 101
    assert validation_area(Predictions(val, val, MACS), REFERENCE) == pytest.approx(expected)


def test_validation_area_of_one_exit_is_its_accuracy():
    predictions = make_predictions(method="single_exit")
    accuracy = np.mean(predictions.val.prediction[0] == predictions.val.target)
    assert validation_area(predictions, make_reference()) == pytest.approx(accuracy)


def test_the_area_measures_on_test_what_validation_chose():
    val = tiny([0, 0, 1, 1], [1, 1, 1, 0])
    test = tiny([1, 0, 0, 1], [0, 1, 1, 1])
    # On validation, more is better up to a cost of .6: thresholds 0, .21 and .41.
    # On test they give .5, .25 and .5; the best on test, 0.75 at full cost, is never chosen.
    expected = (25 * 0.5 + 25 * 0.25 + 51 * 0.5) / 101
    assert area(Predictions(val, test, MACS), REFERENCE) == pytest.approx(expected)


def test_thresholds_per_exit_are_never_worse_on_validation():
    reference = make_reference()
    for method in ("branchynet", "classynet", "soft_cgt"):
        predictions = make_predictions(method=method)
        on_val = replace(predictions, test=predictions.val)
        per_exit = area(on_val, reference, sweep_per_exit)
        assert per_exit >= validation_area(predictions, reference)


def test_budgets_are_the_datasets_own_whatever_the_method_costs():
    assert budgets(REFERENCE)[[0, 50, 100]] == pytest.approx([0.2, 0.6, 1.0])


def test_a_budget_that_cannot_be_met_is_answered_by_the_most_frequent_class():
    """Both exits are always right, but the cheapest costs .6: 50 budgets are too small for it."""
    val = tiny([1, 1, 1, 1], [1, 1, 1, 1])
    mostly_1 = replace(val, target=(np.arange(100) < 90).astype(int))  # 1 is the most frequent
    test = tiny([1, 1, 1, 1], [1, 1, 1, 1])
    dear = Predictions(
        replace(mostly_1, prediction=np.tile(mostly_1.target, (2, 1))), test, 3 * MACS
    )
    assert np.mean(test.target == 1) == 0.5
    assert area(dear, REFERENCE) == pytest.approx((50 * 0.5 + 51 * 1.0) / 101)


def test_of_equally_frequent_classes_the_first_is_guessed():
    val = tiny([1, 1, 1, 1], [1, 1, 1, 1])  # half 0, half 1
    test = replace(val, target=np.ones(100, int), prediction=np.ones((2, 100), int))
    assert area(Predictions(val, test, 6 * MACS), REFERENCE) == 0.0  # even exit 1 costs 1.2


def test_a_cheap_cascade_and_a_network_are_measured_on_one_interval():
    """As accurate as the network and a tenth of its cost: more budgets are enough for exit 2."""
    val = tiny([0, 0, 1, 1], [1, 1, 1, 1])
    network, cascade = (area(Predictions(val, val, macs), REFERENCE) for macs in (MACS, MACS // 10))
    assert network == pytest.approx((25 * 0.5 + 25 * 0.75 + 51 * 1.0) / 101)
    assert (
        cascade == 1.0
    )  # at cost .1 it does all it can; today's own axis would give both the same


def test_sample_by_sample_it_is_the_share_of_budgets_that_answer_right():
    val = tiny([0, 0, 1, 1], [1, 1, 1, 0])
    test = tiny([1, 0, 0, 1], [0, 1, 1, 1])
    found = area_by_sample(Predictions(val, test, MACS), REFERENCE)
    assert found.shape == test.target.shape
    assert set((found * 101).round(9)) <= {0, 25, 50, 51, 76, 101}
    assert found.mean() == pytest.approx((25 * 0.5 + 25 * 0.25 + 51 * 0.5) / 101)


@pytest.mark.parametrize("factor", [1, 3])
def test_the_mean_over_the_samples_is_the_area(factor):
    """Also where the smallest budgets cannot be met."""
    for method in ("branchynet", "classynet", "static"):
        predictions = make_predictions(method=method)
        predictions = replace(predictions, macs=predictions.macs * factor)
        by_sample = area_by_sample(predictions, make_reference())
        assert by_sample.mean() == pytest.approx(area(predictions, make_reference()), abs=1e-12)
