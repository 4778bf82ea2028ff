"""A network of three exits, small enough to write its formulas out, in double precision."""

from itertools import pairwise

import torch
from torch import nn

from cgt.methods.base import Start
from cgt.nn.network import EarlyExitNetwork

MACS = (4 * 5 + 5 * 3, 4 * 5 + 5 * 3 + 5 * 6 + 6 * 3, 4 * 5 + 5 * 3 + 5 * 6 + 6 * 3 + 6 * 7 + 7 * 3)
"""Multiply–accumulates up to each exit, by hand."""


def three_exits(seed=0):
    torch.manual_seed(seed)
    widths = (4, 5, 6, 7)
    stages = [nn.Sequential(nn.Linear(a, b), nn.Tanh()) for a, b in pairwise(widths)]
    return EarlyExitNetwork(stages, [nn.Linear(width, 3) for width in widths[1:]]).double()


def batch(size=8):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(size, 4, generator=generator, dtype=torch.float64)
    return x, torch.arange(size) % 3


def begin(method, network, number=0, epochs=4):
    """What the loop tells a method before a phase."""
    method.start_phase(number, Start(network, None, None, epochs, (4,)))
    return method


def step_gradients(method, network, x, y, moment):
    """Gradients of one step by the method, by name of the parameter."""
    network.zero_grad()
    terms = method.terms(method.forward(network, x, y, moment), y, moment)
    method.backward(network, terms)
    return {name: one.grad for name, one in network.named_parameters() if one.grad is not None}


def gradients_of(loss, network):
    """Gradients of a loss, by name of the parameter; zero where it does not depend on one."""
    names, parameters = zip(*network.named_parameters(), strict=True)
    found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    return {
        name: torch.zeros_like(one) if gradient is None else gradient
        for name, one, gradient in zip(names, parameters, found, strict=True)
    }


def log_p(z):
    """Logarithm of the softmax, written out."""
    return z - z.exp().sum(dim=1, keepdim=True).log()


def ce(z, y, smoothing=0.0):
    """Cross-entropy with smoothed labels, mean over the batch, written out."""
    target = torch.full_like(z, smoothing / z.shape[1])
    target[torch.arange(len(y)), y] += 1 - smoothing
    return -(target * log_p(z)).sum(dim=1).mean()


def assert_same(found, expected, rtol=1e-9, atol=1e-12):
    """The same gradients; a parameter without one counts as zero."""
    for name, value in expected.items():
        own = found.get(name, torch.zeros_like(value))
        torch.testing.assert_close(
            own, value, rtol=rtol, atol=atol, msg=lambda m, n=name: f"{n}: {m}"
        )
