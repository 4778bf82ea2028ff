"""Cascade Optimization (CO): one stage after the other.

Idea:    train stage 1 with its exit, freeze both, train stage 2 with its exit on the frozen
         features, and so on. The phases share the epochs that other methods spend jointly.
Formula: in phase e, loss = CE_e; parameters and batch-norm statistics of stages < e are frozen.
Source:  named in arXiv 2509.17885 without a definition.
Reading: ours. It is stage-wise training as in Deep Cascade Learning (Marquez, Hare, Niranjan, 2018)
         and the "branch-wise" strategy of the survey by Rahmath et al.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from cgt.methods.base import Method, Phase, split_epochs
from cgt.nn.losses import LossTerms

CARD = {
    "title": "Cascade Optimization",
    "short": "CO",
    "family": "paper",
    "look": {"color": "#de8f05", "marker": "^"},
}


@dataclass
class Cascade(Method):
    """epoch_share: how stages share the epochs beyond one for each; one number > 0 per exit."""

    epoch_share: Sequence[float] = (1.0, 1.0, 1.0)
    name: ClassVar[str] = "cascade"

    def phases(self, epochs: int, exits: int) -> tuple[Phase, ...]:
        if len(self.epoch_share) != exits:
            raise ValueError(
                f"epoch_share is {list(self.epoch_share)}; one number per exit, {exits}, is needed"
            )
        parts = split_epochs(epochs, self.epoch_share)
        return tuple(Phase(part, e + 1, trainable=(e,)) for e, part in enumerate(parts))

    def terms(self, logits: Sequence[Tensor], targets: Tensor, progress: float) -> LossTerms:
        return self.weighted(logits, targets, [0.0] * (len(logits) - 1) + [1.0])
