"""Routing: which exit answers for a sample."""

from collections.abc import Sequence

import torch
from torch import Tensor

from cgt.validation import as_thresholds, check_logits


def confidence(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Largest softmax probability and its class for ``[..., C]`` logits; each ``[...]``."""
    probability, prediction = logits.softmax(dim=-1).max(dim=-1)
    return probability, prediction


@torch.no_grad()
def route(
    logits: Sequence[Tensor], threshold: float | Sequence[float] | Tensor
) -> tuple[Tensor, Tensor]:
    """Send each sample to the first exit whose largest softmax probability reaches the threshold.

    Args:
        logits: E tensors ``[B, C]``, shallow to deep, finite.
        threshold: one value in [0, 1] for all exits, or E−1 values. 0 sends everything to exit 1;
            the last exit takes whatever is left.

    Returns:
        ``exit_index`` and ``prediction``, each ``[B]`` int64; exits count from 0.

    Raises:
        ValueError: for logits or thresholds outside what is said above.
    """
    check_logits(logits)
    thresholds = as_thresholds(threshold, len(logits))
    probability, prediction = confidence(torch.stack(list(logits)))
    leaves = torch.ones_like(prediction, dtype=torch.bool)
    for index, value in enumerate(thresholds):
        leaves[index] = probability[index] >= value
    # argmax of booleans is not defined in torch; of integers it gives the first of the largest.
    exit_index = leaves.to(torch.int8).argmax(dim=0)
    return exit_index, prediction.gather(0, exit_index.unsqueeze(0)).squeeze(0)
