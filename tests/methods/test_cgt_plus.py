"""CGT+ against its formula written out, and BranchyNet where all its parts are off."""

import pytest
import torch

from cgt.methods import REGISTRY
from cgt.methods.base import Moment, Pass
from cgt.nn.network import EarlyExitNetwork

CGTPlus, BranchyNet = REGISTRY["cgt_plus"], REGISTRY["branchynet"]
OFF = {"strength": 0.0, "distillation": 0.0, "gradient_scale": 1.0}


@pytest.fixture
def logits() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(6, 4, generator=generator) for _ in range(3)]


@pytest.fixture
def targets() -> torch.Tensor:
    return torch.tensor([0, 1, 2, 3, 0, 1])


def test_with_all_parts_off_it_is_branchynet(logits, targets):
    ours = CGTPlus(exit_weights=(1.0, 0.6, 0.3), **OFF).terms(Pass(logits), targets, Moment(0.5))
    plain = BranchyNet(exit_weights=(1.0, 0.6, 0.3)).terms(Pass(logits), targets, Moment(0.5))
    assert torch.equal(ours.losses, plain.losses) and torch.equal(ours.weights, plain.weights)


def test_the_gate_steers_within_the_batch_and_keeps_each_exits_share(logits, targets):
    weights = (
        CGTPlus(strength=1.0, distillation=0.0).terms(Pass(logits), targets, Moment(0.0)).weights
    )
    torch.testing.assert_close(weights.mean(dim=0), torch.ones(3))
    p = logits[0].softmax(dim=1)[range(6), targets]
    left = 1 - torch.sigmoid(10 * (p - 0.5))
    torch.testing.assert_close(weights[:, 1], left / left.mean())


def test_exits_learn_from_the_mean_of_their_answers(logits, targets):
    losses = (
        CGTPlus(distillation=1.0, temperature=2.0).terms(Pass(logits), targets, Moment(0.0)).losses
    )
    teacher = (torch.stack(logits).mean(dim=0) / 2).softmax(dim=1)
    for number, of_exit in enumerate(logits):
        student = (of_exit / 2).softmax(dim=1)
        divergence = (teacher * (teacher / student).log()).sum(dim=1)
        torch.testing.assert_close(losses[:, number], 4 * divergence)


def test_exits_that_agree_have_nothing_to_learn_from_each_other(logits, targets):
    losses = CGTPlus(distillation=1.0).terms(Pass([logits[0]] * 3), targets, Moment(0.0)).losses
    torch.testing.assert_close(losses, torch.zeros(6, 3), atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale", [0.0, 0.3])
def test_early_exits_pull_less_at_the_shared_stages_and_no_less_at_their_head(scale, targets):
    torch.manual_seed(0)
    stages = [torch.nn.Linear(5, 5) for _ in range(2)]
    network = EarlyExitNetwork(stages, [torch.nn.Linear(5, 4) for _ in range(2)])
    x, gradients = torch.randn(6, 5), []
    for part in (scale, 1.0):
        method = CGTPlus(gradient_scale=part)
        logits = method.forward(network, x, targets, Moment(0.0)).logits
        torch.testing.assert_close(logits, network(x))
        loss = torch.nn.functional.cross_entropy(logits[0], targets)
        gradients.append(torch.autograd.grad(loss, [stages[0].weight, network.heads[0].weight]))
    (stage, head), (whole_stage, whole_head) = gradients
    torch.testing.assert_close(stage, scale * whole_stage)
    torch.testing.assert_close(head, whole_head)
