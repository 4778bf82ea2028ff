"""Networks of a few parameters, in double precision, for formulas worked out by hand."""

from itertools import pairwise

import torch
from torch import nn

from cgt.methods.base import Moment
from cgt.nn.network import EarlyExitNetwork

CLASSES = 4
MOMENT = Moment(0.5, 0, torch.linspace(0.0, 0.9, 8))


def toy(exits=3, seed=0):
    """Linear stages with tanh, 3 → 5 → 5 ..., and linear heads."""
    torch.manual_seed(seed)
    widths = [3, *[5] * exits]
    stages = [nn.Sequential(nn.Linear(a, b), nn.Tanh()) for a, b in pairwise(widths)]
    heads = [nn.Linear(5, CLASSES) for _ in range(exits)]
    return EarlyExitNetwork(stages, heads).double()


def batch(size=8, seed=0):
    """Samples ``[B, 3]`` in double precision, and their classes."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(size, 3, generator=generator, dtype=torch.float64)
    return x, torch.randint(CLASSES, (size,), generator=generator)


class NoStep:
    """An optimiser that leaves weights alone, so that gradients can be looked at."""

    def __init__(self, network):
        self.network = network

    def zero_grad(self):
        self.network.zero_grad()

    def step(self):
        pass


def step_gradients(method, network, x, targets, moment=MOMENT):
    """Gradient of every parameter by name, as one training step of the method leaves it."""
    method.step(network, x, targets, moment, NoStep(network), lambda found: None)
    return {name: parameter.grad.clone() for name, parameter in network.named_parameters()}


def gradients(loss, network):
    """The same of a loss, by autograd alone; zero where the loss does not depend on it."""
    found = torch.autograd.grad(
        loss,
        list(network.parameters()),
        retain_graph=True,
        allow_unused=True,
        materialize_grads=True,
    )
    return dict(zip((name for name, _ in network.named_parameters()), found, strict=True))


def assert_alike(found, expected, **tolerance):
    """Two dictionaries of gradients hold the same numbers."""
    assert set(found) == set(expected)
    for name, value in found.items():
        torch.testing.assert_close(
            value, expected[name], msg=lambda text, name=name: f"{name}: {text}", **tolerance
        )
