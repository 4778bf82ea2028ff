import numpy as np
import pytest
from synthetic import make_predictions
from two_exits import MACS, tiny

from cgt.operate.area import area, validation_area
from cgt.operate.sweep import sweep, sweep_per_exit
from cgt.records.predictions import Predictions


def test_validation_area_by_hand():
    val = tiny([0, 0, 1, 1], [1, 1, 1, 0])
    # Budgets .2, .208, ..., 1: 25 of them are below .4, 25 more below .6.
    expected = (25 * 0.5 + 25 * 0.75 + 51 * 1.0) / 101
    assert validation_area(Predictions(val, val, MACS)) == pytest.approx(expected)


def test_validation_area_of_one_exit_is_its_accuracy():
    predictions = make_predictions(method="single_exit")
    accuracy = np.mean(predictions.val.prediction[0] == predictions.val.target)
    assert validation_area(predictions) == pytest.approx(accuracy)


def test_the_area_measures_on_test_what_validation_chose():
    val = tiny([0, 0, 1, 1], [1, 1, 1, 0])
    test = tiny([1, 0, 0, 1], [0, 1, 1, 1])
    # On validation, more is better up to a cost of .6: thresholds 0, .21 and .41.
    # On test they give .5, .25 and .5; the best on test, 0.75 at full cost, is never chosen.
    expected = (25 * 0.5 + 25 * 0.25 + 51 * 0.5) / 101
    assert area(sweep(val, MACS), sweep(test, MACS)) == pytest.approx(expected)


def test_thresholds_per_exit_are_never_worse_on_validation():
    for method in ("branchynet", "classynet", "soft_cgt"):
        predictions = make_predictions(method=method)
        grid = sweep_per_exit(predictions.val, predictions.macs)
        assert area(grid, grid) >= validation_area(predictions)
