"""Cross-entropies of all exits at once, with targets as :mod:`cgt.nn.losses` takes them."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

SMALL = 16384
"""Numbers in an exit's logits up to which exits are joined: calls cost more than copies there."""


def exit_cross_entropy(
    logits: Sequence[Tensor],
    targets: Tensor,
    label_smoothing: float = 0.0,
    weight: Tensor | None = None,
    ignore_index: int = -100,
) -> Tensor:
    """Cross-entropy of each exit at each position, ``[B, E]`` or ``[B, *, E]``, in nats.

    Arguments are those of :mod:`cgt.nn.losses`; targets that are classes are int64. Masked classes
    count for nothing where soft targets give them 0.
    """
    return cross_entropies(logits, targets, label_smoothing, weight, ignore_index, dim=-1)


def cross_entropies(
    logits: Sequence[Tensor],
    targets: Tensor,
    label_smoothing: float,
    weight: Tensor | None,
    ignore_index: int,
    dim: int,
) -> Tensor:
    """The same with exits along ``dim``: −1, or 0 for ``[E, B, *]``."""
    if not is_joined(logits):
        each = [
            _cross_entropy(one, targets, label_smoothing, weight, ignore_index) for one in logits
        ]
        return torch.stack(each, dim=dim)
    joined, aims = torch.cat(list(logits)), repeated(targets, len(logits))
    losses = _cross_entropy(joined, aims, label_smoothing, weight, ignore_index)
    by_exit = losses.view(len(logits), len(logits[0]), *losses.shape[1:])
    return by_exit if dim == 0 else by_exit.movedim(0, -1).contiguous()


def is_joined(logits: Sequence[Tensor]) -> bool:
    """Whether exits are computed one after another, or as one batch of their samples."""
    first = logits[0]
    return first.numel() <= SMALL and all(one.dtype == first.dtype for one in logits)


def repeated(targets: Tensor, times: int) -> Tensor:
    return torch.cat([targets] * times) if times > 1 else targets


def _cross_entropy(
    logits: Tensor, targets: Tensor, smoothing: float, weight: Tensor | None, ignore_index: int
) -> Tensor:
    """Of one exit, ``[B, *]``."""
    if weight is not None:
        weight = weight.to(logits.dtype)
    if not targets.is_floating_point():
        return F.cross_entropy(
            logits,
            targets,
            weight=weight,
            ignore_index=ignore_index,
            reduction="none",
            label_smoothing=smoothing,
        )
    # As torch has it, but for 0 · −inf: a masked class that the target does not have costs nothing.
    if smoothing > 0:
        targets = targets * (1 - smoothing) + smoothing / logits.shape[1]
    known = logits.log_softmax(dim=1).masked_fill(targets == 0, 0.0)
    if weight is not None:
        targets = targets * weight.view(-1, *[1] * (logits.ndim - 2))
    return -(targets * known).sum(dim=1)
