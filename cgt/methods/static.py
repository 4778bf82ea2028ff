"""Static: each prefix of the network trained alone. The honest competitor of every early exit.

Idea:    if a budget is known beforehand, one can train an ordinary network of that size. An early-
         exit network earns its keep only where it beats these.
Formula: loss = Σ_e CE_e, where network e is a copy of its own: stages 1 … e with head e. They share
         no weights, and each keeps its own best epoch: it is trained exactly as if it were alone.
Source:  common practice; used so in Shallow-Deep Networks and Zero-Time-Waste.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

from torch import Tensor, nn

from cgt.methods.base import Method, Moment, Pass, Phase, joint_phase
from cgt.nn.cost import cumulative_macs
from cgt.nn.exits import MAX_SOFTMAX, ExitRule
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms

CARD = {
    "title": "Static networks",
    "short": "Static",
    "family": "reference",
    "look": {"color": "#000000", "marker": "P"},
    "trains": "each prefix of the network alone: no early exits, the honest competitor",
    "source": "common practice; Kaya et al., ICML 2019",
    "phases": 1,
    "settings": {},
    "space": {},
}


class SideBySide(EarlyExitNetwork):
    """Networks without shared weights; each sees the input itself."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [head(stage(x)) for stage, head in zip(self.stages, self.heads, strict=True)]

    def infer(
        self,
        x: Tensor,
        threshold: float | Sequence[float] | Tensor,
        rule: ExitRule = MAX_SOFTMAX,
        **options: object,
    ) -> tuple[Tensor, ...]:
        raise NotImplementedError(
            "these networks stand side by side; no sample can go on to the next"
        )


class ByDepth(ExitRule):
    """Exit e of E is as sure of every sample as it is deep: e / E."""

    def __init__(self, exits: int) -> None:
        self.exits = exits

    def decide(self, exit: int, logits: Tensor) -> tuple[Tensor, Tensor]:
        sure = logits.new_full((len(logits),), (exit + 1) / self.exits)
        return sure, logits.argmax(dim=1)


@dataclass
class Static(Method):
    """Exit e is the network of depth e. Its confidence is e / E for every sample.

    So a threshold picks one network for all samples: the most accurate affordable one, where the
    threshold was chosen within a budget.
    """

    def network(self, backbone: EarlyExitNetwork) -> EarlyExitNetwork:
        prefixes = [
            deepcopy(backbone.prefix(depth).backbone())
            for depth in range(1, backbone.num_exits + 1)
        ]
        return SideBySide(
            [nn.Sequential(*prefix.stages) for prefix in prefixes],
            [prefix.heads[0] for prefix in prefixes],
        )

    def phases(self, epochs: int, exits: int) -> tuple[Phase, ...]:
        each = tuple((exit,) for exit in range(exits))
        return (replace(joint_phase(epochs, exits), judged=each),)

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        return self.weighted(found.logits, targets, [1.0] * len(found.logits))

    def rule(self, exits: int) -> ExitRule:
        return ByDepth(exits)

    def macs(self, network: EarlyExitNetwork, input_shape: tuple[int, ...]) -> list[int]:
        alone = zip(network.stages, network.heads, strict=True)
        return [
            cumulative_macs(EarlyExitNetwork([stage], [head]), input_shape)[0]
            for stage, head in alone
        ]
