"""Losses of early-exit networks: joint training, HardCGT and SoftCGT (arXiv 2509.17885).

Joint training gives every sample the same weights. The two others weigh the cross-entropy of every
exit per sample:

    loss = mean over the batch of Σ_e w_e · CE_e
    w_e  = λ_e · elig_e + leak          (rows divided by their sum when ``normalize``)
    elig_1 = 1,  elig_e = Π_{k<e} g_k   (g: see :mod:`cgt.nn.gates`)

No gradient flows through the weights. With ``use_labels=False`` a gate does not know the label: the
exit's own prediction stands in for it, so confidence alone closes the gate, right or wrong.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgt.nn.checks import (
    as_exit_weights,
    check_inclusion,
    check_logits,
    check_non_negative,
    check_probability,
    check_same_shape,
    check_targets,
    check_validate,
)
from cgt.nn.gates import eligibility, hard_gate, residual_gate, sigmoid_gate


class LossTerms(NamedTuple):
    """What a batch contributes, before it is summed. All are ``[B, E]``."""

    losses: Tensor
    """Loss of each exit on each sample, in nats."""
    weights: Tensor
    """Its weight; carries no gradient."""
    eligibility: Tensor
    """Share of the sample that earlier exits left over, in [0, 1]."""

    def total(self) -> Tensor:
        """Scalar: mean over the batch of Σ_e w_e · loss_e."""
        return (self.weights * self.losses).sum(dim=1).mean()

    @torch.no_grad()
    def means(self, inclusion: Tensor | None = None) -> Tensor:
        """Mean loss, weight and eligibility of each exit over the batch, ``[3, E]``.

        ``inclusion`` as in :meth:`SoftCGTLoss.terms`: where samples were selected, the loss is the
        mean over those that reached the exit (0 if none did), and the eligibility, which is known
        as far as the exit before was reached, is estimated from these.
        """
        if inclusion is None:
            return torch.stack([term.mean(dim=0) for term in self])
        reached = inclusion > 0
        loss = torch.where(reached, self.losses, 0.0).sum(dim=0) / reached.sum(dim=0).clamp(min=1)
        before = torch.cat([torch.ones_like(inclusion[:, :1]), inclusion[:, :-1]], dim=1)
        eligible = torch.where(before > 0, self.eligibility / before, 0.0).mean(dim=0)
        return torch.stack([loss, self.weights.mean(dim=0), eligible])


def exit_cross_entropy(
    logits: Sequence[Tensor], targets: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy of each exit on each sample, ``[B, E]``, in nats."""
    return torch.stack(
        [
            F.cross_entropy(exit_logits, targets, reduction="none", label_smoothing=label_smoothing)
            for exit_logits in logits
        ],
        dim=1,
    )


def same_for_all(losses: Tensor, exit_weights: Tensor) -> LossTerms:
    """Terms in which every sample has the same weights, ``[E]``; losses are ``[B, E]``."""
    return LossTerms(losses, exit_weights.expand_as(losses), torch.ones_like(losses))


def _check(validate: str, logits: Sequence[Tensor], targets: Tensor) -> None:
    if validate != "none":
        check_logits(logits, finite=validate == "full")
        check_targets(targets, *logits[0].shape, values=validate == "full")


