"""Single exit: the reference without early exits.

Idea:    the backbone with its last classifier alone, trained as an ordinary network.
Formula: loss = CE(last exit).
Source:  common practice; the accuracy that early exits are measured against.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from cgt.methods.base import Method
from cgt.nn.losses import LossTerms
from cgt.nn.network import EarlyExitNetwork

CARD = {
    "title": "Single exit",
    "short": "Single exit",
    "family": "reference",
    "look": {"color": "#7f7f7f", "marker": "X"},
}


@dataclass
class SingleExit(Method):
    name: ClassVar[str] = "single_exit"

    def network(self, backbone: EarlyExitNetwork) -> EarlyExitNetwork:
        return backbone.backbone()

    def terms(self, logits: Sequence[Tensor], targets: Tensor, progress: float) -> LossTerms:
        return self.weighted(logits, targets, [1.0])
