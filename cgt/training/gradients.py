"""How strong each exit's gradient is at each stage, and where it points.

Exits share the stages before them, so their gradients meet there: by norm one sees which exit
dominates, by cosine whether two exits want the same (Kubaty et al., ICML 2025, call the first
gradient dominance).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms


class ExitGradientPair(NamedTuple):
    """Gradient of one exit's weighted loss on one stage, beside another exit's; exits from 1.

    norm: L2 norm of the gradient of ``exit``. cosine: with the gradient of ``other``, in [−1, 1];
    1 where both are the same exit, 0 where either gradient is zero.
    """

    stage: int
    exit: int
    other: int
    norm: float
    cosine: float


class ExitGradients:
    """Gradients of each exit's weighted loss, ``mean over the batch of w_e · CE_e``.

    Args:
        network: every stage and head whose parameters require gradients is looked at.
        terms: losses and weights ``[B, E]`` of the network's logits on a batch.
    """

    def __init__(self, network: EarlyExitNetwork, terms: LossTerms) -> None:
        modules = [*network.stages, *network.heads]
        losses = (terms.weights * terms.losses).mean(dim=0)
        self._stages = len(network.stages)
        self._found = [_gradients(loss, modules) for loss in losses]

    def norms(self) -> Tensor:
        """L2 norm over all stages and heads, ``[E]``; 0 for an exit that learns nothing."""
        return torch.stack(
            [get_total_norm([g for part in found for g in part]) for found in self._found]
        )

    def pairs(self) -> list[ExitGradientPair]:
        """One entry for each stage and each pair of exits that reach it, ``exit ≤ other``."""
        pairs = []
        for stage in range(self._stages):
            vectors = {
                number: torch.cat([gradient.flatten() for gradient in found[stage]])
                for number, found in enumerate(self._found, start=1)
                if number > stage and found[stage]
            }
            for first, a in vectors.items():
                for second, b in vectors.items():
                    if first <= second:
                        cosine = 1.0 if first == second else _cosine(a, b)
                        pairs.append(
                            ExitGradientPair(stage + 1, first, second, float(a.norm()), cosine)
                        )
        return pairs


def _gradients(loss: Tensor, modules: Sequence[nn.Module]) -> list[list[Tensor]]:
    """The loss's gradients on each module; an empty list where it does not depend on it."""
    owned = [[p for p in module.parameters() if p.requires_grad] for module in modules]
    parameters = [parameter for part in owned for parameter in part]
    if not loss.requires_grad:  # a frozen exit hangs on no trainable parameter
        return [[] for _ in modules]
    gradients = iter(torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True))
    taken = [[next(gradients) for _ in part] for part in owned]
    return [[gradient for gradient in part if gradient is not None] for part in taken]


def _cosine(a: Tensor, b: Tensor) -> float:
    scale = float(a.norm() * b.norm())
    # Not `a @ b`: the linear algebra library rounds that by where the vectors lie in memory.
    return min(1.0, max(-1.0, float((a * b).sum()) / scale)) if scale > 0 else 0.0
