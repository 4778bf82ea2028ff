"""What a training method decides; :mod:`cgt.training.loop` does the rest, the same for all.

A method is a dataclass of its hyperparameters. It says in which phases the network is trained,
what each exit's loss on each sample is and weighs, and how an exit turns logits into an answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cgt.nn.checks import as_exit_weights
from cgt.nn.cost import cumulative_macs
from cgt.nn.exits import MAX_SOFTMAX, ExitRule
from cgt.nn.losses import LossTerms, exit_cross_entropy, same_for_all
from cgt.nn.network import EarlyExitNetwork
from cgt.records.settings import PerExit, per_exit


@dataclass(frozen=True)
class Phase:
    """A stretch of training with an optimiser and a learning-rate cycle of its own.

    epochs: ≥ 1.
    depth: the first ``depth`` exits are computed.
    trainable: numbers (from 0) of the stages that learn, with their heads; the others are frozen,
        batch-norm statistics included.
    """

    epochs: int
    depth: int
    trainable: tuple[int, ...]


class Method(ABC):
    """Base of every method. ``exits`` is the number of exits of the network it trains."""

    label_smoothing: float = 0.0
    """Of every exit's cross-entropy; a setting of the dataset, set by the training loop."""
    gate_on_unaugmented: bool = False
    """True: the loop also hands :meth:`terms` ``gate_logits``, those of the samples before
    augmentation in evaluation mode, as at inference. They carry no gradient."""

    def network(self, backbone: EarlyExitNetwork) -> EarlyExitNetwork:
        """The network to train; by default the whole backbone with all its exits."""
        return backbone

    def phases(self, epochs: int, exits: int) -> tuple[Phase, ...]:
        """Split ``epochs`` into phases; by default one, with all exits trained jointly.

        Raises:
            ValueError: if there are fewer epochs than phases.
        """
        return (Phase(epochs, exits, tuple(range(exits))),)

    def checkpoint_groups(self, trainable: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Parts of a phase's trainable stages.

        Each part keeps the weights of the epoch at which the mean validation accuracy of its exits
        was highest, the later of equal ones.
        """
        return [trainable]

    def start_phase(  # noqa: B027  (most methods have nothing to do here)
        self, number: int, validate: Callable[[], tuple[Tensor, Tensor]]
    ) -> None:
        """Called before phase ``number`` (from 0).

        ``validate()`` returns logits ``[E, N, C]`` and targets ``[N]`` of the validation split.
        """

    def forward(
        self,
        network: EarlyExitNetwork,
        x: Tensor,
        targets: Tensor,
        progress: float,
        uniform: Tensor,
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Logits of a training batch, and by name what :meth:`terms` is to know besides.

        ``uniform``, ``[B]``, holds numbers drawn from [0, 1) for methods that select samples.
        """
        return network(x), {}

    @abstractmethod
    def terms(self, logits: Sequence[Tensor], targets: Tensor, progress: float) -> LossTerms:
        """Losses and weights of a batch, each ``[B, depth]``; ``progress`` is in [0, 1]."""

    def rule(self, exits: int) -> ExitRule:
        """How each of the ``exits`` answers, from what has been learned so far."""
        return MAX_SOFTMAX

    def decide(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Confidence in [0, 1] and prediction, each ``[E, N]``, from logits ``[E, N, C]``."""
        rule = self.rule(len(logits))
        decided = [rule.decide(exit, of_exit) for exit, of_exit in enumerate(logits)]
        sure, prediction = zip(*decided, strict=True)
        return torch.stack(sure), torch.stack(prediction)

    def macs(self, network: EarlyExitNetwork, input_shape: tuple[int, ...]) -> list[int]:
        """Multiply–accumulates of one sample that leaves at each exit, ``[E]``."""
        return cumulative_macs(network, input_shape)

    def state(self) -> dict[str, Any]:
        """What the method has learned besides the network: tensors by name, ``None`` if unknown."""
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
