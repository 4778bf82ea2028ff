"""What a training method decides; :mod:`cgt.training.loop` does the rest, the same for all.

A method is a dataclass of its hyperparameters. It says in which phases the network is trained,
what each exit's loss on each sample is and how much it counts, and how an exit turns logits into an
answer. Where that is not enough it has a network of its own, whose exits may carry values on to the
next (:meth:`cgt.EarlyExitNetwork.answer`), combines gradients by itself, or takes the whole step.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from cgt.nn.checks import as_exit_weights
from cgt.nn.cost import cumulative_macs
from cgt.nn.cross_entropy import exit_cross_entropy
from cgt.nn.exits import MAX_SOFTMAX, ExitRule, judge_all
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms, same_for_all
from cgt.records.settings import PerExit, per_exit


@dataclass(frozen=True)
class Phase:
    """A stretch of training with an optimiser and a learning-rate cycle of its own.

    epochs: ≥ 1.
    exits: the first so many exits are computed.
    stages, heads: numbers (from 0) of those that learn; the others are frozen, batch-norm
        statistics included.
    others: whether modules that a network has besides stages and heads learn.
    judged: groups of exits. Each group keeps the weights of the epoch at which the mean validation
        accuracy of its exits was highest, the later of equal ones: with one group, of all that
        learns; with several, of the stages and heads of its own exits. Default: one group, of the
        heads that learn.
    """

    epochs: int
    exits: int
    stages: tuple[int, ...]
    heads: tuple[int, ...]
    others: bool = True
    judged: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        if not self.judged:
            object.__setattr__(self, "judged", (self.heads,))


class Moment(NamedTuple):
    """Where the training is."""

    progress: float
    """Of the whole training, in [0, 1]."""
    phase: int = 0
    uniform: Tensor | None = None
    """``[B]``, drawn from [0, 1), for methods that select samples; ``None`` for validation."""


@dataclass
class Pass:
    """What a forward pass of a batch gives: logits, and whatever the loss is to know besides.

    logits: of each computed exit, ``[B, C]``.
    inclusion: ``[B, exits]``, where samples were selected (:mod:`cgt.nn.selective`).
    gate_logits: what gates look at instead of ``logits``, set by the loop for methods that ask.
    extra: anything else by name, such as features.
    """

    logits: Sequence[Tensor]
    inclusion: Tensor | None = None
    gate_logits: Sequence[Tensor] | None = None
    extra: dict[str, Any] = field(default_factory=dict)


class Start(NamedTuple):
    """What a method may look at before a phase, and when all are trained."""

    network: EarlyExitNetwork
    """The best of the phase before; at the end, of the last."""
    validate: Callable[[], tuple[Tensor, Tensor]]
    """Logits ``[E, N, C]`` and targets ``[N]`` of the validation split."""
    withheld: Callable[[], tuple[Tensor, Tensor]]
    """The same of the training samples that were withheld (:attr:`Method.withhold`)."""
    epochs: int = 0
    """Of the whole training, all phases together."""
    input_shape: tuple[int, ...] = ()
    """Of one sample, for what is to be counted or built by it (:meth:`Method.macs`)."""


class Optimizer(Protocol):
    """What a method needs of the loop's optimiser."""

    def zero_grad(self) -> None:
        """Forget all gradients."""

    def step(self) -> None:
        """Move along the gradients, at the learning rate of this step."""

    def ahead(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]
    ) -> list[Tensor]:
        """Where a step along ``gradients`` would lead; nothing moves, and gradients flow to them.

        ``parameters`` are some of those that learn; ``None``: one that stays.
        """


