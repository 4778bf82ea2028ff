"""Operating points of one's own network, worked out by hand."""

import numpy as np
import pytest
from two_exits import MACS, tiny

import cgt
from cgt.operate.sweep import THRESHOLDS, operating_points

# Threshold up to:  .2   .4   .6   .8  above
# Accuracy:         .5  .75    1    1    .75
# Cost:             20   40   60   80    100
CONFIDENCE = np.array([[0.2, 0.4, 0.6, 0.8], [1, 1, 1, 1]])
CORRECT = np.array([[0, 0, 1, 1], [1, 1, 1, 0]], dtype=bool)


def choose(**aim):
    return cgt.choose_thresholds(CONFIDENCE, CORRECT, MACS, **aim)


def test_a_sweep_by_hand():
    curve = cgt.sweep(CONFIDENCE, CORRECT, MACS)
    assert curve.accuracy.shape == curve.cost.shape == curve.thresholds.shape
    found = {
        t: (a, c) for a, c, t in zip(curve.accuracy, curve.cost, curve.thresholds, strict=True)
    }
    assert found[0.2] == (0.5, 20)
    assert found[0.21] == found[0.4] == (0.75, 40)
    assert found[0.41] == (1, 60)
    assert found[0.61] == (1, 80)
    assert found[1.0] == (0.75, 100)


@pytest.mark.parametrize(
    ("aim", "threshold", "accuracy", "cost", "met"),
    [
        ({"budget": 19.9}, 0.0, 0.5, 20, False),
        ({"budget": 20}, 0.0, 0.5, 20, True),
        ({"budget": 59.9}, 0.21, 0.75, 40, True),
        ({"budget": 1000}, 0.41, 1.0, 60, True),
        ({"max_drop": 0}, 0.21, 0.75, 40, True),  # the last exit is right about three of four
        ({"max_drop": 0.25}, 0.0, 0.5, 20, True),
        ({"max_drop": 0.2499}, 0.21, 0.75, 40, True),
        ({"knee": True}, 0.41, 1.0, 60, True),  # a share of 1 has no standard error
    ],
)
def test_points_by_hand(aim, threshold, accuracy, cost, met):
    point = choose(**aim)
    assert point.thresholds.tolist() == [threshold]
    assert (point.accuracy, point.cost, point.met) == (accuracy, cost, met)
    assert isinstance(point.met, bool)


def test_a_drop_that_no_threshold_keeps_is_not_met():
    # The first exit is always sure and always wrong: nobody gets to the second.
    point = cgt.choose_thresholds(np.ones((2, 4)), [[0] * 4, [1] * 4], MACS, max_drop=0.1)
    assert (point.accuracy, point.cost, point.met) == (0.0, 20, False)


def test_the_knee_is_one_standard_error_from_the_best():
    # Accuracy .25 at exit 1, .5 at best: its error is sqrt(.25 / N).
    right = [[0, 0, 0, 1], [1, 0, 0, 1]]
    assert cgt.choose_thresholds(CONFIDENCE, right, MACS, knee=True).cost == 20  # N = 4: .25
    many = [np.repeat(np.array(one), 25, axis=1) for one in (CONFIDENCE, right)]
    assert cgt.choose_thresholds(*many, MACS, knee=True).cost == 40  # N = 100: .05


def test_thresholds_per_exit_reach_what_one_for_all_does_not():
    # Exit 1 is right where it is sure by .9, exit 2 where it is sure by .3; exit 3 is always wrong.
    confidence = [[0.9, 0.9, 0.8, 0.8], [0.1, 0.1, 0.3, 0.3], [1, 1, 1, 1]]
    correct = [[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]
    macs = [1, 2, 4]
    assert cgt.choose_thresholds(confidence, correct, macs, budget=4).accuracy == 0.5
    point = cgt.choose_thresholds(confidence, correct, macs, budget=4, per_exit=True)
    assert (point.accuracy, point.cost) == (1.0, 1.5)
    assert 0.8 < point.thresholds[0] <= 0.9 and 0 <= point.thresholds[1] <= 0.3


@pytest.mark.parametrize("aim", [{"budget": 2}, {"max_drop": 0.02}, {"knee": True}])
@pytest.mark.parametrize("per_exit", [False, True])
def test_a_point_is_what_routing_gives_at_its_thresholds(aim, per_exit):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 200, 4)).astype(np.float32)
    target = rng.integers(0, 4, 200)
    logits[:, np.arange(200), target] += [[0.5], [1.5], [2.5]]
    macs = np.array([1, 2, 5])
    confidence, correct = cgt.max_softmax(logits), logits.argmax(2) == target
    point = cgt.choose_thresholds(confidence, correct, macs, per_exit=per_exit, **aim)
    assert point.met
    thresholds = np.float32(point.thresholds)
    leaves = [int(np.argmax([*(sure[:2] >= thresholds), True])) for sure in confidence.T]
    assert correct[leaves, np.arange(200)].mean() == pytest.approx(point.accuracy)
    assert macs[leaves].mean() == pytest.approx(point.cost)


