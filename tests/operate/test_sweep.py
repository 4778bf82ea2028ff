from dataclasses import replace

import numpy as np
import pytest
from synthetic import make_predictions
from two_exits import MACS, tiny

from cgt.operate.routing import exit_index, select
from cgt.operate.sweep import (
    BUDGETS,
    THRESHOLDS,
    Sweep,
    best_within,
    is_met,
    operating_points,
    points_met,
    sweep_per_exit,
    sweep_shared,
)
from cgt.records.predictions import SplitPredictions


def test_the_grid_holds_the_values_that_matter_and_survives_a_csv():
    assert THRESHOLDS[0] == 0
    assert THRESHOLDS[-1] == 1
    assert {0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999, 1.0} <= set(THRESHOLDS)
    assert np.all(np.diff(THRESHOLDS) > 0)
    assert [float(f"{t:.6f}") for t in THRESHOLDS] == THRESHOLDS.tolist()


def test_sweep_by_hand():
    curve = sweep_shared(tiny([0, 0, 1, 1], [1, 1, 1, 0]), MACS, 100)
    found = {t: (curve.accuracy[i], curve.cost[i]) for i, t in enumerate(THRESHOLDS)}
    assert found[0.0] == (0.5, 0.2)
    assert found[0.5] == (1.0, 0.6)  # half the samples stay: 0.5 * 20 + 0.5 * 100 = 60
    assert found[1.0] == (0.75, 1.0)


def routed(split, macs, threshold):
    index = exit_index(split.confidence, threshold)
    right = select(split.prediction, index) == split.target
    return right.mean(), macs[index].mean()


def test_a_sweep_is_what_routing_at_each_threshold_gives():
    predictions = make_predictions(method="branchynet")
    curve = sweep_shared(predictions.val, predictions.macs)
    expected = [routed(predictions.val, predictions.macs, t) for t in THRESHOLDS]
    assert np.transpose([curve.accuracy, curve.cost]) == pytest.approx(np.array(expected))


def test_thresholds_per_exit_are_what_routing_gives_with_the_shared_ones_among_them():
    predictions = make_predictions(method="branchynet")
    split, macs = predictions.val, predictions.macs
    grid = sweep_per_exit(split, macs)
    assert grid.accuracy.shape == grid.cost.shape == (len(THRESHOLDS),) * 2
    for pair in np.random.default_rng(0).integers(0, len(THRESHOLDS), (40, 2)):
        found = grid.accuracy[tuple(pair)], grid.cost[tuple(pair)]
        assert found == pytest.approx(routed(split, macs, THRESHOLDS[pair]))
    shared = sweep_shared(split, macs)
    assert np.diagonal(grid.accuracy) == pytest.approx(shared.accuracy)
    assert np.diagonal(grid.cost) == pytest.approx(shared.cost)


def test_many_exits_thin_the_grid_but_keep_its_ends():
    rng = np.random.default_rng(0)
    shape, macs = (5, 300), np.arange(1, 6)
    target = rng.integers(0, 3, 300)
    confidence = rng.uniform(0, 0.999, shape).astype(np.float32)
    split = SplitPredictions(rng.integers(0, 3, shape), confidence, target, np.arange(300))
    grid = sweep_per_exit(split, macs)
    assert grid.cost.ndim == 4
    assert grid.cost.size <= 200_000
    own = np.mean(split.prediction == target, axis=1)
    first, last = (0, 0, 0, 0), (-1, -1, -1, -1)
    assert (grid.accuracy[first], grid.cost[first]) == pytest.approx((own[0], 1.0))
    assert (grid.accuracy[last], grid.cost[last]) == pytest.approx((own[-1], 5.0))


def test_one_exit_has_one_accuracy_and_full_cost():
    predictions = make_predictions(method="single_exit")
    curve = sweep_shared(predictions.val, predictions.macs)
    own = np.mean(predictions.val.prediction[0] == predictions.val.target)
    assert set(curve.accuracy) == {own}
    assert set(curve.cost) == {1000.0}


def test_best_within_a_budget_takes_the_cheapest_of_equals_and_never_falls():
    curve = Sweep(np.array([[0.5, 0.9], [0.7, 0.9]]), np.array([[0.2, 0.8], [0.4, 0.6]]))
    budgets = [0.1, 0.2, 0.3, 0.4, 0.59, 0.6, 1.0]
    assert best_within(curve, budgets).tolist() == [0, 0, 0, 2, 2, 3, 3]


