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


@pytest.mark.parametrize(
    "gate",
    [
        lambda p, y: hard_gate(p, y, tau=0.8),
        lambda p, y: sigmoid_gate(p, y, tau=0.6, scale=10.0),
        residual_gate,
    ],
)
def test_every_position_has_a_gate_of_its_own(gate):
    dense = torch.stack([PROBABILITIES, PROBABILITIES.flip(0)], dim=-1)  # [3, 2, 2]
    targets = torch.stack([TARGETS, 1 - TARGETS], dim=-1)
    found = gate(dense, targets)
    assert found.shape == (3, 2)
    assert torch.equal(found[:, 0], gate(PROBABILITIES, TARGETS))
    assert torch.equal(found[:, 1], gate(PROBABILITIES.flip(0), 1 - TARGETS))
    product = eligibility([found, found], torch.ones(3, 2))
    torch.testing.assert_close(product[..., 2], found**2)
    assert torch.equal(eligibility([found], torch.ones(3, 2), dim=0)[1], found)


def test_soft_targets_by_hand():
    soft = torch.tensor([[0.25, 0.75], [0.5, 0.5], [0.25, 0.75]])
    left = [1 - (0.25 * 0.1 + 0.75 * 0.9), 0.5, 1 - (0.25 * 0.95 + 0.75 * 0.05)]
    assert residual_gate(PROBABILITIES, soft).tolist() == pytest.approx(left)
    # Of equally probable classes the first counts: class 0, where the exit says 1.
    assert hard_gate(PROBABILITIES, soft, tau=0.55).tolist() == [0.0, 1.0, 1.0]
    dense = hard_gate(PROBABILITIES.unsqueeze(2), soft.unsqueeze(2), tau=0.55)
    assert dense.tolist() == [[0.0], [1.0], [1.0]]
