"""BranchyNet: all exits trained jointly with fixed weights.

Idea:    add the losses of all exits; every sample trains every exit.
Formula: loss = mean over the batch of Σ_e w_e · CE_e.
Source:  Teerapittayanon, McDanel, Kung: BranchyNet, ICPR 2016 (arXiv 1709.01686), section III.
Reading: at inference all methods here leave by max softmax ≥ τ (the CGT paper's rule); BranchyNet's
         own rule is an entropy threshold. Training starts from scratch, as for every method here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from cgt.methods.base import Method
from cgt.nn.losses import LossTerms

CARD = {
    "title": "BranchyNet",
    "short": "BranchyNet",
    "family": "paper",
    "look": {"color": "#029e73", "marker": "s"},
}


@dataclass
class BranchyNet(Method):
    """exit_weights: w, one number ≥ 0 per exit."""

    exit_weights: Sequence[float] = (1.0, 1.0, 1.0)
    name: ClassVar[str] = "branchynet"

    def terms(self, logits: Sequence[Tensor], targets: Tensor, progress: float) -> LossTerms:
        return self.weighted(logits, targets, self.exit_weights)
