from dataclasses import replace

import numpy as np
import pytest
from synthetic import make_predictions

from cgt.operate.confidences import entropy, fit_temperatures, is_max_softmax, margin, max_softmax
from cgt.records.predictions import SplitPredictions

# One exit; probabilities (1/2, 1/4, 1/4) and (1/3, 1/3, 1/3).
LOGITS = np.log(np.array([[[0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3]]], np.float32))


def test_rules_by_hand():
    assert max_softmax(LOGITS)[0] == pytest.approx([1 / 2, 1 / 3])
    assert margin(LOGITS)[0] == pytest.approx([1 / 4, 0])
    # H = 1/2 ln 2 + 2 * 1/4 ln 4 = 3/2 ln 2.
    assert entropy(LOGITS)[0] == pytest.approx([1 - 1.5 * np.log(2) / np.log(3), 0], abs=1e-6)


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
    assert fit_temperatures(val) == pytest.approx(truth, rel=0.03)


def test_what_follows_the_softmax_is_recognised():
    predictions = make_predictions()
    assert is_max_softmax(predictions)
    test = predictions.test
    assert not is_max_softmax(replace(predictions, test=replace(test, logits=None)))
    other = replace(test, confidence=test.confidence**2)
    assert not is_max_softmax(replace(predictions, test=other))
