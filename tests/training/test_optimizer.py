"""Our optimiser takes torch's steps."""

import copy

import pytest
import torch
from torch import nn

from cgt.training.optimizer import OneCycleSGD

STEPS = 40


def networks() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 2))
    return ours, copy.deepcopy(ours)


def loss(network: nn.Module, step: int) -> torch.Tensor:
    x = torch.randn(16, 5, generator=torch.Generator().manual_seed(step))
    return (network(x) ** 2).mean()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_every_step_is_torchs_to_the_bit(momentum):
    ours, theirs = networks()
    optimizer = OneCycleSGD(ours.parameters(), 0.3, STEPS, momentum, weight_decay=0.01)
    reference = torch.optim.SGD(
        theirs.parameters(),
        lr=0.3,
        momentum=momentum,
        weight_decay=0.01,
        nesterov=momentum > 0,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        reference, max_lr=0.3, total_steps=STEPS, pct_start=0.25, cycle_momentum=False
    )
    for step in range(STEPS):
        for network, one in ((ours, optimizer), (theirs, reference)):
            one.zero_grad()
            loss(network, step).backward()
            one.step()
        schedule.step()
        pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs), step


def test_it_goes_on_from_its_state():
    straight, stopped = networks()
    for network, halves in ((straight, [range(STEPS)]), (stopped, [range(9), range(9, STEPS)])):
        state = None
        for half in halves:
            optimizer = OneCycleSGD(network.parameters(), 0.3, STEPS, 0.9, 0.01)
            if state:
                optimizer.load_state(state)
            for step in half:
                optimizer.zero_grad()
                loss(network, step).backward()
                optimizer.step()
            state = optimizer.state()
    pairs = zip(straight.parameters(), stopped.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_who_has_no_gradient_stays():
    network, _ = networks()
    before = network[2].weight.clone()
    optimizer = OneCycleSGD(network.parameters(), 0.3, STEPS, 0.9, 0.01)
    (network[0].weight ** 2).sum().backward()
    optimizer.step()
    assert torch.equal(network[2].weight, before)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_it_looks_ahead_of_a_step_and_moves_nothing(momentum):
    network, _ = networks()
    parameters = list(network.parameters())
    optimizer = OneCycleSGD(parameters, 0.3, STEPS, momentum, weight_decay=0.01)
    for step in range(5):
        optimizer.zero_grad()
        loss(network, step).backward()
        before = [parameter.detach().clone() for parameter in parameters]
        gradients = [parameter.grad for parameter in parameters[:-1]] + [None]
        ahead = optimizer.ahead(parameters, gradients)
        assert all(map(torch.equal, parameters, before))
        assert torch.equal(ahead[-1], before[-1])
        optimizer.step()
        torch.testing.assert_close(ahead[:-1], [p.detach() for p in parameters[:-1]])


def test_what_is_ahead_hangs_on_the_gradients():
    parameter, slope = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    optimizer = OneCycleSGD([parameter], 0.5, STEPS, 0.9, weight_decay=0.1)
    (ahead,) = optimizer.ahead([parameter], [slope])
    (found,) = torch.autograd.grad(ahead.sum(), slope)
    # The cycle starts at peak / 25; Nesterov's step is 1 + momentum times the gradient.
    torch.testing.assert_close(found, torch.full((2,), -0.5 / 25 * 1.9))
