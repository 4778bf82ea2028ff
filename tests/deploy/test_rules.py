"""Entropy, margin and temperature: worked out by hand, the numpy twins, and on the device."""

import math

import numpy as np
import pytest
import torch

from cgt.deploy.export import write_network
from cgt.deploy.rules import Entropy, Margin, Temperature
from cgt.deploy.runtime import Deployed
from cgt.nn.exits import KnownClasses
from cgt.operate import confidences

LN = math.log
HALF = torch.tensor([[LN(2.0), 0.0, 0.0]])  # probabilities 1/2, 1/4, 1/4
KNOWN = KnownClasses(torch.tensor([[True, False, False], [True, True, False], [True] * 3]))
RULES = {
    "entropy": Entropy(),
    "margin": Margin(),
    "one temperature": Temperature(2.0),
    "temperatures": Temperature([0.5, 2.0, 1.0]),
    "tempered margin": Temperature([2.0, 2.0, 1.0], Margin()),
    "tempered known classes": Temperature(0.5, KNOWN),
}


def test_values_worked_out_by_hand():
    # H = 1/2 ln 2 + 2 · 1/4 ln 4 = 3/2 ln 2
    sure, answer = Entropy().decide(0, HALF)
    assert sure.item() == pytest.approx(1 - 1.5 * LN(2) / LN(3), abs=1e-6) and answer.item() == 0
    assert Margin().decide(0, HALF)[0].item() == pytest.approx(0.25, abs=1e-6)
    # Halved logits: sqrt 2, 1, 1
    tempered = Temperature([1.0, 2.0])
    assert tempered.decide(0, HALF)[0].item() == pytest.approx(0.5, abs=1e-6)
    assert tempered.decide(1, HALF)[0].item() == pytest.approx(2**0.5 / (2**0.5 + 2), abs=1e-6)


def test_the_ends_of_the_range():
    equal, certain = torch.zeros(1, 5), torch.tensor([[200.0, 0.0, 0.0]])
    for rule in (Entropy(), Margin()):
        assert rule.decide(0, equal)[0].item() == pytest.approx(0, abs=1e-6)
        assert rule.decide(0, certain)[0].item() == 1
    assert Entropy().decide(0, equal)[0].item() >= 0
    masked = torch.tensor([[0.0, 0.0, -math.inf]])
    assert Entropy().decide(0, masked)[0].item() == pytest.approx(1 - LN(2) / LN(3), abs=1e-6)


def test_they_are_the_twins_of_those_in_numpy():
    logits = np.random.default_rng(0).normal(size=(3, 50, 7)) * 3
    for rule, twin in ((Entropy(), confidences.entropy), (Margin(), confidences.margin)):
        found = torch.stack([rule.decide(e, torch.from_numpy(logits[e]))[0] for e in range(3)])
        np.testing.assert_allclose(found, twin(logits), atol=1e-6)
    each = [0.5, 2.0, 3.0]
    rule = Temperature(each)
    found = torch.stack([rule.decide(e, torch.from_numpy(logits[e]))[0] for e in range(3)])
    np.testing.assert_allclose(found, confidences.max_softmax(logits, np.array(each)), atol=1e-6)


@pytest.mark.parametrize("name", RULES)
def test_on_the_device_they_are_those_of_torch(small, small_x, tmp_path, name):
    rule = RULES[name]
    said = write_network(tmp_path, small, rule, 0.5, input_shape=(6,), about={})
    assert said["rule"] == type(rule).__name__
    deployed, seen = Deployed(tmp_path), set()
    for threshold in (0.2, 0.5, [0.9, 0.4]):
        index, prediction = small.infer(torch.from_numpy(small_x), threshold, rule)
        singles = [deployed.infer(one[None], threshold) for one in small_x]
        for found in (deployed.infer(small_x, threshold), np.concatenate(singles, axis=1)):
            assert found[0].tolist() == index.tolist()
            assert found[1].tolist() == prediction.tolist()
        seen |= set(index.tolist())
    assert len(seen) == 3


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("size", [1, 3])
def test_without_a_confidence_there_is_no_answer(small, small_x, tmp_path, name, size):
    write_network(tmp_path, small, RULES[name], 0.5, input_shape=(6,), about={})
    x = small_x[:size].copy()
    x[0, 0] = np.nan
    with pytest.raises(ValueError, match="hold NaN or infinity"):
        Deployed(tmp_path).infer(x, 0.0)


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf, [1.0, 0.0], [[1.0]]])
def test_temperatures_that_there_are_not_are_refused(wrong):
    with pytest.raises(ValueError, match=r"temperatures are .*; one finite number > 0"):
        Temperature(wrong)


def test_an_exit_without_a_temperature_is_named(small, tmp_path):
    with pytest.raises(ValueError, match="there are 2 temperatures; exit 3 has none"):
        write_network(tmp_path, small, Temperature([1.0, 1.0]), 0.5, input_shape=(6,), about={})
