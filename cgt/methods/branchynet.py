"""BranchyNet: all exits trained jointly with fixed weights.

Idea:    add the losses of all exits; every sample trains every exit.
Formula: loss = mean over the batch of Σ_e w_e(t) · CE_e; w is fixed, or moves on a straight line.
Source:  Teerapittayanon, McDanel, Kung: BranchyNet, ICPR 2016 (arXiv 1709.01686), section III.
Reading: at inference all methods here leave by max softmax ≥ τ (the CGT paper's rule); BranchyNet's
         own rule is an entropy threshold. Training starts from scratch, as for every method here.
         Weights that move are ours: joint training at the schedule of HardCGT or SoftCGT, to see
         what their gates do apart from it.
"""

from dataclasses import dataclass

from torch import Tensor

from cgt.methods.base import Method, Moment, Pass, schedule
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
        "exit_weights_end": {
            "per_exit": {"minimum": 0},
            "default": None,
            "meaning": "weights at the last step, linear from `exit_weights`; none: they stay",
        },
    },
    "space": {"exit_weights": ["equal", "falling", "rising"]},
}


@dataclass
class BranchyNet(Method):
    """exit_weights: w, numbers ≥ 0 per exit (:mod:`cgt.records.settings`).

    exit_weights_end: w at the end of the training, on a straight line from ``exit_weights``; None:
        they do not move.
    """

    exit_weights: PerExit = "equal"
    exit_weights_end: PerExit | None = None

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        weights = self.exit_weights
        if self.exit_weights_end is not None:
            exits = len(found.logits)
            weights = schedule(weights, self.exit_weights_end, exits, moment.progress)
        return self.weighted(found.logits, targets, weights)
