"""What a batch contributes to a loss, exit by exit, before it is summed."""

from typing import NamedTuple

import torch
from torch import Tensor


class LossTerms(NamedTuple):
    """What a batch contributes, before it is summed: ``[B, E]``, of dense logits ``[B, *, E]``."""

    losses: Tensor
    """Loss of each exit at each position, in nats; 0 where the target is ignored. The weight of
    the target's class is in it."""
    weights: Tensor
    """Its weight; carries no gradient. Of no meaning where the target is ignored."""
    eligibility: Tensor
    """Share of the sample that earlier exits left over, in [0, 1]; 0 where it is ignored."""
    share: Tensor | None = None
    """``[B, *]``, what a position counts in a mean: true or the weight of its class, and nothing
    where it is ignored. ``None``: all count the same."""

    def total(self) -> Tensor:
        """Scalar: mean over the positions of Σ_e w_e · loss_e."""
        return self.reduce("mean")

    def reduce(self, reduction: str) -> Tensor:
        """Σ_e w_e · loss_e: ``"mean"`` or ``"sum"`` over the positions; ``"none"``: ``[B, *]``."""
        return reduced((self.weights * self.losses).sum(dim=-1), self.share, reduction)

    @torch.no_grad()
    def means(self, inclusion: Tensor | None = None) -> Tensor:
        """Mean loss, weight and eligibility of each exit over the batch, ``[3, E]``.

        ``inclusion`` as in :meth:`SoftCGTLoss.terms`: where samples were selected, the loss is the
        mean over those that reached the exit (0 if none did), and the eligibility, which is known
        as far as the exit before was reached, is estimated from these. Positions count as in
        :meth:`total`, except that the loss over those that reached the exit is a plain mean.
        """
        losses, weights, eligible = (
            term.flatten(0, -2) for term in (self.losses, self.weights, self.eligibility)
        )
        part: Tensor | float = 1.0  # mean of the shares: exactly 1 where all count 1
        if self.share is not None:
            part = (self.share.sum(dtype=_wide(losses)) / self.share.numel()).to(losses.dtype)
            each = self.share.reshape(-1, 1)
            eligible = eligible * each
            # What is the same everywhere is its own mean.
            same = weights.stride(0) == 0
            weights = (weights[:1] * part).expand_as(weights) if same else weights * each
        if inclusion is None:
            return torch.stack([term.mean(dim=0) for term in (losses, weights, eligible)]) / part
        inclusion = inclusion.flatten(0, -2)
        reached = inclusion > 0
        counted = reached if self.share is None else reached & (each > 0)
        loss = torch.where(reached, losses, 0.0).sum(dim=0) / counted.sum(dim=0).clamp(min=1)
        before = torch.cat([torch.ones_like(inclusion[:, :1]), inclusion[:, :-1]], dim=1)
        left = torch.where(before > 0, eligible / before, 0.0).mean(dim=0)
        return torch.stack([loss, weights.mean(dim=0) / part, left / part])


def same_for_all(losses: Tensor, exit_weights: Tensor, share: Tensor | None = None) -> LossTerms:
    """Terms in which every sample has the same weights, ``[E]``; losses are ``[B, *, E]``."""
    return LossTerms(losses, exit_weights.expand_as(losses), torch.ones_like(losses), share)


def reduced(each: Tensor, share: Tensor | None, reduction: str) -> Tensor:
    """Σ_e w_e · loss_e at each position, ``[B, *]``, as the reduction says."""
    if reduction == "none":
        return each
    if reduction == "sum":
        return each.sum()
    if share is None:
        return each.mean()
    wide = _wide(each)
    return (each.sum(dtype=wide) / share.sum(dtype=wide)).to(each.dtype)


def _wide(like: Tensor) -> torch.dtype:
    """In which to count: halves do not get far."""
    return like.dtype if like.dtype == torch.float64 else torch.float32
