"""HardCGT: a 0/1 gate. Once an exit is sure and right, deeper exits do not learn from the sample.

Idea:    train deeper exits on what is left to them at inference.
Formula: w_e = λ_e(t) · Π_{k<e} (1 − 1[max p_k ≥ τ and argmax p_k = y]) + leak, rows normalised.
Source:  arXiv 2509.17885, HardCGT; leak, normalisation and the linear λ schedule are in the
         authors' code. Loss: :class:`cgt.nn.losses.HardCGTLoss`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from cgt.methods.base import Method, interpolate
from cgt.nn.losses import HardCGTLoss, LossTerms
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.selective import selective_forward

CARD = {
    "title": "HardCGT",
    "short": "HardCGT",
    "family": "paper",
    "look": {"color": "#d55e00", "marker": "D"},
}


@dataclass
class HardCGT(Method):
    """Hyperparameters of HardCGT.

    tau, leak, normalize, labels: see the loss.
    exit_weights_start, exit_weights_end: λ at the start and the end of the training.
    clean_gate: the gate sees samples before augmentation (not in the paper).
    skip_resolved: compute deeper stages only for samples whose gates are open; the others carry no
        weight there, not even the leak, and deeper batch norms do not see them (not in the paper).
    """

    tau: float = 0.5
    leak: float = 1e-3
    normalize: bool = True
    exit_weights_start: Sequence[float] = (1.0, 1.0, 1.0)
    exit_weights_end: Sequence[float] = (1.0, 1.0, 1.0)
    labels: bool = True
    clean_gate: bool = False
    skip_resolved: bool = False
    name: ClassVar[str] = "hard_cgt"

    def forward(
        self,
        network: EarlyExitNetwork,
        x: Tensor,
        targets: Tensor,
        progress: float,
        draw: Tensor,
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        if not self.skip_resolved:
            return super().forward(network, x, targets, progress, draw)
        loss = self._loss()
        logits, inclusion = selective_forward(
            network, x, lambda shallow: loss.remaining(shallow, targets), draw
        )
        return logits, {"inclusion": inclusion}

    def terms(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        progress: float,
        gate_logits: Sequence[Tensor] | None = None,
        inclusion: Tensor | None = None,
    ) -> LossTerms:
        lambdas = interpolate(self.exit_weights_start, self.exit_weights_end, progress)
        return self._loss().terms(logits, targets, lambdas, gate_logits, inclusion)

    def _loss(self) -> HardCGTLoss:
        return HardCGTLoss(self.tau, self.leak, self.normalize, self.label_smoothing, self.labels)
