"""Two-stage, or disjoint: the backbone first; then the early heads on the frozen trunk.

Idea:    early exits are added to a trained network, which they must not harm.
Formula: stage 1: loss = CE_n, of trunk and last head; stage 2: loss = (1/(n−1)) Σ_{e<n} CE_e, of
         the early heads. The rest is frozen then, batch-norm statistics included.
Source:  Kubaty et al., How to Train Your Multi-Exit Model?, ICML 2025 (arXiv 2407.14320), training
         regimes, "disjoint"; as Shallow-Deep Networks' IC-only training (Kaya et al., ICML 2019).
Reading: both stages share the epochs that other methods have, by `first_share`, whose default of
         a half is ours. In stage 2 no head's gradient depends on another's, so each keeps its own
         best epoch. The frozen trunk stays frozen, which the published code's training loop undoes.
Cost:    about two thirds of joint training at an even split: stage 2 has no backward pass through
         the trunk, which is two thirds of its work.
"""

from dataclasses import dataclass

from torch import Tensor

from cgt.methods.base import Method, Moment, Pass, Phase, split_epochs
from cgt.nn.terms import LossTerms

CARD = {
    "title": "Two-stage (disjoint)",
    "short": "Two-stage",
    "family": "field",
    "look": {"color": "#8c510a", "marker": "p"},
    "trains": "the last one and the trunk first, then early heads on the frozen trunk",
    "source": "Kubaty et al., ICML 2025 (arXiv 2407.14320); Kaya et al., ICML 2019",
    "phases": 2,
    "settings": {
        "first_share": {
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1,
            "default": 0.5,
            "meaning": "share of the epochs for trunk and last exit; the rest is for early heads",
        },
    },
    "space": {"first_share": [0.5, 0.7, 0.9]},
}


@dataclass
class TwoStage(Method):
    """first_share: share of the epochs for trunk and last exit, in (0, 1); at least one each."""

    first_share: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 < self.first_share < 1.0:
            raise ValueError(
                f"first_share is {self.first_share}; it must lie between 0 and 1: both stages "
                f"need epochs"
            )

    def phases(self, epochs: int, exits: int) -> tuple[Phase, ...]:
        first, second = split_epochs(epochs, [self.first_share, 1 - self.first_share])
        early = tuple(range(exits - 1))
        return (
            Phase(first, exits, stages=tuple(range(exits)), heads=(exits - 1,)),
            Phase(second, exits, stages=(), heads=early, judged=tuple((exit,) for exit in early)),
        )

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        early = len(found.logits) - 1
        first = [0.0] * early + [1.0]
        second = [1 / early] * early + [0.0]
        return self.weighted(found.logits, targets, first if moment.phase == 0 else second)
