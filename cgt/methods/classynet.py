"""ClassyNet: early exits answer for selected classes only.

Idea:    the easiest classes go to early exits. Exit e knows the classes C_1 ⊂ C_2 ⊂ … ⊂ C_E = all
         and has one answer more, "another class", for the rest.
Formula: loss = mean over the batch of Σ_e −log q_e, where q_e = p_e(y) if y ∈ C_e and
         q_e = Σ_{c ∉ C_e} p_e(c) otherwise. An exit may answer only where "another class" does not
         win: elsewhere its confidence is 0.
Source:  Ayyat, Nadeem, Krawczyk: ClassyNet, IEEE Internet of Things Journal 11(9), 2024,
         doi 10.1109/JIOT.2023.3344120. Only the abstract is public.
Reading: ours. Class sets are nested; classes are ordered by their validation recall at exit 1
         after a joint warm-up over all classes, which is part of the same number of epochs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cgt.methods.base import Method, Moment, Pass, Phase, Start, joint_phase, split_epochs
from cgt.nn.exits import ExitRule, KnownClasses
from cgt.nn.terms import LossTerms
from cgt.records.settings import PerExit, early_shares

CARD = {
    "title": "ClassyNet",
    "short": "ClassyNet",
    "family": "paper",
    "look": {"color": "#cc78bc", "marker": "v"},
    "trains": "jointly; early exits know selected classes; our reading",
    "source": "Ayyat et al., IEEE IoT-J 11(9), 2024 (abstract)",
    "reading": "ours: nested class sets, ordered by validation recall after a joint warm-up",
    "phases": 2,
    "settings": {
        "warmup": {
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1,
            "default": 0.3,
            "meaning": "share of the epochs trained jointly on all classes first",
        },
        "class_share": {
            "per_exit": {"exclusiveMinimum": 0, "maximum": 1},
            "early": True,
            "not_falling": True,
            "default": "rising",
            "meaning": "share of the classes that each exit before the last knows",
        },
    },
    "space": {"warmup": [0.3, 0.5], "class_share": ["rising", 0.7]},
}


@dataclass
class ClassyNet(Method):
    """Hyperparameters of ClassyNet.

    warmup: share of the epochs in the joint warm-up, in (0, 1).
    class_share: share of the classes that exits 1 … E−1 know, in (0, 1], not decreasing.
    """

    warmup: float = 0.3
    class_share: PerExit = "rising"
    known: Tensor | None = field(default=None, init=False, repr=False)
    """Boolean ``[E, C]``: which classes each exit knows; ``None`` during the warm-up."""

    def __post_init__(self) -> None:
        if not 0.0 < self.warmup < 1.0:
            raise ValueError(f"warmup is {self.warmup}; it must lie between 0 and 1")

    def phases(self, epochs: int, exits: int) -> tuple[Phase, ...]:
        self._shares(exits)  # refused before the training, not within
        parts = split_epochs(epochs, [self.warmup, 1.0 - self.warmup])
        return tuple(joint_phase(part, exits) for part in parts)

    def start_phase(self, number: int, start: Start) -> None:
        if number == 1:
            logits, targets = start.validate()
            self.known = nested_classes(
                logits[0].argmax(dim=1), targets, logits.shape[2], self._shares(len(logits))
            )

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        if self.known is None:
            return self.weighted(found.logits, targets, "equal")
        losses = torch.stack(
            [
                coarse_cross_entropy(exit_logits, targets, known, self.label_smoothing)
                for exit_logits, known in zip(found.logits, self.known, strict=True)
            ],
            dim=1,
        )
        ones = torch.ones_like(losses)
        return LossTerms(losses, ones, ones)

    def rule(self, exits: int) -> ExitRule:
        return super().rule(exits) if self.known is None else KnownClasses(self.known)

    def _shares(self, exits: int) -> list[float]:
        """Share of the classes that each exit knows, shallow to deep; the last knows all."""
        shares = [*early_shares("class_share", self.class_share, exits), 1.0]
        if sorted(shares) != shares or min(shares) <= 0:
            raise ValueError(f"class_share is {shares[:-1]}; it must rise within (0, 1]")
        return shares

    def state(self) -> dict[str, Any]:
        return {"known": self.known}

    def load_state(self, state: dict[str, Any]) -> None:
        self.known = state["known"]


def nested_classes(
    predictions: Tensor, targets: Tensor, num_classes: int, shares: Sequence[float]
) -> Tensor:
    """Boolean ``[E, C]``: exit e knows the ``shares[e]`` of classes with the highest recall.

    ``predictions`` and ``targets`` are ``[N]``; each exit knows at least one class. Ties go to the
    lower class number.
    """
    hits = torch.bincount(targets[predictions == targets], minlength=num_classes)
    recall = hits / torch.bincount(targets, minlength=num_classes).clamp(min=1)
    rank = recall.argsort(descending=True, stable=True).argsort()
    counts = torch.tensor([max(1, round(share * num_classes)) for share in shares])
    return rank.unsqueeze(0) < counts.unsqueeze(1)


def coarse_cross_entropy(
    logits: Tensor, targets: Tensor, known: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy over the known classes and one that stands for all others; ``[B]``, in nats.

    ``logits`` ``[B, C]``, ``targets`` ``[B]``, ``known`` boolean ``[C]``.
    """
    if known.all():
        return F.cross_entropy(logits, targets, reduction="none", label_smoothing=label_smoothing)
    log_p = logits.log_softmax(dim=1)
    another = log_p[:, ~known].logsumexp(dim=1, keepdim=True)
    groups = torch.cat([log_p[:, known], another], dim=1)
    group_of = torch.where(known, known.cumsum(dim=0) - 1, known.sum())
    return F.nll_loss(groups, group_of[targets], reduction="none") * (1 - label_smoothing) - (
        label_smoothing * groups.mean(dim=1)
    )
