"""SoftCGT: a residual gate. Deeper exits learn from a sample as far as its uncertainty is left.

Idea:    the deep exits' gradient fades with the early exits' success, instead of being cut off.
Formula: w_e = λ_e(t) · Π_{k<e} (1 − sigmoid(scale · (p_k(y) − τ))) + leak, rows normalised;
         with gate="residual": Π_{k<e} (1 − p_k(y)).
Source:  arXiv 2509.17885, SoftCGT; the sigmoid, leak, normalisation and the linear λ schedule are
         in the authors' code. Loss: :class:`cgt.nn.losses.SoftCGTLoss`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cgt.methods.base import Method, Moment, Pass, Phase, schedule
from cgt.nn.checks import check_probability
from cgt.nn.losses import SoftCGTLoss
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.selective import selective_forward
from cgt.nn.terms import LossTerms
from cgt.records.settings import PerExit

CARD = {
    "title": "SoftCGT",
    "short": "SoftCGT",
    "family": "paper",
    "look": {"color": "#0173b2", "marker": "o"},
    "trains": "jointly, a soft gate per sample: sigmoid or residual",
    "source": "arXiv 2509.17885 and its authors' code",
    "phases": 1,
    "settings": {
        "tau": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.9,
            "meaning": "confidence threshold of the gate during training",
        },
        "scale": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 100,
            "default": 1.0,
            "meaning": "steepness of the sigmoid gate",
        },
        "gate": {
            "type": "string",
            "enum": ["sigmoid", "residual"],
            "default": "sigmoid",
            "meaning": "form of the gate",
        },
        "leak": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.001,
            "meaning": "weight every exit keeps on every sample",
        },
        "normalize": {
            "type": "boolean",
            "default": True,
            "meaning": "divide each sample's weights by their sum",
        },
        "exit_weights_start": {
            "per_exit": {"minimum": 0},
            "default": "equal",
            "meaning": "λ of each exit at the first step; linear from there",
        },
        "exit_weights_end": {
            "per_exit": {"minimum": 0},
            "default": "equal",
            "meaning": "λ of each exit at the last step",
        },
        "use_labels": {
            "type": "boolean",
            "default": True,
            "meaning": "does the gate know the labels? If not, confidence alone closes it",
        },
        "gate_on_unaugmented": {
            "type": "boolean",
            "default": False,
            "meaning": "does the gate see samples before augmentation, in evaluation mode?",
        },
        "sample_deep": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.0,
            "needs": {"normalize": False},
            "meaning": "probability of computing deeper stages for a sample that no gate has "
            "closed, the others in proportion to their weights; 0 computes all. Saves time",
        },
    },
    "space": {
        "scale": {"low": 1.0, "high": 20.0, "log": True},
        "leak": {"low": 0.001, "high": 0.1, "log": True},
        "normalize": [True, False],
    },
    "published": {"label_smoothing": 0.1},
}


@dataclass
class SoftCGT(Method):
    """Hyperparameters of SoftCGT.

    tau, scale, gate, leak, normalize, use_labels: see the loss.
    exit_weights_start, exit_weights_end: λ at the start and the end of the training.
    gate_on_unaugmented: the gate sees samples before augmentation (not in the paper).
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
    exit_weights_start: PerExit = "equal"
    exit_weights_end: PerExit = "equal"
    use_labels: bool = True
    gate_on_unaugmented: bool = False
    sample_deep: float = 0.0

    def __post_init__(self) -> None:
        check_probability("sample_deep", self.sample_deep)
        if self.sample_deep and self.normalize:
            raise ValueError(
                f"sample_deep is {self.sample_deep} and normalize is true; deep weights must not "
                f"depend on exits that may not be computed: set normalize to false"
            )

    def phases(self, epochs: int, exits: int) -> tuple[Phase, ...]:
        ends = (self._lambdas(exits, progress) for progress in (0.0, 1.0))
        for exit, (start, end) in enumerate(zip(*ends, strict=True), start=1):
            if self.sample_deep and self.leak == 0 and exit > 1 and start == end == 0:
                raise ValueError(
                    f"sample_deep is {self.sample_deep}, leak is 0 and the weights of exit {exit} "
                    f"are 0; no sample would be drawn to pass it: leak or a weight must be above 0"
                )
        return super().phases(epochs, exits)

    def forward(
        self, network: EarlyExitNetwork, x: Tensor, targets: Tensor, moment: Moment
    ) -> Pass:
        if not self.sample_deep:
            return super().forward(network, x, targets, moment)
        loss, lambdas = self._loss(), self._lambdas(network.num_exits, moment.progress)

        def chances(shallow: Sequence[Tensor]) -> Tensor:
            """In proportion to the weight at the next exit; `sample_deep` for the largest one."""
            largest = lambdas[len(shallow)] + self.leak
            weight = lambdas[len(shallow)] * loss.next_eligibility(shallow, targets) + self.leak
            return self.sample_deep * weight / largest if largest > 0 else torch.zeros_like(weight)

        logits, inclusion = selective_forward(network, x, chances, moment.uniform)
        return Pass(logits, inclusion)

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        lambdas = self._lambdas(len(found.logits), moment.progress)
        return self._loss().terms(
            found.logits, targets, lambdas, found.gate_logits, found.inclusion
        )

    def _lambdas(self, exits: int, progress: float) -> list[float]:
        return schedule(self.exit_weights_start, self.exit_weights_end, exits, progress)

    def _loss(self) -> SoftCGTLoss:
        return SoftCGTLoss(
            self.tau,
            self.scale,
            self.leak,
            self.normalize,
            self.label_smoothing,
            self.gate,
            self.use_labels,
            "none",
        )
