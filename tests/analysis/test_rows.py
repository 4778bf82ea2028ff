"""From predictions to a row: worked out by hand on a few samples."""

import numpy as np
import pytest

from cgt.analysis.rows import row_of
from cgt.records.csv_columns import ROW_POINTS
from cgt.records.predictions import Predictions, SplitPredictions
from cgt.records.reference import Reference
from cgt.records.rows import row_files

REFERENCE = Reference("toy", "net", 2, 100, 20, "images", ("a", "b"))
DESCRIBED = {
    **{"tuned": "protocol", "marked": "", "settings": {}, "seconds": {}},
    "digests": {"protocol": "a" * 64, "network": "b" * 64, "data": {"5": "c" * 64}},
}


def split(confidence, first, last):
    """Exit 2 is sure of all; targets are 0, so that an answer of 0 is right."""
    confidence = np.array([confidence, np.ones(len(confidence))], dtype=np.float32)
    target = np.zeros(len(first), dtype=np.int64)
    return SplitPredictions(np.array([first, last]), confidence, target, np.arange(len(first)))


def predictions():
    """On validation a threshold above 0.3 (cost 40 of 100) makes exit 1 all right.

    On test it sends the first sample on, which exit 2 gets wrong.
    """
    val = split([0.3, 0.6, 0.95, 0.99], [1, 0, 0, 0], [0, 0, 0, 0])
    test = split([0.2, 0.6, 0.97, 0.98], [0, 1, 0, 0], [1, 0, 0, 1])
    return Predictions(val, test, np.array([20, 100]))


def test_points_by_hand():
    row = row_of({5: predictions()}, REFERENCE, "mine", DESCRIBED)
    points = row.tables["points"].set_index("point")
    assert tuple(points.index) == ROW_POINTS
    # 10 %: below the first exit, so all leave there. 25 %: no sample can go on, at (20 + 20) of
    # 100 on average it would cost 40. 50 %: the one below 0.3 goes on.
    assert points["met"].to_dict() == {p: int(p != "budget_10") for p in ROW_POINTS}
    assert points.loc["budget_10", ["threshold", "accuracy", "relative_cost"]].tolist() == [
        0,
        0.75,
        0.2,
    ]
    assert points.loc["budget_25", "relative_cost"] == 0.2
    assert points.loc["budget_50", "threshold"] == pytest.approx(0.31)
    assert points.loc["budget_50", ["accuracy", "mean_macs"]].tolist() == [0.5, 40]
    # 0.9: two go on; of these exit 2 is wrong about the first.
    assert points.loc["threshold_0.9", ["accuracy", "mean_macs"]].tolist() == [0.75, 60]
    assert points.loc["full", ["accuracy", "mean_macs"]].tolist() == [0.5, 100]
    right = row.outcomes
    assert right.of(5, "budget_10").tolist() == [True, False, True, True]
    assert right.of(5, "budget_50").tolist() == [False, False, True, True]
    assert right.of(5, "full").tolist() == [False, True, True, False]


def test_accuracy_within_budgets_by_hand():
    row = row_of({5: predictions()}, REFERENCE, "mine", DESCRIBED)
    budgets = row.tables["budgets"]
    assert np.allclose(budgets["budget"], 0.2 + 0.008 * np.arange(101))
    # From 40 % on, validation is all right; below, the first exit answers: 25 budgets of 101.
    assert budgets["accuracy"].tolist() == [0.75] * 25 + [0.5] * 76
    area = row.tables["areas"]["mean_budget_accuracy"].item()
    assert area == pytest.approx((25 * 0.75 + 76 * 0.5) / 101)
    assert row_files(row).keys() > {"areas.csv", "outcomes.npz"}


def test_one_exit_has_points_and_no_curve():
    two = predictions()
    one = Predictions(
        *(
            SplitPredictions(s.prediction[1:], s.confidence[1:], s.target, s.index)
            for s in (two.val, two.test)
        ),
        np.array([100]),
    )
    row = row_of({5: one}, REFERENCE, "single", DESCRIBED)
    assert row.tables["areas"].empty and row.tables["budgets"].empty
    assert set(row.tables["points"]["accuracy"]) == {0.5}
    met = row.tables["points"].set_index("point")["met"]
    assert met[["budget_10", "budget_25", "budget_50"]].sum() == 0
    row_files(row)


def test_runs_of_unlike_test_splits_are_no_row():
    two = predictions()
    small = Predictions(two.val, split([0.5], [0], [0]), two.macs)
    with pytest.raises(ValueError, match=r"toy/mine: test samples by seed are \{5: 4, 6: 1\}"):
        row_of({5: two, 6: small}, REFERENCE, "mine", DESCRIBED)
    with pytest.raises(ValueError, match="at least one run"):
        row_of({}, REFERENCE, "mine", DESCRIBED)
