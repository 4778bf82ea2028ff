"""Cascade Optimization (CO): one stage after the other.

Idea:    train stage 1 with its exit, freeze both, train stage 2 with its exit on the frozen
         features, and so on. The phases share the epochs that other methods spend jointly.
Formula: in phase e, loss = CE_e; parameters and batch-norm statistics of stages < e are frozen.
Source:  named in arXiv 2509.17885 without a definition.
Reading: ours. It is stage-wise training as in Deep Cascade Learning (Marquez, Hare, Niranjan, 2018)
         and the "branch-wise" strategy of the survey by Rahmath et al.
"""

from dataclasses import dataclass

from torch import Tensor

from cgt.methods.base import Method, Moment, Pass, Phase, split_epochs
from cgt.nn.terms import LossTerms
from cgt.records.settings import PerExit, per_exit

CARD = {
    "title": "Cascade Optimization",
    "short": "CO",
    "family": "paper",
    "look": {"color": "#de8f05", "marker": "^"},
    "trains": "one stage after the other, earlier ones frozen; our reading",
    "source": "named in arXiv 2509.17885 without a definition",
    "reading": "ours: stage-wise training, as in Deep Cascade Learning",
    "phases": "exits",
    "settings": {
        "epoch_share": {
            "per_exit": {"exclusiveMinimum": 0},
            "default": "equal",
            "meaning": "how stages share the epochs beyond one for each; whole epochs, so unlike "
            "shares can give the same split of a short schedule",
        },
    },
    "space": {"epoch_share": ["equal", "rising", "falling"]},
}


@dataclass
class Cascade(Method):
    """epoch_share: how stages share the epochs beyond one for each; numbers > 0 per exit."""

    epoch_share: PerExit = "equal"

    def phases(self, epochs: int, exits: int) -> tuple[Phase, ...]:
        parts = split_epochs(epochs, per_exit("epoch_share", self.epoch_share, exits))
        return tuple(Phase(part, e + 1, stages=(e,), heads=(e,)) for e, part in enumerate(parts))

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        return self.weighted(found.logits, targets, [0.0] * (len(found.logits) - 1) + [1.0])
