"""Routing: which exit answers for a sample, and how sure it must be."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from cgt.nn.checks import as_thresholds, check_logits
from cgt.nn.features import Features


class ExitRule(ABC):
    """How an exit turns its logits into an answer and how sure it is of it. Exits count from 0."""

    @abstractmethod
    def decide(self, exit: int, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Confidence in [0, 1] and prediction, each ``[B]``, from an exit's logits ``[B, C]``."""

    def decide_one(self, exit: int, logits: Tensor) -> tuple[float, int]:
        """The same for one sample, ``[1, C]``, where every operation of torch counts."""
        confidence, prediction = self.decide(exit, logits)
        return confidence.item(), prediction.item()

    def judge(self, exit: int, logits: Tensor, memory: Features) -> tuple[Tensor, Tensor, Features]:
        """As :meth:`decide`, for rules that remember what a sample's earlier exits said.

        ``memory`` is ``None`` at exit 0, then what the exit before returned: one row a sample.
        """
        return *self.decide(exit, logits), memory

    def judge_one(self, exit: int, logits: Tensor, memory: Features) -> tuple[float, int, Features]:
        """The same for one sample; a rule with a memory overrides it or :meth:`judge` alone."""
        if type(self).judge is ExitRule.judge:
            return *self.decide_one(exit, logits), None
        confidence, prediction, memory = self.judge(exit, logits, memory)
        return confidence.item(), prediction.item(), memory


class MaxSoftmax(ExitRule):
    """Confidence is the largest softmax probability."""

    def decide(self, exit: int, logits: Tensor) -> tuple[Tensor, Tensor]:
        return confidence(logits)

    def decide_one(self, exit: int, logits: Tensor) -> tuple[float, int]:
        (probabilities,) = logits.softmax(dim=1).tolist()
        sure = max(probabilities)
        return sure, probabilities.index(sure)


class KnownClasses(ExitRule):
    """An exit answers for its own classes only.

    Its confidence is the largest softmax probability of a class that it knows. It is 0 where all
    the others together are at least as likely.

    Args:
        known: boolean ``[E, C]``, at least one class for each exit.
    """

    def __init__(self, known: Tensor) -> None:
        self.known = known
        classes = range(known.shape[1])
        self._known = [[c for c in classes if row[c]] for row in known.tolist()]
        self._other = [[c for c in classes if not row[c]] for row in known.tolist()]

    def decide(self, exit: int, logits: Tensor) -> tuple[Tensor, Tensor]:
        known = self.known[exit].to(logits.device)
        probabilities = logits.softmax(dim=1)
        another = probabilities.masked_fill(known, 0.0).sum(dim=1)
        sure, prediction = probabilities.masked_fill(~known, 0.0).max(dim=1)
        return torch.where(sure <= another, 0.0, sure), prediction  # NaN stays NaN

    def decide_one(self, exit: int, logits: Tensor) -> tuple[float, int]:
        (probabilities,) = logits.softmax(dim=1).tolist()
        prediction = max(self._known[exit], key=probabilities.__getitem__)
        sure = probabilities[prediction]
        another = sum([probabilities[c] for c in self._other[exit]])
        return (0.0 if sure <= another else sure), prediction


MAX_SOFTMAX = MaxSoftmax()


def confidence(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Largest softmax probability and its class for ``[..., C]`` logits; each ``[...]``."""
    probability, prediction = logits.softmax(dim=-1).max(dim=-1)
    return probability, prediction


def judge_all(logits: Sequence[Tensor], rule: ExitRule) -> tuple[Tensor, Tensor]:
    """Confidence and prediction of every exit, each ``[E, B]``, if every sample saw them all."""
    judged, memory = [], None
    for exit, exit_logits in enumerate(logits):
        sure, answer, memory = rule.judge(exit, exit_logits, memory)
        judged.append((sure, answer))
    sure, prediction = zip(*judged, strict=True)
    return torch.stack(sure), torch.stack(prediction)


@torch.no_grad()
def route(
    logits: Sequence[Tensor],
    threshold: float | Sequence[float] | Tensor,
    rule: ExitRule = MAX_SOFTMAX,
) -> tuple[Tensor, Tensor]:
    """Send each sample to the first exit whose confidence reaches the threshold.

    Args:
        logits: E tensors ``[B, C]``, shallow to deep, finite.
        threshold: one value in [0, 1] for all exits, or E−1 values. 0 sends everything to exit 1;
            the last exit takes whatever is left.
        rule: what confidence is; by default the largest softmax probability.

    Returns:
        ``exit_index`` and ``prediction``, each ``[B]`` int64; exits count from 0.

    Raises:
        ValueError: for logits or thresholds outside what is said above.
    """
    check_logits(logits)
    thresholds = as_thresholds(threshold, len(logits))
    sure, prediction = judge_all(logits, rule)
    leaves = torch.ones_like(prediction, dtype=torch.bool)
    for index, value in enumerate(thresholds):
        leaves[index] = sure[index] >= value
    # argmax of booleans is not defined in torch; of integers it gives the first of the largest.
    exit_index = leaves.to(torch.int8).argmax(dim=0)
    return exit_index, prediction.gather(0, exit_index.unsqueeze(0)).squeeze(0)


@functools.lru_cache(maxsize=1024)
def rounded_to(value: float, dtype: torch.dtype) -> float:
    """``value`` in the precision of ``dtype``, in which torch compares it with such a tensor."""
    return torch.tensor(value, dtype=dtype).item()
