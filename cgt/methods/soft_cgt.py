"""SoftCGT: a residual gate. Deeper exits learn from a sample as far as its uncertainty is left.

Idea:    the deep exits' gradient fades with the early exits' success, instead of being cut off.
Formula: w_e = λ_e(t) · Π_{k<e} (1 − sigmoid(scale · (p_k(y) − τ))) + leak, rows normalised;
         with gate="residual": Π_{k<e} (1 − p_k(y)).
Source:  arXiv 2509.17885, SoftCGT; the sigmoid, leak, normalisation and the linear λ schedule are
         in the authors' code. Loss: :class:`cgt.losses.SoftCGTLoss`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from cgt.losses import LossTerms, SoftCGTLoss
from cgt.methods.base import Method, interpolate


@dataclass
class SoftCGT(Method):
    """Hyperparameters of SoftCGT.

    tau, scale, gate, leak, normalize, labels: see the loss.
    exit_weights_start, exit_weights_end: λ at the first and the last step.
    clean_gate: the gate sees samples before augmentation (not in the paper).
    """

    tau: float = 0.9
    scale: float = 1.0
    gate: str = "sigmoid"
    leak: float = 1e-3
    normalize: bool = True
    exit_weights_start: Sequence[float] = (1.0, 1.0, 1.0)
    exit_weights_end: Sequence[float] = (1.0, 1.0, 1.0)
    labels: bool = True
    clean_gate: bool = False
    name: ClassVar[str] = "soft_cgt"

    def terms(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        progress: float,
        gate_logits: Sequence[Tensor] | None = None,
    ) -> LossTerms:
        loss = SoftCGTLoss(
            self.tau,
            self.scale,
            self.leak,
            self.normalize,
            self.label_smoothing,
            self.gate,
            self.labels,
        )
        lambdas = interpolate(self.exit_weights_start, self.exit_weights_end, progress)
        return loss.terms(logits, targets, lambdas, gate_logits)
