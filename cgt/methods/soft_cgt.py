"""SoftCGT: a residual gate. Deeper exits learn from a sample as far as its uncertainty is left.

Idea:    the deep exits' gradient fades with the early exits' success, instead of being cut off.
Formula: w_e = λ_e(t) · Π_{k<e} (1 − sigmoid(scale · (p_k(y) − τ))) + leak, rows normalised;
         with gate="residual": Π_{k<e} (1 − p_k(y)).
Source:  arXiv 2509.17885, SoftCGT; the sigmoid, leak, normalisation and the linear λ schedule are
         in the authors' code. Loss: :class:`cgt.nn.losses.SoftCGTLoss`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from cgt.methods.base import Method, interpolate
from cgt.nn.checks import check_probability
from cgt.nn.losses import LossTerms, SoftCGTLoss
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.selective import selective_forward

CARD = {
    "title": "SoftCGT",
    "short": "SoftCGT",
    "family": "paper",
    "look": {"color": "#0173b2", "marker": "o"},
}


@dataclass
class SoftCGT(Method):
    """Hyperparameters of SoftCGT.

    tau, scale, gate, leak, normalize, labels: see the loss.
    exit_weights_start, exit_weights_end: λ at the start and the end of the training.
    clean_gate: the gate sees samples before augmentation (not in the paper).
    sample_deep: compute deeper stages only for a random part of the batch, a sample with a
        probability in proportion to its weight there, and weigh by its inverse: weights without
        bias, though deeper batch norms see the drawn samples only. It is the probability, in
        [0, 1], of a sample that no gate has closed at all; 0 computes the whole batch. Needs
        ``normalize=False`` (not in the paper).
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
    sample_deep: float = 0.0
    name: ClassVar[str] = "soft_cgt"

    def __post_init__(self) -> None:
        check_probability("sample_deep", self.sample_deep)
        if self.sample_deep and self.normalize:
            raise ValueError(
                f"sample_deep is {self.sample_deep} and normalize is true; deep weights must not "
                f"depend on exits that may not be computed: set normalize to false"
            )
        weights = zip(self.exit_weights_start, self.exit_weights_end, strict=True)
        for exit, (start, end) in enumerate(weights, start=1):
            if self.sample_deep and self.leak == 0 and exit > 1 and start == end == 0:
                raise ValueError(
                    f"sample_deep is {self.sample_deep}, leak is 0 and the weights of exit {exit} "
                    f"are 0; no sample would be drawn to pass it: leak or a weight must be above 0"
                )

    def forward(
        self,
        network: EarlyExitNetwork,
        x: Tensor,
        targets: Tensor,
        progress: float,
        draw: Tensor,
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        if not self.sample_deep:
            return super().forward(network, x, targets, progress, draw)
        loss, lambdas = self._loss(), self._lambdas(progress)

        def chances(shallow: Sequence[Tensor]) -> Tensor:
            """In proportion to the weight at the next exit; `sample_deep` for the largest one."""
            largest = lambdas[len(shallow)] + self.leak
            weight = lambdas[len(shallow)] * loss.remaining(shallow, targets) + self.leak
            return self.sample_deep * weight / largest if largest > 0 else torch.zeros_like(weight)

        logits, inclusion = selective_forward(network, x, chances, draw)
        return logits, {"inclusion": inclusion}

    def terms(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        progress: float,
        gate_logits: Sequence[Tensor] | None = None,
        inclusion: Tensor | None = None,
    ) -> LossTerms:
        lambdas = self._lambdas(progress)
        return self._loss().terms(logits, targets, lambdas, gate_logits, inclusion)

    def _lambdas(self, progress: float) -> list[float]:
        return interpolate(self.exit_weights_start, self.exit_weights_end, progress)

    def _loss(self) -> SoftCGTLoss:
        return SoftCGTLoss(
            self.tau,
            self.scale,
            self.leak,
            self.normalize,
            self.label_smoothing,
            self.gate,
            self.labels,
        )