class JointLoss(nn.Module):
    """Joint training: mean over the batch of Σ_e λ_e · CE_e (BranchyNet, arXiv 1709.01686, III).

    Args:
        label_smoothing: of the cross-entropy, in [0, 1].
        validate: what is checked at each call: ``"full"`` looks at values, which makes a GPU wait,
            ``"shapes"`` does not, ``"none"`` checks nothing.

    Raises:
        ValueError: if one is out of range.
    """

    def __init__(self, label_smoothing: float = 0.0, validate: str = "full") -> None:
        super().__init__()
        self.label_smoothing = check_probability("label_smoothing", label_smoothing)
        self.validate = check_validate(validate)

    def forward(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        exit_weights: Sequence[float] | Tensor | None = None,
    ) -> Tensor:
        """Scalar loss. Arguments as in :meth:`terms`."""
        return self.terms(logits, targets, exit_weights).total()

    def terms(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        exit_weights: Sequence[float] | Tensor | None = None,
    ) -> LossTerms:
        """Losses and weights of a batch.

        Args:
            logits: E tensors ``[B, C]``, shallow to deep, finite.
            targets: ``[B]`` int64 in 0 … C−1.
            exit_weights: λ, ``[E]``, finite, ≥ 0, not all zero; default ones.

        Raises:
            ValueError: for arguments outside what is said above.
        """
        _check(self.validate, logits, targets)
        losses = exit_cross_entropy(logits, targets, self.label_smoothing)
        return same_for_all(losses, as_exit_weights(exit_weights, losses, len(logits)))


