"""Losses of early-exit networks: joint training, HardCGT and SoftCGT (arXiv 2509.17885).

Joint training gives every sample the same weights. The two others weigh the cross-entropy of every
exit per sample:

    loss = mean over the batch of Σ_e w_e · CE_e
    w_e  = λ_e · elig_e + leak          (rows divided by their sum when ``normalize``)
    elig_1 = 1,  elig_e = Π_{k<e} g_k   (g: see :mod:`cgt.nn.gates`)

No gradient flows through the weights. With ``use_labels=False`` a gate does not know the label: the
exit's own prediction stands in for it, so confidence alone closes the gate, right or wrong.

What they take is what :class:`torch.nn.CrossEntropyLoss` takes:

    logits    E tensors [B, C], or dense [B, C, *]: pixels, tokens; each position has its own gates.
              −inf masks a class: its probability is 0.
    targets   classes [B, *] of any integer type; ignore_index counts for nothing.
              Or soft: probabilities of the logits' shape, ≥ 0, with sum 1 over the classes.
    weight    [C], of the classes, multiplies CE.
    reduction of Σ_e w_e · CE_e over the positions [B, *]:
              none  as it is, 0 where ignored;
              sum   0 of an empty batch;
              mean  divided by the number of positions that are not ignored; with ``weight`` by the
                    sum of weight[y] over these; with soft targets by the number of positions,
                    ``weight`` or not. Where that is 0, as for an empty batch, NaN.

With one exit whose weight is 1 all three are torch's.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cgt.nn.checks import (
    as_class_weight,
    as_exit_weights,
    check_class_weight,
    check_classes,
    check_ignore_index,
    check_inclusion,
    check_loss_logits,
    check_non_negative,
    check_probability,
    check_reduction,
    check_same_shape,
    check_soft_targets,
    check_softmax,
    check_targets,
    check_validate,
    check_values,
)
from cgt.nn.cross_entropy import cross_entropies, is_joined, repeated
from cgt.nn.gates import eligibility, hard_gate, residual_gate, true_class
from cgt.nn.terms import LossTerms, reduced, same_for_all


def _quick_dim(logits: Sequence[Tensor]) -> int:
    """Along which dimension exits are put where only their sum is wanted.

    The first saves transposing. Up to four numbers are added in the same order along either, so
    that a loss has the same bits as its terms.
    """
    return 0 if len(logits) <= 4 else -1


class _Seen(NamedTuple):
    """Targets as a loss uses them."""

    targets: Tensor
    """Classes in int64, as given, or probabilities."""
    kept: Tensor | None
    """Boolean ``[B, *]``: not ignored; ``None`` where nothing can be."""

    def aims(self) -> Tensor:
        """The same for the gates: class 0 where the target is ignored."""
        return self.targets if self.kept is None else self.targets * self.kept

    def share(self, weight: Tensor | None) -> Tensor | None:
        """As in :class:`LossTerms`, from weights of the classes."""
        if weight is None or self.targets.is_floating_point():
            return self.kept
        share = weight[self.aims()]
        return share if self.kept is None else share * self.kept


class _ExitLoss(nn.Module):
    """What joint training and the gated losses share: settings, checks, cross-entropies."""

    weight: Tensor | None

    def __init__(
        self,
        label_smoothing: float,
        validate: str,
        weight: Sequence[float] | Tensor | None,
        ignore_index: int,
        reduction: str,
    ) -> None:
        super().__init__()
        self.label_smoothing = check_probability("label_smoothing", label_smoothing)
        self.validate = check_validate(validate)
        self.register_buffer("weight", as_class_weight(weight))
        self.ignore_index = check_ignore_index(ignore_index)
        self.reduction = check_reduction(reduction)

    def _see(self, logits: Sequence[Tensor], targets: Tensor) -> _Seen:
        """Check logits and targets, except for values of logits."""
        full, may_ignore = self.validate == "full", True
        if self.validate != "none":
            check_loss_logits("logits", logits)
            shape = logits[0].shape
            check_targets(targets, shape)
            check_class_weight(self.weight, shape[1])
        if targets.is_floating_point():
            if full:
                check_soft_targets(targets)
            return _Seen(targets, None)
        if full:
            may_ignore = check_classes(targets, shape[1], self.ignore_index)
        targets = targets.long()
        return _Seen(targets, targets != self.ignore_index if may_ignore else None)

    def _losses(self, logits: Sequence[Tensor], seen: _Seen, dim: int) -> Tensor:
        """Cross-entropies with exits along ``dim``; with ``validate="full"`` they are finite."""
        losses = cross_entropies(
            logits, seen.targets, self.label_smoothing, self.weight, self.ignore_index, dim
        )
        if self.validate == "full":
            if seen.kept is not None:  # what is ignored costs nothing, whatever its logits are
                check_softmax("logits", logits)
            check_values(losses, logits, self.label_smoothing, dim)
        return losses

    def _lambdas(
        self,
        exit_weights: Sequence[float] | Tensor | None,
        logits: Sequence[Tensor],
        dim: int = -1,
    ) -> Tensor:
        """λ, so shaped that it multiplies what has exits along ``dim``."""
        full = self.validate == "full"
        lambdas = as_exit_weights(exit_weights, logits[0], len(logits), full)
        return lambdas if dim == -1 else lambdas.view(-1, *[1] * (logits[0].ndim - 1))


class JointLoss(_ExitLoss):
    """Joint training: mean over the batch of Σ_e λ_e · CE_e (BranchyNet, arXiv 1709.01686, III).

    Args:
        label_smoothing: of the cross-entropy, in [0, 1].
        validate: what is checked at each call: ``"full"`` looks at values, which makes a GPU wait;
            ``"shapes"`` looks at types and shapes alone and ``"none"`` at nothing: with these two
            no device waits, and ``torch.compile(loss, fullgraph=True)`` holds.
        weight: of the classes, ``[C]``, finite, ≥ 0, not all zero; moves with the module.
        ignore_index: a target that counts for nothing.
        reduction: what a call returns, ``"mean"``, ``"sum"`` or ``"none"``: see
            :mod:`cgt.nn.losses`.

    Raises:
        ValueError: if one is out of range.
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        validate: str = "full",
        *,
        weight: Sequence[float] | Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(label_smoothing, validate, weight, ignore_index, reduction)

    def forward(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        exit_weights: Sequence[float] | Tensor | None = None,
    ) -> Tensor:
        """Scalar loss, or ``[B, *]`` with ``reduction="none"``. Arguments as in :meth:`terms`."""
        dim, seen = _quick_dim(logits), self._see(logits, targets)
        weighted = self._losses(logits, seen, dim)
        if exit_weights is not None:
            weighted = self._lambdas(exit_weights, logits, dim) * weighted
        return reduced(weighted.sum(dim=dim), seen.share(self.weight), self.reduction)

    def terms(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        exit_weights: Sequence[float] | Tensor | None = None,
    ) -> LossTerms:
        """Losses and weights of a batch.

        Args:
            logits: E floating-point tensors ``[B, C]`` or ``[B, C, *]``, shallow to deep, C ≥ 2;
                finite, or −inf for some of a position's classes.
            targets: ``[B, *]``, integers in 0 … C−1 or ``ignore_index``, none of them a masked
                class; or probabilities shaped like an exit's logits.
            exit_weights: λ, ``[E]``, finite, ≥ 0, not all zero; default ones.

        Raises:
            ValueError: for arguments outside what is said above, as far as ``validate`` looks.
        """
        seen = self._see(logits, targets)
        losses = self._losses(logits, seen, dim=-1)
        lambdas = self._lambdas(exit_weights, logits)
        return same_for_all(losses, lambdas, seen.share(self.weight))


