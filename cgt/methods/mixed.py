"""Mixed: the backbone first, by its last exit alone; then the whole network jointly.

Idea:    early exits join a trunk that already knows the task, and may still change it.
Formula: phase 1: loss = CE_n, of trunk and last head; phase 2: loss = (1/n) Σ_e CE_e, of all
         weights. Optimiser and learning-rate cycle start anew with phase 2.
Source:  Kubaty et al., How to Train Your Multi-Exit Model?, ICML 2025 (arXiv 2407.14320), training
         regimes, "mixed"; code kamadforge/early-exit-benchmark, methods/early_exit.py.
Reading: in phase 2 the early heads are fresh: phase 1 does not touch them. The last head keeps its
         weights, as in the code, which draws only the attached heads and takes the backbone's own
         output for the last exit. The authors train each phase until it stops getting better;
         here both share the epochs that other methods have, by `first_share`. Its default is the
         authors' even split; 0 leaves out phase 1, which is joint training with weights 1/n. The
         gradient is not clipped.
Cost:    about that of joint training, per epoch: phase 1 computes early heads as well, to show them
         in the history, but no gradient of theirs.
"""

from dataclasses import dataclass

from torch import Tensor

from cgt.methods.base import Method, Moment, Pass, Phase, joint_phase, split_epochs
from cgt.nn.terms import LossTerms

CARD = {
    "title": "Mixed",
    "short": "Mixed",
    "family": "field",
    "look": {"color": "#4eb3d3", "marker": "<"},
    "trains": "the last one and the trunk first, then all jointly",
    "source": "Kubaty et al., ICML 2025 (arXiv 2407.14320)",
    "phases": 2,
    "settings": {
        "first_share": {
            "type": "number",
            "minimum": 0,
            "exclusiveMaximum": 1,
            "default": 0.5,
            "meaning": "share of the epochs for trunk and last exit alone; 0: joint from the start",
        },
    },
    "space": {"first_share": [0.5, 0.25, 0.75]},
}


@dataclass
class Mixed(Method):
    """first_share: share of the epochs for the first phase, in [0, 1); at least one if above 0."""

    first_share: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 <= self.first_share < 1.0:
            raise ValueError(
                f"first_share is {self.first_share}; it must be at least 0 and below 1: the rest "
                f"is for the second phase"
            )

    def phases(self, epochs: int, exits: int) -> tuple[Phase, ...]:
        if self.first_share == 0:
            return super().phases(epochs, exits)
        first, second = split_epochs(epochs, [self.first_share, 1 - self.first_share])
        trunk = Phase(first, exits, stages=tuple(range(exits)), heads=(exits - 1,))
        return trunk, joint_phase(second, exits)

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        exits = len(found.logits)
        if self.first_share > 0 and moment.phase == 0:
            return self.weighted(found.logits, targets, [0.0] * (exits - 1) + [1.0])
        return self.weighted(found.logits, targets, 1 / exits)