class _ConfidenceGatedLoss(nn.Module, ABC):
    def __init__(
        self,
        tau: float,
        leak: float,
        normalize: bool,
        label_smoothing: float,
        use_labels: bool,
        validate: str,
    ) -> None:
        super().__init__()
        self.tau = check_probability("tau", tau)
        self.leak = check_non_negative("leak", leak)
        self.normalize = bool(normalize)
        self.label_smoothing = check_probability("label_smoothing", label_smoothing)
        self.use_labels = bool(use_labels)
        self.validate = check_validate(validate)

    @abstractmethod
    def gate(self, probabilities: Tensor, targets: Tensor) -> Tensor:
        """Gate of one exit, ``[B]`` in [0, 1]; ``probabilities`` are ``[B, C]``."""

    def forward(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        exit_weights: Sequence[float] | Tensor | None = None,
        gate_logits: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """Scalar loss. Arguments as in :meth:`terms`."""
        return self.terms(logits, targets, exit_weights, gate_logits).total()

    def weights(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        exit_weights: Sequence[float] | Tensor | None = None,
    ) -> Tensor:
        """Weight of each exit's loss on each sample, ``[B, E]``, without gradient."""
        lambdas = self._checked(logits, targets, exit_weights)
        return self._weights(self._eligibility(logits, targets), lambdas)

    @torch.no_grad()
    def next_eligibility(self, logits: Sequence[Tensor], targets: Tensor) -> Tensor:
        """Share of each sample, ``[B]`` in [0, 1], that these exits leave for the next one."""
        gates = self._gates(logits, targets)
        return eligibility(gates, first=logits[0].new_ones(len(targets)))[:, -1]

    def terms(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        exit_weights: Sequence[float] | Tensor | None = None,
        gate_logits: Sequence[Tensor] | None = None,
        inclusion: Tensor | None = None,
    ) -> LossTerms:
        """Losses, weights and eligibility of a batch.

        Args:
            logits: E tensors ``[B, C]``, shallow to deep, finite.
            targets: ``[B]`` int64 in 0 … C−1.
            exit_weights: λ, ``[E]``, finite, ≥ 0, not all zero; default ones.
            gate_logits: what the gates look at, shaped like ``logits``, such as the logits of the
                same samples before augmentation; default ``logits``.
            inclusion: ``[B, E]`` in [0, 1], the probability with which a sample was selected to
                reach an exit, 0 where it was not (:mod:`cgt.nn.selective`). Weights are divided by
                it, and are 0 where it is 0. Default ones.

        Raises:
            ValueError: for arguments outside what is said above.
        """
        lambdas = self._checked(logits, targets, exit_weights)
        if gate_logits is not None and self.validate != "none":
            check_same_shape("gate_logits", gate_logits, logits)
        eligible = self._eligibility(logits if gate_logits is None else gate_logits, targets)
        if inclusion is not None and self.validate == "full":
            check_inclusion(inclusion, len(targets), len(logits))
        losses = exit_cross_entropy(logits, targets, self.label_smoothing)
        return LossTerms(losses, self._weights(eligible, lambdas, inclusion), eligible)

    def _checked(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        exit_weights: Sequence[float] | Tensor | None,
    ) -> Tensor:
        _check(self.validate, logits, targets)
        return as_exit_weights(exit_weights, logits[0], len(logits))

    @torch.no_grad()
    def _eligibility(self, logits: Sequence[Tensor], targets: Tensor) -> Tensor:
        gates = self._gates(logits[:-1], targets)
        return eligibility(gates, first=logits[0].new_ones(len(targets)))

    def _gates(self, logits: Sequence[Tensor], targets: Tensor) -> list[Tensor]:
        gates = []
        for exit_logits in logits:
            probabilities = exit_logits.softmax(dim=1)
            aim = targets if self.use_labels else probabilities.argmax(dim=1)
            gates.append(self.gate(probabilities, aim))
        return gates

    @torch.no_grad()
    def _weights(
        self, eligible: Tensor, lambdas: Tensor, inclusion: Tensor | None = None
    ) -> Tensor:
        weights = lambdas * eligible + self.leak
        if inclusion is not None:
            weights = torch.where(inclusion > 0, weights / inclusion, 0.0)
        if not self.normalize:
            return weights
        total = weights.sum(dim=1, keepdim=True)
        # λ_1 = 0 and leak = 0 can leave a solved sample with no weight at all: it stays at zero.
        return torch.where(total > 0, weights / total, weights)


class HardCGTLoss(_ConfidenceGatedLoss):
    """HardCGT: a sample is closed to deeper exits once an exit is sure and right.

    g = 1 − 1[max p ≥ τ and argmax p = y].

    Args:
        tau: confidence needed to close the gate, in [0, 1].
        leak: added to every weight, ≥ 0, so that no exit is cut off completely.
        normalize: divide the weights of each sample by their sum.
        label_smoothing: of the cross-entropy, in [0, 1].
        use_labels: whether the gate knows them; without, every sure exit closes it, even a wrong
            one.
        validate: as in :class:`JointLoss`.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        tau: float = 0.5,
        leak: float = 1e-3,
        normalize: bool = True,
        label_smoothing: float = 0.0,
        use_labels: bool = True,
        validate: str = "full",
    ) -> None:
        super().__init__(tau, leak, normalize, label_smoothing, use_labels, validate)

    def gate(self, probabilities: Tensor, targets: Tensor) -> Tensor:
        return hard_gate(probabilities, targets, self.tau)


class SoftCGTLoss(_ConfidenceGatedLoss):
    """SoftCGT: deeper exits learn from a sample as far as its uncertainty is left.

    g = 1 − sigmoid(scale · (p(y) − τ)), or g = 1 − p(y) with ``gate="residual"``.

    Args:
        tau: probability of the true class at which the sigmoid gate is half closed, in [0, 1].
        scale: steepness of the sigmoid gate, ≥ 0; the authors' code has 1, which hardly gates.
        leak: added to every weight, ≥ 0.
        normalize: divide the weights of each sample by their sum.
        label_smoothing: of the cross-entropy, in [0, 1].
        gate: ``"sigmoid"`` (the authors' code) or ``"residual"`` (the paper's text; τ and scale
            play no part in it).
        use_labels: whether the gate knows them; without, max p stands where p(y) does above.
        validate: as in :class:`JointLoss`.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        tau: float = 0.9,
        scale: float = 1.0,
        leak: float = 1e-3,
        normalize: bool = True,
        label_smoothing: float = 0.0,
        gate: str = "sigmoid",
        use_labels: bool = True,
        validate: str = "full",
    ) -> None:
        super().__init__(tau, leak, normalize, label_smoothing, use_labels, validate)
        self.scale = check_non_negative("scale", scale)
        if gate not in ("sigmoid", "residual"):
            raise ValueError(f"gate is {gate!r}; it must be 'sigmoid' or 'residual'")
        self.form = gate

    def gate(self, probabilities: Tensor, targets: Tensor) -> Tensor:
        if self.form == "residual":
            return residual_gate(probabilities, targets)
        return sigmoid_gate(probabilities, targets, self.tau, self.scale)
