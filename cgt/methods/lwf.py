"""Learning without Forgetting (LwF): exits added one by one, without spoiling those before.

Idea:    a new exit may change the stages it shares with exits that are already trained, but these
         shall go on answering as they did.
Formula: phase 0: loss = CE_n, of trunk and last head. Phase m = 1 … n−1, shallow to deep:
         loss = CE_m + rho · Σ_v KL(p_v ‖ p*_v), v = 1 … m−1 and n, of stages 1 … m and head m. All
         else is frozen. p* are the answers of the network as phase m found it, p those of today:
         KL(p ‖ p*) = Σ_c p_c log(p_c / p*_c), at temperature 1, mean over the batch.
Source:  Zniber, Karrakchou, Ghogho: Balancing Stability and Plasticity in Sequentially Trained
         Early-Exiting Neural Networks, 2026 (arXiv 2605.05358), equations 1 to 4; the authors'
         other remedy, elastic weight consolidation, is not here. Their rho is 0.7 for ResNet-34 and
         0.2 for MSDNet; 0 is plain sequential training.
Reading: phases share the epochs that other methods have: `warmup` of them, by default half, for
         phase 0 and the rest in equal parts, where the authors stop early. Each phase keeps the
         epoch at which the exits of its loss are most accurate on average. Batch-norm statistics
         follow the weights where stages learn and are fixed elsewhere; ours. The teacher answers in
         evaluation mode, for the same augmented samples. Mixup, CutMix and the authors' optimiser
         are left out, as for every method here.
Cost:    at most 1.2 times joint training at the default shares: with rho > 0 there is a forward
         pass of the teacher, too, from phase 1 on. Frozen stages need no gradient of their weights,
         which can make up for it.
"""

from copy import deepcopy
from dataclasses import dataclass, field

import torch
from torch import Tensor

from cgt.methods.base import Method, Moment, Pass, Phase, Start, split_epochs
from cgt.nn.checks import check_non_negative
from cgt.nn.cross_entropy import exit_cross_entropy
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms, same_for_all

CARD = {
    "title": "Learning without Forgetting (LwF)",
    "short": "LwF",
    "family": "field",
    "look": {"color": "#9e9d24", "marker": "$\\diamondsuit$"},
    "trains": "the last one and the trunk first, then one by one; trained ones keep their answers",
    "source": "Zniber et al., 2026 (arXiv 2605.05358), equations 1 to 4",
    "phases": "exits",
    "settings": {
        "rho": {
            "type": "number",
            "minimum": 0,
            "default": 0.7,
            "meaning": "weight of keeping the answers of exits trained before; 0: plain sequential",
        },
        "warmup": {
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1,
            "default": 0.5,
            "meaning": "share of the epochs for trunk and last exit, before early ones are added",
        },
    },
    "space": {"rho": [0.7, 0.2, 2.0], "warmup": [0.5, 0.7]},
}


@dataclass
class LearningWithoutForgetting(Method):
    """Hyperparameters of LwF.

    rho: weight of each trained exit's divergence from its answers before the phase, ≥ 0.
    warmup: share of the epochs for trunk and last exit, in (0, 1); every phase has at least one.
    """

    rho: float = 0.7
    warmup: float = 0.5
    teacher: EarlyExitNetwork | None = field(default=None, init=False, repr=False, compare=False)
    """The network as the phase found it, frozen; ``None`` where nothing is to be kept."""

    def __post_init__(self) -> None:
        check_non_negative("rho", self.rho)
        if not 0.0 < self.warmup < 1.0:
            raise ValueError(
                f"warmup is {self.warmup}; it must lie between 0 and 1: all phases need epochs"
            )

    def phases(self, epochs: int, exits: int) -> tuple[Phase, ...]:
        each = (1 - self.warmup) / max(exits - 1, 1)
        first, *parts = split_epochs(epochs, [self.warmup, *[each] * (exits - 1)])
        last = exits - 1
        trunk = Phase(first, exits, stages=tuple(range(exits)), heads=(last,))
        added = [
            Phase(
                part,
                exits,
                stages=tuple(range(exit + 1)),
                heads=(exit,),
                judged=((*range(exit + 1), last),),
            )
            for exit, part in enumerate(parts)
        ]
        return trunk, *added

    def start_phase(self, number: int, start: Start) -> None:
        kept = number > 0 and self.rho > 0
        self.teacher = deepcopy(start.network).eval().requires_grad_(False) if kept else None

    def forward(
        self, network: EarlyExitNetwork, x: Tensor, targets: Tensor, moment: Moment
    ) -> Pass:
        found = super().forward(network, x, targets, moment)
        if self.teacher is not None:
            with torch.no_grad():
                found.extra["before"] = self.teacher(x)
        return found

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        losses = list(exit_cross_entropy(found.logits, targets, self.label_smoothing).unbind(1))
        weights = [0.0] * len(losses)
        weights[moment.phase - 1] = 1.0  # the new exit; in phase 0 the last one
        if "before" in found.extra:  # validation has logits alone
            for exit in (*range(moment.phase - 1), len(losses) - 1):
                losses[exit] = _divergence(found.logits[exit], found.extra["before"][exit])
                weights[exit] = self.rho
        stacked = torch.stack(losses, dim=1)
        return same_for_all(stacked, stacked.new_tensor(weights))


def _divergence(logits: Tensor, before: Tensor) -> Tensor:
    """KL(p ‖ p*), ``[B]``, in nats, from logits ``[B, C]`` of now and before."""
    now = logits.log_softmax(dim=1)
    return (now.exp() * (now - before.log_softmax(dim=1))).sum(dim=1)
