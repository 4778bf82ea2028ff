import math

import pytest
import torch

from cgt.nn.gates import eligibility, hard_gate, residual_gate, sigmoid_gate

# Class 1 is the true one: right and sure, right and unsure, wrong and sure.
PROBABILITIES = torch.tensor([[0.1, 0.9], [0.4, 0.6], [0.95, 0.05]])
TARGETS = torch.tensor([1, 1, 1])


def test_hard_gate_closes_only_for_the_sure_and_right():
    assert hard_gate(PROBABILITIES, TARGETS, tau=0.8).tolist() == [0.0, 1.0, 1.0]


def test_hard_gate_closes_at_the_threshold_itself():
    assert hard_gate(torch.tensor([[0.5, 0.5]]), torch.tensor([0]), tau=0.5).tolist() == [0.0]


def test_sigmoid_gate_by_hand():
    expected = [1 - 1 / (1 + math.exp(-10 * (p - 0.6))) for p in (0.9, 0.6, 0.05)]
    actual = sigmoid_gate(PROBABILITIES, TARGETS, tau=0.6, scale=10.0)
    assert actual.tolist() == pytest.approx(expected, abs=1e-6)
    assert actual[1].item() == pytest.approx(0.5, abs=1e-6)


def test_sigmoid_gate_of_the_authors_hardly_gates():
    ends = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    gate = sigmoid_gate(ends, torch.tensor([0, 0]), tau=0.9, scale=1.0)
    assert gate.tolist() == pytest.approx([0.475021, 0.710950], abs=1e-6)


def test_residual_gate_is_what_is_left():
    assert residual_gate(PROBABILITIES, TARGETS).tolist() == pytest.approx([0.1, 0.4, 0.95])


def test_eligibility_is_the_product_of_earlier_gates():
    gates = [torch.tensor([0.5, 1.0]), torch.tensor([0.5, 0.0]), torch.tensor([1.0, 1.0])]
    expected = [[1.0, 0.5, 0.25, 0.25], [1.0, 1.0, 0.0, 0.0]]
    assert eligibility(gates, torch.ones(2)).tolist() == expected


def test_eligibility_of_one_exit_is_one():
    assert eligibility([], torch.ones(3)).tolist() == [[1.0]] * 3
