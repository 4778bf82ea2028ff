"""Self-distillation (BYOT, logits): early exits also learn from the last one's answers.

Idea:    the deepest exit knows most; its probabilities say more than a label does.
Formula: loss = (1 − a) Σ_e CE_e + a T² Σ_{e<n} H(softmax(z_n / T), softmax(z_e / T)),
         H(q, p) = −Σ_c q_c log p_c; summed over classes, mean over the batch. The teacher z_n gets
         no gradient from H. a = 0 is joint training with weights 1.
Source:  Zhang et al., Be Your Own Teacher, ICCV 2019 (arXiv 1905.08094), losses 1 and 2; weights as
         in the public code luanyunteng/pytorch-be-your-own-teacher, train.py: a = 0.1, T = 3.
Reading: the logits' part alone: the paper's third loss, between features, needs adapters and, in
         that code, a weight that depends on the batch size. The last exit counts 1 − a, as in that
         code, and has no teacher. Labels are smoothed in CE, not in H.
Cost:    that of joint training.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from cgt.methods.base import Method, Moment, Pass
from cgt.nn.checks import check_positive
from cgt.nn.cross_entropy import exit_cross_entropy
from cgt.nn.terms import LossTerms

CARD = {
    "title": "Self-distillation (BYOT, logits)",
    "short": "BYOT-logit",
    "family": "field",
    "look": {"color": "#1f3b73", "marker": "H"},
    "trains": "jointly; early exits also learn from the last one's answers",
    "source": "Zhang et al., ICCV 2019 (arXiv 1905.08094), without the loss between features",
    "phases": 1,
    "settings": {
        "distillation": {
            "type": "number",
            "minimum": 0,
            "exclusiveMaximum": 1,
            "default": 0.1,
            "meaning": "share a of the loss that comes from the last exit's answers",
        },
        "temperature": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 100,
            "default": 3.0,
            "meaning": "how much the answers are softened in the distillation",
        },
    },
    "space": {"distillation": [0.1, 0.3, 0.5], "temperature": [3.0, 1.0]},
}


@dataclass
class SelfDistillation(Method):
    """Hyperparameters of self-distillation.

    distillation: a, the share of the loss that comes from the last exit, in [0, 1).
    temperature: T, softens both answers, > 0.
    """

    distillation: float = 0.1
    temperature: float = 3.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.distillation < 1.0:
            raise ValueError(
                f"distillation is {self.distillation}; it must be at least 0 and below 1, for the "
                f"last exit learns from labels alone"
            )
        check_positive("temperature", self.temperature)

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        hard = exit_cross_entropy(found.logits, targets, self.label_smoothing)
        cooled = torch.stack(list(found.logits), dim=1) / self.temperature
        teacher = cooled[:, -1:].detach().softmax(dim=2)
        taught = -(teacher * cooled[:, :-1].log_softmax(dim=2)).sum(dim=2)
        part = self.distillation
        early = (1 - part) * hard[:, :-1] + part * self.temperature**2 * taught
        losses = torch.cat([early, (1 - part) * hard[:, -1:]], dim=1)
        ones = torch.ones_like(losses)
        return LossTerms(losses, ones, ones)
