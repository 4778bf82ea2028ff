"""CGT+: ours, not the paper's. What was tried to make confidence gating win.

Idea:    HardCGT and SoftCGT take training signal from the deep exits. Three remedies, each by
         itself or together: gate weights divided by their batch mean, so that hard samples count
         more and no exit starves; exits that also learn from the mean of their answers; early exits
         that pull less at the stages they share with deeper ones.
Formula: w_e = λ_e · (1 − s + s · elig_e / mean elig_e),
         elig_e = Π_{k<e} (1 − sigmoid(scale · (p_k(y) − τ))),
         loss_e = (1 − d) · CE_e + d · T² · KL(softmax(z̄ / T) ‖ softmax(z_e / T)),
         z̄ the mean of the exits' logits, which gets no gradient;
         the gradient of loss_e, e < E, is multiplied by r where it leaves head e for its stage.
         s = 0, d = 0, r = 1 is BranchyNet.
Source:  gates: arXiv 2509.17885. Distillation between exits: Zhang et al., "Be Your Own Teacher",
         ICCV 2019, with the mean of the exits in place of the deepest. Scaled gradients: Li et al.,
         "Improved Techniques for Training Adaptive Deep Networks", ICCV 2019, with one factor.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import kl_div

from cgt.methods.base import Method, Moment, Pass
from cgt.nn.checks import as_exit_weights, check_positive, check_probability
from cgt.nn.losses import SoftCGTLoss
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms
from cgt.records.settings import PerExit, per_exit

CARD = {
    "title": "CGT+ (ours)",
    "short": "CGT+ (ours)",
    "family": "ours",
    "look": {"color": "#882255", "marker": ">"},
    "trains": "jointly; a gate that keeps each exit's share, distillation between exits, early "
    "exits that pull less; in the ablation only",
    "source": "ours",
    "phases": 1,
    "settings": {
        "exit_weights": {
            "per_exit": {"minimum": 0},
            "default": "equal",
            "meaning": "weight of each exit's loss",
        },
        "strength": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
            "meaning": "how far the gate, divided by its batch mean, steers the weights",
        },
        "tau": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
            "meaning": "confidence threshold of the gate",
        },
        "scale": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 100,
            "default": 10.0,
            "meaning": "steepness of the gate",
        },
        "distillation": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
            "meaning": "share of the loss that comes from the mean of the exits' answers",
        },
        "temperature": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 100,
            "default": 3.0,
            "meaning": "how much the answers are softened in the distillation",
        },
        "gradient_scale": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 1.0,
            "meaning": "part of an early exit's gradient that reaches the shared stages",
        },
    },
    "space": {"strength": [0.5, 0.0, 1.0], "distillation": [0.5, 0.0]},
}


@dataclass
class CGTPlus(Method):
    """Hyperparameters of CGT+.

    exit_weights: λ, the weight of each exit's loss.
    strength: s, how far the gate steers the weights, in [0, 1].
    tau, scale: of the gate, see :class:`cgt.nn.losses.SoftCGTLoss`.
    distillation: d, the share of the loss that comes from the exits' mean, in [0, 1].
    temperature: T, softens both answers in the distillation, > 0.
    gradient_scale: r, the part of an early exit's gradient that reaches the shared stages, in
        [0, 1].
    """

    exit_weights: PerExit = "equal"
    strength: float = 0.5
    tau: float = 0.5
    scale: float = 10.0
    distillation: float = 0.5
    temperature: float = 3.0
    gradient_scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("strength", "distillation", "gradient_scale"):
            check_probability(name, getattr(self, name))
        check_positive("temperature", self.temperature)

    def forward(
        self, network: EarlyExitNetwork, x: Tensor, targets: Tensor, moment: Moment
    ) -> Pass:
        if self.gradient_scale == 1:
            return super().forward(network, x, targets, moment)
        logits = []
        for number, (stage, head) in enumerate(zip(network.stages, network.heads, strict=True), 1):
            x = stage(x)
            last = number == network.num_exits
            logits.append(
                head(
                    x if last else self.gradient_scale * x + (1 - self.gradient_scale) * x.detach()
                )
            )
        return Pass(logits)

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        gated = SoftCGTLoss(
            self.tau, self.scale, 0.0, False, self.label_smoothing, validate="none"
        ).terms(found.logits, targets)
        share = gated.eligibility / gated.eligibility.mean(dim=0).clamp_min(1e-3)
        lambdas = as_exit_weights(
            per_exit("exit_weights", self.exit_weights, len(found.logits)), share, len(found.logits)
        )
        weights = lambdas * (1 - self.strength + self.strength * share)
        taught = self._taught(found.logits)
        losses = (1 - self.distillation) * gated.losses + self.distillation * taught
        return LossTerms(losses, weights, gated.eligibility)

    def _taught(self, logits: Sequence[Tensor]) -> Tensor:
        """T² · KL between the exits' mean and each exit, ``[B, E]``, in nats."""
        cooled = torch.stack(list(logits), dim=1) / self.temperature
        teacher = cooled.detach().mean(dim=1, keepdim=True).log_softmax(dim=2)
        student = cooled.log_softmax(dim=2)
        divergence = kl_div(student, teacher.expand_as(student), reduction="none", log_target=True)
        return self.temperature**2 * divergence.sum(dim=2)
