"""Heads for features of the usual shapes."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn


class TokenMean(nn.Module):
    """The mean over the tokens: ``[B, T, C]`` to ``[B, C]``."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=1)


class ClassToken(nn.Module):
    """The first token: ``[B, T, C]`` to ``[B, C]``."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0]


class ChannelMean(nn.Module):
    """The mean over all positions: ``[B, C, *]`` to ``[B, C]``."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=tuple(range(2, x.ndim)))


def vector_head(shape: Sequence[int], classes: int) -> nn.Module:
    """A linear layer; ``shape`` is ``[C]``."""
    return nn.Linear(shape[0], classes)


def token_head(shape: Sequence[int], classes: int) -> nn.Module:
    """The mean over the tokens and a linear layer; ``shape`` is ``[T, C]``."""
    return nn.Sequential(TokenMean(), nn.Linear(shape[-1], classes))


def class_token_head(shape: Sequence[int], classes: int) -> nn.Module:
    """The first token and a linear layer; ``shape`` is ``[T, C]``."""
    return nn.Sequential(ClassToken(), nn.Linear(shape[-1], classes))


def channel_head(shape: Sequence[int], classes: int) -> nn.Module:
    """The mean over all positions and a linear layer; ``shape`` is ``[C, *]``."""
    return nn.Sequential(ChannelMean(), nn.Linear(shape[0], classes))


HEADS: Mapping[str, tuple[Callable[[Sequence[int], int], nn.Module], tuple[int, ...]]] = {
    "vector": (vector_head, (1,)),
    "tokens": (token_head, (2,)),
    "class_token": (class_token_head, (2,)),
    "channels": (channel_head, (2, 3, 4)),
}
"""By name: what makes the head, and how many axes a sample's features may have."""


def default_head(name: str, module: nn.Module, shape: Sequence[int]) -> str:
    """Which of `HEADS` fits features ``[B, *shape]`` that ``module``, called ``name``, gives.

    Raises:
        ValueError: if none does, or one has to choose.
    """
    if len(shape) == 2 and any(isinstance(part, nn.Conv1d) for part in module.modules()):
        raise ValueError(
            f"at: {name!r} gives features [B, {shape[0]}, {shape[1]}] and holds a Conv1d: say with "
            f"heads='channels' that they are [B, C, L], or with 'tokens' that they are [B, T, C]"
        )
    usual = {1: "vector", 2: "tokens", 3: "channels", 4: "channels"}
    if len(shape) not in usual:
        raise ValueError(
            f"at: {name!r} gives features [B{''.join(f', {size}' for size in shape)}], for which "
            f"there is no default head; give `heads`"
        )
    return usual[len(shape)]


def like(head: nn.Module, dtype: torch.dtype, device: torch.device) -> nn.Module:
    """The head on a device, in the type of its features if these are floating-point numbers."""
    return head.to(device, dtype if dtype.is_floating_point else None)
