from dataclasses import replace

import numpy as np
import pytest
from synthetic import make_predictions

from cgt.analysis.evaluation import (
    POINTS,
    THRESHOLDS,
    choose_thresholds,
    evaluate,
    evaluate_file,
    sweep,
    validation_area,
)
from cgt.predictions import Predictions, SplitPredictions, save_predictions


def tiny(first, second, samples_per_level=25):
    """Two exits, 4 groups of equal samples with confidence 0.2, 0.4, 0.6, 0.8 at exit 1.

    `first` and `second` say for each group whether that exit is right. Costs: 20 and 100.
    """
    right = np.repeat(np.array([first, second], dtype=bool), samples_per_level, axis=1)
    target = np.arange(right.shape[1]) % 2
    confidence = np.repeat(
        np.float32([[0.2, 0.4, 0.6, 0.8], [1, 1, 1, 1]]), samples_per_level, axis=1
    )
    return SplitPredictions(
        np.where(right, target, 1 - target), confidence, target, np.arange(len(target))
    )


MACS = np.array([20, 100])


def test_the_grid_holds_the_values_that_matter_and_survives_a_csv():
    assert THRESHOLDS[0] == 0
    assert THRESHOLDS[-1] == 1
    assert {0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999, 1.0} <= set(THRESHOLDS)
    assert np.all(np.diff(THRESHOLDS) > 0)
    assert [float(f"{t:.6f}") for t in THRESHOLDS] == THRESHOLDS.tolist()


def test_sweep_by_hand():
    curve = sweep(tiny([0, 0, 1, 1], [1, 1, 1, 0]), MACS).set_index("threshold")
    assert curve.loc[0.0, ["accuracy", "relative_cost", "exit_1"]].tolist() == [0.5, 0.2, 1.0]
    # Half the samples stay: cost 0.5 * 20 + 0.5 * 100 = 60.
    assert curve.loc[0.5, ["accuracy", "relative_cost", "exit_1"]].tolist() == [1.0, 0.6, 0.5]
    assert curve.loc[1.0, ["accuracy", "relative_cost", "exit_1"]].tolist() == [0.75, 1.0, 0.0]


def test_knee_and_budgets_by_hand():
    # Threshold up to:  .2   .4   .6   .8  above
    # Accuracy:         .5  .75    1    1    .75
    # Cost:             .2   .4   .6   .8      1
    chosen = choose_thresholds(tiny([0, 0, 1, 1], [1, 1, 1, 0]), MACS)
    assert chosen == {
        "tau_0.9": 0.9,
        "knee": 0.41,  # best accuracy 1, standard error 0: the cheapest threshold that reaches it
        "budget_25": 0.0,
        "budget_50": 0.21,
        "budget_75": 0.41,
    }


def test_knee_accepts_one_standard_error():
    # Accuracy .25 at the first exit, at best .5. The error at .5 is sqrt(.25 / N).
    few = tiny([0, 0, 0, 1], [1, 0, 0, 0], samples_per_level=1)
    assert choose_thresholds(few, MACS)["knee"] == 0.0  # error .25: the first exit is near enough
    many = tiny([0, 0, 0, 1], [1, 0, 0, 0], samples_per_level=25)
    assert choose_thresholds(many, MACS)["knee"] == 0.21  # error .05: it is not


def test_a_budget_below_the_first_exit_takes_the_first_exit():
    val = tiny([0, 0, 1, 1], [1, 1, 1, 1])
    chosen = choose_thresholds(val, np.array([60, 100]))
    assert chosen["budget_25"] == chosen["budget_50"] == 0.0
    assert chosen["budget_75"] == 0.21


def test_budget_that_is_met_exactly_counts():
    val = tiny([0, 1, 1, 1], [1, 1, 1, 1])
    assert choose_thresholds(val, np.array([25, 100]))["budget_25"] == 0.0
    # One group of four goes on: (3 * 10 + 30) / 4 = 15 of 30, exactly a half.
    assert choose_thresholds(val, np.array([10, 30]))["budget_50"] == 0.21