def test_the_benchmarks_own_points_are_the_same():
    split = tiny([0, 0, 1, 1], [1, 1, 1, 0])
    theirs = operating_points(split, MACS, 100)
    given = split.confidence, split.prediction == split.target, MACS
    assert cgt.choose_thresholds(*given, knee=True).thresholds == [theirs["one_se"]]
    for share in (10, 25, 50):
        point = cgt.choose_thresholds(*given, budget=share)
        assert point.thresholds == [theirs[f"budget_{share}"]]


def test_one_exit_needs_no_threshold():
    point = cgt.choose_thresholds([[0.5, 0.7]], [[True, False]], [10], knee=True)
    assert (point.thresholds.tolist(), point.accuracy, point.cost) == ([], 0.5, 10)
    assert cgt.choose_thresholds([[0.5]], [[1]], [10], budget=9, per_exit=True).met is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((CONFIDENCE[0], CORRECT, MACS), r"confidence has shape \[4\]; \[E, N\] is needed"),
        ((CONFIDENCE * 2, CORRECT, MACS), r"confidence must be finite and in \[0, 1\]"),
        ((CONFIDENCE * np.nan, CORRECT, MACS), "confidence must be finite"),
        ((CONFIDENCE, CORRECT[:1], MACS), r"correct is bool of shape \[1, 4\]; bool \[2, 4\]"),
        ((CONFIDENCE, CORRECT * 3, MACS), r"correct is int64 of shape \[2, 4\]; bool"),
        ((CONFIDENCE, CORRECT, [1]), r"macs is \[1\]; 2 finite numbers are needed"),
        ((CONFIDENCE, CORRECT, [5, 5]), r"macs is \[5, 5\]; it must be positive and rise"),
    ],
)
def test_wrong_arrays_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        cgt.sweep(*arguments)
    with pytest.raises(ValueError, match=message):
        cgt.choose_thresholds(*arguments, knee=True)


@pytest.mark.parametrize(
    ("aim", "message"),
    [
        ({}, "budget is None, max_drop None and knee False; exactly one"),
        ({"budget": 20, "knee": True}, "exactly one of them"),
        ({"budget": 0}, "budget is 0; it must be a finite number > 0"),
        ({"budget": np.nan}, "budget is nan"),
        ({"max_drop": 1.5}, r"max_drop is 1.5; it must be in \[0, 1\]"),
    ],
)
def test_wrong_aims_are_refused(aim, message):
    with pytest.raises(ValueError, match=message):
        choose(**aim)


def drawn(figure):
    (axes,) = figure.axes
    return axes, [(line.get_label(), line.get_xydata()) for line in axes.lines]


def test_the_figure_shows_every_network_and_its_point():
    curve, point = cgt.sweep(CONFIDENCE, CORRECT, MACS), choose(knee=True)
    figure = cgt.plot_tradeoff({"a": curve, "b": curve}, {"b": point}, reference=200)
    axes, lines = drawn(figure)
    assert [name for name, _ in lines if not name.startswith("_")] == ["a", "b"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    np.testing.assert_allclose(lines[0][1], np.transpose([curve.cost / 2, 100 * curve.accuracy]))
    assert lines[2][1].tolist() == [[30.0, 100.0]]
    assert axes.lines[2].get_color() == axes.lines[1].get_color() != axes.lines[0].get_color()
    assert axes.get_xlabel() == "Relative cost (%)"


def test_of_combinations_the_upper_edge_is_drawn():
    confidence = [[0.9, 0.9, 0.8, 0.8], [0.1, 0.1, 0.3, 0.3], [1, 1, 1, 1]]
    correct = [[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]
    curve = cgt.sweep(confidence, correct, [1, 2, 4], per_exit=True)
    axes, lines = drawn(cgt.plot_tradeoff({"a": curve}))
    assert lines[0][1].tolist() == [[1, 50], [1.5, 100]]
    assert axes.get_xlabel() == "Mean cost (multiply–accumulates)"


def test_a_figure_of_nothing_or_of_strangers_is_refused():
    with pytest.raises(ValueError, match="curves is empty"):
        cgt.plot_tradeoff({})
    with pytest.raises(ValueError, match="points names 'x'; the curves are a"):
        cgt.plot_tradeoff({"a": cgt.sweep(CONFIDENCE, CORRECT, MACS)}, {"x": choose(knee=True)})


def test_the_grid_is_the_benchmarks():
    assert cgt.sweep(CONFIDENCE, CORRECT, MACS).thresholds is THRESHOLDS
