from dataclasses import replace

import numpy as np
import pytest
from synthetic import make_predictions

from cgt.operate.confidences import (
    entropy,
    fit_temperature,
    is_max_softmax,
    margin,
    max_softmax,
    patience,
)
from cgt.records.predictions import SplitPredictions

# One exit; probabilities (1/2, 1/4, 1/4) and (1/3, 1/3, 1/3).
LOGITS = np.log(np.array([[[0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3]]], np.float32))


def test_rules_by_hand():
    assert max_softmax(LOGITS)[0] == pytest.approx([1 / 2, 1 / 3])
    assert margin(LOGITS)[0] == pytest.approx([1 / 4, 0])
    # H = 1/2 ln 2 + 2 * 1/4 ln 4 = 3/2 ln 2.
    assert entropy(LOGITS)[0] == pytest.approx([1 - 1.5 * np.log(2) / np.log(3), 0], abs=1e-6)


def test_certain_and_even_answers_are_the_ends_of_the_range():
    sure = np.array([[[1000.0, 0, 0]], [[0, 0, 0]]])
    for rule in (entropy, margin):
        assert rule(sure)[:, 0] == pytest.approx([1, 0], abs=1e-7)
        assert rule(sure).dtype == np.float32


def test_rules_are_scipys_where_scipy_has_them():
    from scipy.special import entr, softmax

    logits = np.random.default_rng(0).normal(0, 9, (3, 500, 7)).astype(np.float32)
    probabilities = softmax(logits.astype(float), axis=2)
    assert np.array_equal(max_softmax(logits), probabilities.max(2).astype(np.float32))
    expected = 1 - entr(probabilities).sum(2) / np.log(7)
    np.testing.assert_allclose(entropy(logits), expected, rtol=0, atol=1e-7)


def test_patience_counts_agreements_in_a_row():
    answers = np.array([[0, 0, 1, 2], [0, 1, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]])
    logits = np.eye(3)[answers]
    counts = [[0, 0, 0, 0], [1, 0, 1, 0], [2, 1, 0, 1], [3, 2, 1, 2]]
    assert patience(logits) == pytest.approx(np.array(counts) / 3)
    assert patience(logits[:1]).tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("rule", [max_softmax, entropy, margin, patience])
def test_rules_refuse_other_logits(rule):
    with pytest.raises(ValueError, match=r"logits have shape \[2, 3\]; \[E, N, C\]"):
        rule(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="NaN or infinity"):
        rule(np.full((1, 1, 2), np.nan))


def test_a_temperature_per_exit():
    two = np.concatenate([LOGITS, LOGITS])
    # At temperature 1/2 the probabilities are squared: 1/4, 1/16, 1/16, to be divided by 3/8.
    assert max_softmax(two, np.array([1.0, 0.5]))[:, 0] == pytest.approx([1 / 2, 2 / 3])


def test_a_known_temperature_is_found_again():
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (20_000, 5))
    target = (honest + rng.gumbel(size=honest.shape)).argmax(axis=1)  # drawn from the softmax
    truth = np.array([2.5, 1.0, 0.4])
    logits = (honest * truth[:, None, None]).astype(np.float32)
    val = SplitPredictions(logits.argmax(2), max_softmax(logits), target, np.arange(20_000), logits)
    assert fit_temperature(val.logits, val.target) == pytest.approx(truth, rel=0.03)


def test_one_exit_has_one_temperature():
    # Logits ±1; right in 3 of 4: the softmax of 2 / T must be 3/4, so T = 2 / ln 3.
    logits = np.array([[1.0, -1.0]] * 4)
    found = fit_temperature(logits, [0, 0, 0, 1])
    assert isinstance(found, float)
    assert found == pytest.approx(2 / np.log(3), rel=1e-4)
    assert fit_temperature(logits[None], np.array([0, 0, 0, 1])).tolist() == [found]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([0, 1, 2], r"targets are int64 of shape \[3\]; integers \[4\]"),
        ([0.0, 1, 1, 0], "targets are float64"),
        ([0, 1, 2, 0], "from 0 to 2; 0 to 1 are allowed"),
    ],
)
def test_temperatures_need_a_class_for_each_sample(targets, message):
    with pytest.raises(ValueError, match=message):
        fit_temperature(np.zeros((4, 2)), targets)


def test_what_follows_the_softmax_is_recognised():
    predictions = make_predictions()
    assert is_max_softmax(predictions)
    test = predictions.test
    assert not is_max_softmax(replace(predictions, test=replace(test, logits=None)))
    other = replace(test, confidence=test.confidence**2)
    assert not is_max_softmax(replace(predictions, test=other))
