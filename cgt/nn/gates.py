"""Gates: how much of a sample an exit leaves for the deeper exits to learn.

A gate is 0 when the exit has dealt with the sample and 1 when it has not. All functions are pure,
take probabilities of one exit, ``[B, C]`` or dense ``[B, C, *]``, and return ``[B]`` or ``[B, *]``:
a pixel has a gate of its own. Targets are classes ``[B, *]``, int64 in 0 … C−1, or soft:
probabilities shaped like those of the exit. Then p(y) is Σ_c y_c · p_c, and the right class is the
most probable one of the target, the first of equals.
Source: Confidence-Gated Training, arXiv 2509.17885; the hard and the sigmoid form follow the code
that its authors published.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def hard_gate(probabilities: Tensor, targets: Tensor, tau: float) -> Tensor:
    """1 − 1[max p ≥ τ and argmax p = y]: closed only by an exit that is sure and right."""
    right = targets.argmax(dim=1) if targets.is_floating_point() else targets
    confidence, prediction = probabilities.max(dim=1)
    resolved = (confidence >= tau) & (prediction == right)
    return 1.0 - resolved.to(probabilities.dtype)


def sigmoid_gate(probabilities: Tensor, targets: Tensor, tau: float, scale: float) -> Tensor:
    """1 − sigmoid(scale · (p(y) − τ)): a soft step at τ.

    At ``scale=1`` its range is narrow (0.475 … 0.711 for τ = 0.9); a larger scale gates harder.
    """
    return 1.0 - torch.sigmoid(scale * (true_class(probabilities, targets) - tau))


def residual_gate(probabilities: Tensor, targets: Tensor) -> Tensor:
    """1 − p(y): the uncertainty that is left, without a threshold."""
    return 1.0 - true_class(probabilities, targets)


def true_class(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Probability given to the true class, ``[B, *]``; of soft targets Σ_c y_c · p_c."""
    if targets.is_floating_point():
        return (targets * probabilities).sum(dim=1)
    return probabilities.gather(1, targets.unsqueeze(1)).squeeze(1)


def eligibility(gates: Sequence[Tensor], first: Tensor, dim: int = -1) -> Tensor:
    """elig_e = Π_{k<e} g_k, with elig_1 = 1.

    ``gates`` are those of exits 1 … E−1, each ``[B, *]``; ``first`` is a ``[B, *]`` tensor of ones,
    or of zeros where nothing is to be learned: elig_1. Returns ``[B, *, E]``,
    or exits along ``dim``.
    """
    return torch.stack([first, *gates], dim=dim).cumprod(dim=dim)
