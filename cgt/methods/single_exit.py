"""Single exit: the reference without early exits.

Idea:    the backbone with its last classifier alone, trained as an ordinary network.
Formula: loss = CE(last exit).
Source:  common practice; the accuracy that early exits are measured against.
"""

from dataclasses import dataclass

from torch import Tensor

from cgt.methods.base import Method, Moment, Pass
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms

CARD = {
    "title": "Single exit",
    "short": "Single exit",
    "family": "reference",
    "look": {"color": "#7f7f7f", "marker": "X"},
    "trains": "the last one alone",
    "source": "common practice",
    "phases": 1,
    "settings": {},
    "space": {},
}


@dataclass
class SingleExit(Method):
    def network(self, backbone: EarlyExitNetwork) -> EarlyExitNetwork:
        return backbone.backbone()

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        return self.weighted(found.logits, targets, [1.0])