class _ConfidenceGatedLoss(_ExitLoss, ABC):
    def __init__(
        self,
        tau: float,
        leak: float,
        normalize: bool,
        label_smoothing: float,
        use_labels: bool,
        validate: str,
        weight: Sequence[float] | Tensor | None,
        ignore_index: int,
        reduction: str,
    ) -> None:
        super().__init__(label_smoothing, validate, weight, ignore_index, reduction)
        self.tau = check_probability("tau", tau)
        self.leak = check_non_negative("leak", leak)
        self.normalize = bool(normalize)
        self.use_labels = bool(use_labels)

    @abstractmethod
    def gates(self, probabilities: Tensor, targets: Tensor, exits: int) -> Sequence[Tensor]:
        """Gates of ``exits`` exits, each ``[B, *]`` in [0, 1].

        ``probabilities``, ``[exits · B, C, *]``, and ``targets``, ``[exits · B, *]`` int64 or soft,
        hold the exits one after another.
        """

    def forward(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        exit_weights: Sequence[float] | Tensor | None = None,
        gate_logits: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """Scalar loss, or ``[B, *]`` with ``reduction="none"``. Arguments as in :meth:`terms`."""
        dim = _quick_dim(logits)
        terms = self._terms(logits, targets, exit_weights, gate_logits, None, dim)
        weighted = (terms.weights * terms.losses).sum(dim=dim)
        return reduced(weighted, terms.share, self.reduction)

    @torch.no_grad()
    def weights(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        exit_weights: Sequence[float] | Tensor | None = None,
    ) -> Tensor:
        """Weight of each exit's loss at each position, ``[B, E]`` or ``[B, *, E]``, no gradient."""
        seen = self._see(logits, targets)
        if self.validate == "full":
            check_softmax("logits", logits)
        return self._weights(self._eligibility(logits, seen, -1), exit_weights, logits, None, -1)

    @torch.no_grad()
    def next_eligibility(self, logits: Sequence[Tensor], targets: Tensor) -> Tensor:
        """Share of each position, ``[B, *]`` in [0, 1], that these exits leave for the next one.

        Nothing is checked, and nothing may be ignored.
        """
        targets = targets if targets.is_floating_point() else targets.long()
        gates = self._gates(logits, targets)
        return eligibility(gates, first=torch.ones_like(gates[0]))[..., -1]

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
            logits, targets, exit_weights: as in :meth:`JointLoss.terms`.
            gate_logits: what the gates look at, shaped like ``logits``, such as the logits of the
                same samples before augmentation; default ``logits``.
            inclusion: ``[B, E]`` (``[B, *, E]``) in [0, 1], the probability with which a sample was
                selected to reach an exit, 0 where it was not (:mod:`cgt.nn.selective`). Weights are
                divided by it, and are 0 where it is 0. Default ones.

        Raises:
            ValueError: for arguments outside what is said above, as far as ``validate`` looks.
        """
        return self._terms(logits, targets, exit_weights, gate_logits, inclusion, dim=-1)

    def _terms(
        self,
        logits: Sequence[Tensor],
        targets: Tensor,
        exit_weights: Sequence[float] | Tensor | None,
        gate_logits: Sequence[Tensor] | None,
        inclusion: Tensor | None,
        dim: int,
    ) -> LossTerms:
        """The terms with exits along ``dim``."""
        seen = self._see(logits, targets)
        if gate_logits is not None and self.validate != "none":
            check_same_shape("gate_logits", gate_logits, logits)
            if self.validate == "full":
                check_softmax("gate_logits", gate_logits)
        if inclusion is not None and self.validate != "none":
            batch, _, *inside = logits[0].shape
            check_inclusion(inclusion, [batch, *inside, len(logits)], self.validate == "full")
        losses = self._losses(logits, seen, dim)
        with torch.no_grad():
            eligible = self._eligibility(logits if gate_logits is None else gate_logits, seen, dim)
            weights = self._weights(eligible, exit_weights, logits, inclusion, dim)
        return LossTerms(losses, weights, eligible, seen.share(self.weight))

    def _eligibility(self, logits: Sequence[Tensor], seen: _Seen, dim: int) -> Tensor:
        gates = self._gates(logits[:-1], seen.aims())
        if seen.kept is not None:
            return eligibility(gates, seen.kept.to(logits[0].dtype), dim)
        batch, _, *inside = logits[0].shape
        return eligibility(gates, logits[0].new_ones(batch, *inside), dim)

    def _gates(self, logits: Sequence[Tensor], targets: Tensor) -> list[Tensor]:
        """Gates of these exits, each ``[B, *]``."""
        if not logits:
            return []
        if not is_joined(logits):
            return [gate for one in logits for gate in self._gates_of([one], targets)]
        return list(self._gates_of(logits, targets))

    def _gates_of(self, logits: Sequence[Tensor], targets: Tensor) -> Sequence[Tensor]:
        joined = logits[0] if len(logits) == 1 else torch.cat(list(logits))
        probabilities = joined.softmax(dim=1)
        known = self.use_labels
        aims = repeated(targets, len(logits)) if known else probabilities.argmax(dim=1)
        return self.gates(probabilities, aims, len(logits))

    def _weights(
        self,
        eligible: Tensor,
        exit_weights: Sequence[float] | Tensor | None,
        logits: Sequence[Tensor],
        inclusion: Tensor | None,
        dim: int,
    ) -> Tensor:
        if exit_weights is not None:
            eligible = self._lambdas(exit_weights, logits, dim) * eligible
        weights = eligible + self.leak
        if inclusion is not None:
            weights = torch.where(inclusion > 0, weights / inclusion, 0.0)
        if not self.normalize:
            return weights
        total = weights.sum(dim=dim, keepdim=True)
        if self.leak > 0 and inclusion is None:
            return weights / total
        # λ_1 = 0 and leak = 0 can leave a solved sample with no weight at all: it stays at zero.
        return torch.where(total > 0, weights / total, weights)


class HardCGTLoss(_ConfidenceGatedLoss):
    """HardCGT: a sample is closed to deeper exits once an exit is sure and right.

    g = 1 − 1[max p ≥ τ and argmax p = y]; of soft targets, y is the most probable class.

    Args:
        tau: confidence needed to close the gate, in [0, 1].
        leak: added to every weight, ≥ 0, so that no exit is cut off completely.
        normalize: divide the weights of each sample by their sum.
        label_smoothing: of the cross-entropy, in [0, 1].
        use_labels: whether the gate knows them; without, every sure exit closes it, even a wrong
            one.
        validate, weight, ignore_index, reduction: as in :class:`JointLoss`.

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
        *,
        weight: Sequence[float] | Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        gated = (tau, leak, normalize, label_smoothing, use_labels, validate)
        super().__init__(*gated, weight, ignore_index, reduction)

    def gates(self, probabilities: Tensor, targets: Tensor, exits: int) -> Sequence[Tensor]:
        return hard_gate(probabilities, targets, self.tau).chunk(exits)


class SoftCGTLoss(_ConfidenceGatedLoss):
    """SoftCGT: deeper exits learn from a sample as far as its uncertainty is left.

    g = 1 − sigmoid(scale · (p(y) − τ)), or g = 1 − p(y) with ``gate="residual"``; of soft targets,
    p(y) is Σ_c y_c · p_c.

    Args:
        tau: probability of the true class at which the sigmoid gate is half closed, in [0, 1].
        scale: steepness of the sigmoid gate, ≥ 0; the authors' code has 1, which hardly gates.
        leak: added to every weight, ≥ 0.
        normalize: divide the weights of each sample by their sum.
        label_smoothing: of the cross-entropy, in [0, 1].
        gate: ``"sigmoid"`` (the authors' code) or ``"residual"`` (the paper's text; τ and scale
            play no part in it).
        use_labels: whether the gate knows them; without, max p stands where p(y) does above.
        validate, weight, ignore_index, reduction: as in :class:`JointLoss`.

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
        *,
        weight: Sequence[float] | Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        gated = (tau, leak, normalize, label_smoothing, use_labels, validate)
        super().__init__(*gated, weight, ignore_index, reduction)
        self.scale = check_non_negative("scale", scale)
        if gate not in ("sigmoid", "residual"):
            raise ValueError(f"gate is {gate!r}; it must be 'sigmoid' or 'residual'")
        self.form = gate

    def gates(self, probabilities: Tensor, targets: Tensor, exits: int) -> Sequence[Tensor]:
        if self.form == "residual":
            return residual_gate(probabilities, targets).chunk(exits)
        # Sigmoids exit by exit: torch rounds the last few of a tensor differently, so that an
        # exit's gates would hang on how many exits there are.
        over = self.scale * (true_class(probabilities, targets) - self.tau)
        return [1.0 - of_exit.sigmoid() for of_exit in over.chunk(exits)]