class Method(ABC):
    """Base of every method.

    All hooks but :meth:`terms` have a default: joint training of all exits in one phase.
    """

    label_smoothing: float = 0.0
    """Of every exit's cross-entropy; a setting of the dataset, set by the training loop."""
    gate_on_unaugmented: bool = False
    """True: the loop hands :meth:`terms` ``gate_logits``, those of the samples before augmentation
    in evaluation mode, as at inference. They carry no gradient."""
    withhold: float = 0.0
    """Share of the training split, in [0, 1), that is never trained on: for a fit of later phases.
    Which samples these are depends on dataset and seed alone."""
    updates: int = 1
    """How often :meth:`step` moves the parameters: the learning rate's cycle has as many steps."""

    def network(self, backbone: EarlyExitNetwork) -> EarlyExitNetwork:
        """The network to train; by default the whole backbone with all its exits.

        How many classes it tells apart is in ``backbone.num_classes``. What draws random numbers
        here comes after the backbone's own weights.
        """
        return backbone

    def phases(self, epochs: int, exits: int) -> tuple[Phase, ...]:
        """Split ``epochs`` into phases; by default one, with all exits trained jointly.

        Raises:
            ValueError: if there are fewer epochs than phases.
        """
        return (joint_phase(epochs, exits),)

    def start_phase(self, number: int, start: Start) -> None:  # noqa: B027
        """Called before phase ``number`` (from 0), and again when a stopped run resumes in it.

        Then everything is as it was at the phase's start, so that both give the same.
        """

    def finish(self, start: Start) -> None:  # noqa: B027
        """Called once all phases are trained, before the network answers: for a last fit.

        The network is the best of the last phase; what is changed in it here is what is saved.
        """

    def forward(
        self, network: EarlyExitNetwork, x: Tensor, targets: Tensor, moment: Moment
    ) -> Pass:
        """A pass of a batch through the phase's exits. The gradient probe goes through it, too."""
        return Pass(network(x))

    @abstractmethod
    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        """Losses and weights of a batch, each ``[B, exits]``."""

    def backward(self, network: EarlyExitNetwork, terms: LossTerms) -> None:
        """Add the gradients of a batch to the parameters'; by default those of the total loss."""
        terms.total().backward()

    def step(
        self,
        network: EarlyExitNetwork,
        x: Tensor,
        targets: Tensor,
        moment: Moment,
        optimizer: Optimizer,
        see: Callable[[Pass], None],
    ) -> tuple[Pass, LossTerms]:
        """One training step; return what is logged of it.

        ``see`` is to be called with each pass before its loss: the loop adds ``gate_logits``.
        """
        found = self.forward(network, x, targets, moment)
        see(found)
        terms = self.terms(found, targets, moment)
        optimizer.zero_grad()
        self.backward(network, terms)
        optimizer.step()
        return found, terms

    def rule(self, exits: int) -> ExitRule:
        """How each of the ``exits`` answers, from what has been learned so far."""
        return MAX_SOFTMAX

    def decide(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Confidence in [0, 1] and prediction, each ``[E, N]``, from logits ``[E, N, C]``."""
        return judge_all(logits, self.rule(len(logits)))

    def macs(self, network: EarlyExitNetwork, input_shape: tuple[int, ...]) -> list[int]:
        """Multiply–accumulates of one sample that leaves at each exit, ``[E]``."""
        return cumulative_macs(network, input_shape)

    def state(self) -> dict[str, Any]:
        """What the method has learned besides the network: tensors by name, ``None`` if unknown.

        It comes back with the best epoch, and is saved with the network.
        """
        return {}

    def load_state(self, state: dict[str, Any]) -> None:  # noqa: B027  (nor here)
        """Take back what :meth:`state` gave."""

    def weighted(
        self, logits: Sequence[Tensor], targets: Tensor, exit_weights: PerExit
    ) -> LossTerms:
        """Cross-entropy with the same weights for every sample.

        Raises:
            ValueError: unless there is one finite weight ≥ 0 for each exit, and one above 0.
        """
        weights = per_exit("exit_weights", exit_weights, len(logits))
        losses = exit_cross_entropy(logits, targets, self.label_smoothing)
        return same_for_all(losses, as_exit_weights(weights, losses, len(logits)))


def joint_phase(epochs: int, exits: int) -> Phase:
    """All exits, trained and judged together."""
    everything = tuple(range(exits))
    return Phase(epochs, exits, stages=everything, heads=everything)


def schedule(start: PerExit, end: PerExit, exits: int, progress: float) -> list[float]:
    """λ of each exit on the straight line from ``start`` (progress 0) to ``end`` (progress 1).

    Raises:
        ValueError: if one of them does not fit the number of exits.
    """
    first = per_exit("exit_weights_start", start, exits)
    last = per_exit("exit_weights_end", end, exits)
    return [a + (b - a) * progress for a, b in zip(first, last, strict=True)]


def split_epochs(epochs: int, shares: Sequence[float], least: int = 1) -> list[int]:
    """Split ``epochs`` into whole numbers that add up: ``least`` each, the rest by ``shares``.

    Raises:
        ValueError: if there are too few epochs for that.
    """
    if epochs < least * len(shares):
        raise ValueError(
            f"epochs is {epochs}; this method trains in {len(shares)} phases and needs at least "
            f"{least * len(shares)}"
        )
    spare = epochs - least * len(shares)
    exact = [spare * share / sum(shares) for share in shares]
    parts = [int(value) for value in exact]
    by_remainder = sorted(range(len(shares)), key=lambda i: parts[i] - exact[i])
    for index in by_remainder[: spare - sum(parts)]:
        parts[index] += 1
    return [part + least for part in parts]
