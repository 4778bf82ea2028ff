"""Passes forward that change nothing, and gradients that come back scaled."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from cgt.nn.checks import check_non_negative
from cgt.nn.features import Features, rebuild, tensors_of
from cgt.nn.network import EarlyExitNetwork, ExitOutput


class _Scaled(torch.autograd.Function):
    """The identity, whose gradient is multiplied by a number."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, factor: float) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        ctx.factor = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.factor, None


def scale_gradient(features: Features, factor: float) -> Features:
    """``features`` as they are, bit for bit; their gradient is multiplied by ``factor``.

    Args:
        features: a tensor of any shape, or a tuple, list or dict of such; every floating-point
            tensor in it is scaled.
        factor: finite, ≥ 0.

    Raises:
        ValueError: for another factor.
    """
    check_non_negative("factor", factor)
    scaled = [
        _Scaled.apply(part, factor) if part.is_floating_point() else part
        for part in tensors_of(features)
    ]
    return rebuild(features, scaled)


def equilibrium_steps(network: EarlyExitNetwork, x: Features) -> Iterator[ExitOutput]:
    """As :meth:`cgt.EarlyExitNetwork.steps`, with gradient equilibrium (Li et al., ICCV 2019).

    Forward nothing changes. On the way back a stage gets the mean of the gradients of its own exit
    and of all deeper ones, in place of their sum. Heads get theirs unscaled.

    Args:
        network: E exits.
        x: ``[B, ...]``.

    Returns:
        One :class:`ExitOutput` for each exit, shallow to deep; its features are what the head sees.
    """
    carried = None
    for exit in range(network.num_exits):
        deeper = network.num_exits - exit - 1
        features = scale_gradient(network.stages[exit](x), 1 / (deeper + 1))
        logits, carried = network.answer(exit, features, carried)
        yield ExitOutput(features, logits, carried)
        x = scale_gradient(features, deeper)
