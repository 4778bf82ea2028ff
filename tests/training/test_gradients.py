"""Gradients of each exit on each stage, against numbers worked out by hand."""

import pytest
import torch
from torch import nn

from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms
from cgt.training.gradients import ExitGradientPair, ExitGradients


class Scale(nn.Module):
    """Multiplies by its one parameter: every gradient is a product of a few numbers."""

    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor([factor]))

    def forward(self, x):
        return x * self.factor


@pytest.fixture
def network():
    return EarlyExitNetwork([Scale(2.0), Scale(3.0)], [Scale(5.0), Scale(-7.0)])


def gradients(network, weights):
    # The "losses" are the outputs themselves: 1 · 2 · 5 = 10 and 1 · 2 · 3 · (−7) = −42.
    losses = torch.cat(network(torch.ones(1, 1)), dim=1)
    weights = torch.tensor([weights])
    return ExitGradients(network, LossTerms(losses, weights, torch.ones_like(weights)))


def test_norms_and_cosines_by_hand(network):
    found = gradients(network, [1.0, 0.5])
    # Exit 1: stage 5, head 2. Exit 2, at half weight: stages −21/2 and −14/2, head 6/2.
    assert found.norms().tolist() == pytest.approx([29**0.5, (10.5**2 + 7**2 + 3**2) ** 0.5])
    assert found.pairs() == [
        ExitGradientPair(1, 1, 1, 5.0, 1.0),
        ExitGradientPair(1, 1, 2, 5.0, -1.0),
        ExitGradientPair(1, 2, 2, 10.5, 1.0),
        ExitGradientPair(2, 2, 2, 7.0, 1.0),
    ]


def test_an_exit_without_weight_points_nowhere(network):
    found = gradients(network, [1.0, 0.0])
    assert found.norms().tolist() == pytest.approx([29**0.5, 0.0])
    assert ExitGradientPair(1, 1, 2, 5.0, 0.0) in found.pairs()


def test_frozen_stages_have_no_entry(network):
    network.stages[0].requires_grad_(False)
    network.heads[0].requires_grad_(False)
    found = gradients(network, [1.0, 1.0])
    assert found.norms().tolist() == pytest.approx([0.0, (14**2 + 6**2) ** 0.5])
    assert found.pairs() == [ExitGradientPair(2, 2, 2, 14.0, 1.0)]
