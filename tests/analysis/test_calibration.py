import numpy as np
import pytest

from cgt.analysis.calibration import expected_calibration_error, reliability


def ece(confidence, right):
    return expected_calibration_error(reliability(np.asarray(confidence), np.asarray(right)))


def test_by_hand():
    bins = reliability(np.array([0.9, 0.92, 0.5, 0.5]), np.array([True, False, False, False]))
    assert [row["bin"] for row in bins] == [8, 14]
    assert bins[1] == pytest.approx({"bin": 14, "share": 0.5, "confidence": 0.91, "accuracy": 0.5})
    # Half the samples are .5 too sure, the other half .41.
    assert expected_calibration_error(bins) == pytest.approx((0.5 + 0.41) / 2)


def test_the_ends_of_the_scale_have_a_bin():
    right = np.array([False, False, True])
    bins = reliability(np.array([0, 1e-9, 1], np.float32), right)
    assert [(row["bin"], row["share"]) for row in bins] == [(1, 2 / 3), (15, 1 / 3)]


def test_who_is_right_as_often_as_sure_has_no_error():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.3, 1, 100_000)
    right = rng.random(100_000) < sure
    assert ece(sure, right) < 0.006
    # Claiming .1 more than is true costs .1; errors in both directions do not cancel out.
    assert ece(sure[sure < 0.85] + 0.1, right[sure < 0.85]) == pytest.approx(0.1, abs=0.006)
    sure = np.repeat([0.7, 0.8], 10)
    right = np.concatenate([np.arange(10) < 8, np.arange(10) < 7])  # .1 too modest, .1 too sure
    assert ece(sure, right) == pytest.approx(0.1)