def test_permuted_test_labels_move_no_threshold():
    predictions = make_predictions()
    target = np.random.default_rng(0).permutation(predictions.test.target)
    permuted = replace(predictions, test=replace(predictions.test, target=target))
    before = evaluate(predictions, "d", "m", 1)["operating_points"]
    after = evaluate(permuted, "d", "m", 1)["operating_points"]
    assert before["threshold"].tolist() == after["threshold"].tolist()
    assert before["relative_cost"].tolist() == after["relative_cost"].tolist()
    assert (before["accuracy"] > after["accuracy"] + 0.3).all()


def test_permuted_validation_labels_do_move_one():
    predictions = make_predictions()
    target = np.random.default_rng(0).permutation(predictions.val.target)
    permuted = replace(predictions.val, target=target)
    assert choose_thresholds(permuted, predictions.macs) != choose_thresholds(
        predictions.val, predictions.macs
    )


def test_invariants_of_every_table():
    predictions = make_predictions()
    unsure = np.minimum(predictions.test.confidence, np.float32(0.9999999))
    predictions = replace(predictions, test=replace(predictions.test, confidence=unsure))
    tables = evaluate(predictions, "fashion_mnist", "soft_cgt", 3)
    curve, exits = tables["curves"], tables["exits"]
    shares = ["exit_1", "exit_2", "exit_3"]
    assert np.allclose(curve[shares].sum(axis=1), 1)
    assert np.all(np.diff(curve["relative_cost"]) >= 0)
    for row, own in ((curve.iloc[0], exits.iloc[0]), (curve.iloc[-1], exits.iloc[-1])):
        assert row["accuracy"] == own["accuracy"]
        assert row["f1_macro"] == own["f1_macro"]
    assert curve["relative_cost"].iloc[-1] == 1
    points = tables["operating_points"]
    assert points["point"].tolist() == list(POINTS)
    assert np.allclose(points[shares] @ predictions.macs, points["mean_macs"])
    for frame in tables.values():
        assert frame[["dataset", "method", "seed"]].drop_duplicates().values.tolist() == [
            ["fashion_mnist", "soft_cgt", 3]
        ]


def test_one_exit_gives_the_same_answer_everywhere():
    predictions = make_predictions(method="single_exit")
    accuracy = np.mean(predictions.test.prediction[0] == predictions.test.target)
    tables = evaluate(predictions, "d", "single_exit", 1)
    assert len(tables["exits"]) == 1
    for name in ("operating_points", "curves"):
        frame = tables[name]
        assert (frame["accuracy"] == accuracy).all()
        assert (frame["relative_cost"] == 1).all()
        assert (frame["exit_1"] == 1).all()
        assert "exit_2" not in frame
    chosen = tables["operating_points"].set_index("point")["threshold"]
    assert chosen.to_dict() == dict.fromkeys(POINTS, 0.0) | {"tau_0.9": 0.9}


def test_validation_area_by_hand():
    val = tiny([0, 0, 1, 1], [1, 1, 1, 0])
    # Budgets .2, .208, ..., 1: 25 of them are below .4, 25 more below .6.
    expected = (25 * 0.5 + 25 * 0.75 + 51 * 1.0) / 101
    assert validation_area(Predictions(val, val, MACS)) == pytest.approx(expected)


def test_validation_area_of_one_exit_is_its_accuracy():
    predictions = make_predictions(method="single_exit")
    accuracy = np.mean(predictions.val.prediction[0] == predictions.val.target)
    assert validation_area(predictions) == pytest.approx(accuracy)


def test_files_are_the_same_twice(tmp_path):
    save_predictions(tmp_path / "p.npz", make_predictions())
    for name in ("a", "b"):
        evaluate_file(tmp_path / "p.npz", "fashion_mnist", "soft_cgt", 1, tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["curves.csv", "exits.csv", "operating_points.csv"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    header = (tmp_path / "a" / "operating_points.csv").read_text().splitlines()[0]
    assert header == (
        "dataset,method,seed,point,threshold,accuracy,f1_macro,precision_macro,recall_macro,"
        "mean_macs,relative_cost,exit_1,exit_2,exit_3"
    )
