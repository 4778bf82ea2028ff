"""BranchyNet: all exits trained jointly with fixed weights.

Idea:    add the losses of all exits; every sample trains every exit.
Formula: loss = mean over the batch of Σ_e w_e · CE_e.
Source:  Teerapittayanon, McDanel, Kung: BranchyNet, ICPR 2016 (arXiv 1709.01686), section III.
Reading: at inference all methods here leave by max softmax ≥ τ (the CGT paper's rule); BranchyNet's
         own rule is an entropy threshold. Training starts from scratch, as for every method here.
"""

from dataclasses import dataclass

from torch import Tensor

from cgt.methods.base import Method, Moment, Pass
from cgt.nn.terms import LossTerms
from cgt.records.settings import PerExit

CARD = {
    "title": "BranchyNet",
    "short": "BranchyNet",
    "family": "paper",
    "look": {"color": "#029e73", "marker": "s"},
    "trains": "jointly, fixed weights",
    "source": "Teerapittayanon et al., ICPR 2016, section III",
    "phases": 1,
    "settings": {
        "exit_weights": {
            "per_exit": {"minimum": 0},
            "default": "equal",
            "meaning": "weight of each exit's loss, shallow to deep",
        },
    },
    "space": {"exit_weights": ["equal", "falling", "rising"]},
}


@dataclass
class BranchyNet(Method):
    """exit_weights: w, numbers ≥ 0 per exit (:mod:`cgt.records.settings`)."""

    exit_weights: PerExit = "equal"

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        return self.weighted(found.logits, targets, self.exit_weights)
