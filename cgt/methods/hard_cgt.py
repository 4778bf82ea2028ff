"""HardCGT: a 0/1 gate. Once an exit is sure and right, deeper exits do not learn from the sample.

Idea:    train deeper exits on what is left to them at inference.
Formula: w_e = λ_e(t) · Π_{k<e} (1 − 1[max p_k ≥ τ and argmax p_k = y]) + leak, rows normalised.
Source:  arXiv 2509.17885, HardCGT; leak, normalisation and the linear λ schedule are in the
         authors' code. Loss: :class:`cgt.nn.losses.HardCGTLoss`.
"""

from dataclasses import dataclass

from torch import Tensor

from cgt.methods.base import Method, Moment, Pass, schedule
from cgt.nn.losses import HardCGTLoss
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.selective import selective_forward
from cgt.nn.terms import LossTerms
from cgt.records.settings import PerExit

CARD = {
    "title": "HardCGT",
    "short": "HardCGT",
    "family": "paper",
    "look": {"color": "#d55e00", "marker": "D"},
    "trains": "jointly, a 0/1 gate per sample",
    "source": "arXiv 2509.17885 and its authors' code",
    "phases": 1,
    "settings": {
        "tau": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
            "meaning": "confidence threshold of the gate during training",
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
        "skip_resolved": {
            "type": "boolean",
            "default": False,
            "meaning": "are deeper stages computed for samples with open gates only? Saves time",
        },
    },
    "space": {
        "tau": {"low": 0.5, "high": 0.95},
        "leak": {"low": 0.001, "high": 0.1, "log": True},
        "normalize": [True, False],
    },
    "published": {"label_smoothing": 0.1},
}


@dataclass
class HardCGT(Method):
    """Hyperparameters of HardCGT.

    tau, leak, normalize, use_labels: see the loss.
    exit_weights_start, exit_weights_end: λ at the start and the end of the training.
    gate_on_unaugmented: the gate sees samples before augmentation (not in the paper).
    skip_resolved: compute deeper stages only for samples whose gates are open; the others carry no
        weight there, not even the leak, and deeper batch norms do not see them (not in the paper).
    """

    tau: float = 0.5
    leak: float = 1e-3
    normalize: bool = True
    exit_weights_start: PerExit = "equal"
    exit_weights_end: PerExit = "equal"
    use_labels: bool = True
    gate_on_unaugmented: bool = False
    skip_resolved: bool = False

    def forward(
        self, network: EarlyExitNetwork, x: Tensor, targets: Tensor, moment: Moment
    ) -> Pass:
        if not self.skip_resolved:
            return super().forward(network, x, targets, moment)
        loss = self._loss()
        logits, inclusion = selective_forward(
            network, x, lambda shallow: loss.next_eligibility(shallow, targets), moment.uniform
        )
        return Pass(logits, inclusion)

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        lambdas = schedule(
            self.exit_weights_start, self.exit_weights_end, len(found.logits), moment.progress
        )
        return self._loss().terms(
            found.logits, targets, lambdas, found.gate_logits, found.inclusion
        )

    def _loss(self) -> HardCGTLoss:
        return HardCGTLoss(
            self.tau, self.leak, self.normalize, self.label_smoothing, self.use_labels, "none"
        )
