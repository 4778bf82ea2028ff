"""Training passes that compute a stage only for part of the batch, as inference does."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from cgt.nn.features import Features, select
from cgt.nn.network import EarlyExitNetwork


def selective_forward(
    network: EarlyExitNetwork,
    x: Features,
    chances: Callable[[Sequence[Tensor]], Tensor],
    uniform: Tensor,
) -> tuple[list[Tensor], Tensor]:
    """Logits of every exit, with each stage computed for the samples that reach it.

    Samples are selected with a probability and later weighed by its inverse, so that sums over the
    selected ones estimate, without bias, sums over all. A sample that does not go on is not seen by
    the batch normalisation of deeper stages either.

    Args:
        network: in whatever mode; E exits.
        x: ``[B, ...]``.
        chances: from the logits of the exits so far, each ``[B, C]``, the probability ``[B]`` in
            [0, 1] that a sample reaches the next exit. Rows of samples that stopped are ignored.
        uniform: ``[B]``, drawn from [0, 1): a sample goes on while it is below its chance.

    Returns:
        logits: E tensors ``[B, C]``, zero where a sample did not get to.
        inclusion: ``[B, E]``, the probability with which a sample reached an exit, 0 if it did not.
    """
    index = torch.arange(len(uniform), device=uniform.device)
    logits: list[Tensor] = []
    inclusion = [torch.ones_like(uniform)]
    carried = None
    for exit in range(network.num_exits):
        if len(index) == 0:
            logits.append(torch.zeros_like(logits[-1]))
        else:
            x, answered, carried = network.step(exit, x, carried)
            logits.append(_spread(answered, index, len(uniform)))
        if exit + 1 == network.num_exits:
            break
        with torch.no_grad():
            chance = torch.minimum(inclusion[-1], chances(logits))
            goes_on = uniform < chance
            inclusion.append(torch.where(goes_on, chance, 0.0))
        kept = goes_on[index].nonzero().squeeze(1)
        if len(kept) < len(index):
            (x, carried), index = select((x, carried), kept), index[kept]
    return logits, torch.stack(inclusion, dim=1)


def _spread(rows: Tensor, index: Tensor, size: int) -> Tensor:
    """Put ``rows`` at ``index`` of a tensor of zeros with ``size`` rows."""
    if len(index) == size:
        return rows
    return rows.new_zeros(size, rows.shape[1]).index_copy(0, index, rows)