def test_points_by_hand():
    # Threshold up to:  .2   .4   .6   .8  above
    # Accuracy:         .5  .75    1    1    .75
    # Cost:             .2   .4   .6   .8      1
    chosen = operating_points(tiny([0, 0, 1, 1], [1, 1, 1, 0]), MACS, 100)
    assert chosen == {
        "one_se": 0.41,  # best accuracy 1, standard error 0: the cheapest threshold that reaches it
        "budget_10": 0.0,  # not met: the cheapest
        "budget_25": 0.0,
        "budget_50": 0.21,
        "threshold_0.9": 0.9,
    }
    met = points_met(tiny([0, 0, 1, 1], [1, 1, 1, 0]), MACS, 100)
    assert met == {point: point != "budget_10" for point in chosen}


def test_one_se_accepts_one_standard_error():
    # Accuracy .25 at the first exit, at best .5. The error at .5 is sqrt(.25 / N).
    few = tiny([0, 0, 0, 1], [1, 0, 0, 0], samples_per_level=1)
    assert (
        operating_points(few, MACS, 100)["one_se"] == 0.0
    )  # error .25: the first exit is near enough
    many = tiny([0, 0, 0, 1], [1, 0, 0, 0], samples_per_level=25)
    assert operating_points(many, MACS, 100)["one_se"] == 0.21  # error .05: it is not


def test_a_budget_below_the_first_exit_takes_the_first_exit():
    val = tiny([0, 0, 1, 1], [1, 1, 1, 1])
    chosen = operating_points(val, np.array([60, 100]), 100)
    assert chosen["budget_10"] == chosen["budget_25"] == chosen["budget_50"] == 0.0
    met = points_met(val, np.array([60, 100]), 100)
    assert [point for point, reached in met.items() if not reached] == [*BUDGETS]
    met = points_met(val, np.array([50, 100]), 100)
    assert met["budget_50"] and not met["budget_25"]


def test_budget_that_is_met_exactly_counts():
    val = tiny([0, 1, 1, 1], [1, 1, 1, 1])
    assert operating_points(val, np.array([25, 100]), 100)["budget_25"] == 0.0
    # One group of four goes on: (3 * 10 + 30) / 4 = 15 of 30, exactly a half.
    assert operating_points(val, np.array([10, 30]), 30)["budget_50"] == 0.21


def test_permuted_validation_labels_do_move_one():
    predictions = make_predictions()
    target = np.random.default_rng(0).permutation(predictions.val.target)
    permuted = replace(predictions.val, target=target)
    before, after = (
        operating_points(val, predictions.macs, 1000) for val in (predictions.val, permuted)
    )
    assert before != after


def test_the_worked_example_of_the_module():
    split = SplitPredictions(
        prediction=np.array([[0, 1, 1], [1, 1, 1]]),
        confidence=np.array([[0.3, 0.6, 0.9], [1, 1, 1]], np.float32),
        target=np.array([1, 1, 1]),
        index=np.arange(3),
    )
    curve = sweep_shared(split, MACS)
    found = {t: (curve.accuracy[i], curve.cost[i]) for i, t in enumerate(THRESHOLDS)}
    assert found[0.0] == pytest.approx((2 / 3, 20))
    assert found[0.5] == pytest.approx((1, 140 / 3))
    assert found[0.7] == pytest.approx((1, 220 / 3))


def test_costs_are_multiply_accumulates_or_relative_to_what_is_given():
    predictions = make_predictions()
    absolute = sweep_shared(predictions.val, predictions.macs)
    relative = sweep_shared(predictions.val, predictions.macs, 500)
    assert absolute.cost == pytest.approx(500 * relative.cost)
    assert absolute.cost.max() <= 1000 < 500 * relative.cost.max() + 1e-6
    assert (absolute.accuracy == relative.accuracy).all()


def test_budgets_are_shares_of_the_reference_not_of_the_methods_own_cost():
    val = tiny([0, 0, 1, 1], [1, 1, 1, 1])
    # The network costs a tenth of the reference: every budget buys all of it.
    chosen = operating_points(val, MACS, 1000)
    assert chosen["budget_10"] == chosen["budget_50"] == 0.41
    assert is_met(sweep_shared(val, MACS, 1000), [0.019, 0.02, 0.5]).tolist() == [False, True, True]
