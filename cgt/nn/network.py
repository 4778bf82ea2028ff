"""A network with a classifier after each of its stages."""

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cgt.nn.checks import as_thresholds
from cgt.nn.exits import MAX_SOFTMAX, ExitRule, rounded_to
from cgt.nn.features import Features, check_rows, select, tensors_of

_NAMED = 5
"""How many samples a message names."""


class ExitOutput(NamedTuple):
    """What one stage and its exit give, for the samples that reach them."""

    features: Features
    """What the next stage takes."""
    logits: Tensor
    """``[B, C]``."""
    carried: Features
    """What the next exit builds on; ``None`` if on nothing."""


class EarlyExitNetwork(nn.Module):
    """Stages in a chain, each followed by a head that can answer.

    ``num_classes`` is the length of the logits where it is known; :func:`cgt.networks.build` says
    it, and methods that add modules ask for it.

    Args:
        stages: E modules; stage e turns the features of stage e−1 into its own.
        heads: E modules; head e turns the features of stage e into logits ``[B, C]``.

    Raises:
        ValueError: if there are no stages or not as many heads as stages.
    """

    num_classes: int | None = None

    def __init__(self, stages: Sequence[nn.Module], heads: Sequence[nn.Module]) -> None:
        super().__init__()
        if len(stages) == 0 or len(stages) != len(heads):
            raise ValueError(
                f"{len(stages)} stages and {len(heads)} heads; as many heads as stages are needed, "
                f"and at least one"
            )
        self.stages = nn.ModuleList(stages)
        self.heads = nn.ModuleList(heads)

    @property
    def num_exits(self) -> int:
        return len(self.stages)

    def forward(self, x: Features) -> list[Tensor]:
        """Logits ``[B, C]`` of every exit, shallow to deep."""
        return [step.logits for step in self.steps(x)]

    def steps(self, x: Features) -> Iterator[ExitOutput]:
        """One :class:`ExitOutput` for each exit, shallow to deep; every sample goes all the way."""
        carried = None
        for exit in range(self.num_exits):
            step = self.step(exit, x, carried)
            yield step
            x, carried = step.features, step.carried

    def step(self, exit: int, x: Features, carried: Features = None) -> ExitOutput:
        """A stage and its exit, on what the one before has handed on and carried.

        Training, inference, cost, export and device all go through here.
        """
        features = self.stages[exit](x)
        logits, carried = self.answer(exit, features, carried)
        return ExitOutput(features, logits, carried)

    def answer(self, exit: int, features: Features, carried: Features) -> tuple[Tensor, Features]:
        """Logits of an exit, counted from 0, and what it carries on to the next one.

        Here the head alone answers, and nothing is carried. A network whose exits build on each
        other overrides this: ``carried`` is ``None`` at exit 0, then what the exit before returned,
        a tensor ``[B, ...]`` or a tuple, list or dict of such.
        """
        return self.heads[exit](features), None

    def infer(
        self,
        x: Features,
        threshold: float | Sequence[float] | Tensor,
        rule: ExitRule = MAX_SOFTMAX,
        *,
        confidence: bool = False,
        invalid: str = "raise",
    ) -> tuple[Tensor, ...]:
        """Answer each sample at its exit and compute deeper stages only for those still in.

        The same answers as :func:`cgt.route` on the full logits, if these are finite. Runs in
        evaluation mode and leaves the mode as it was; keeps no gradients.

        Args:
            x: ``[B, ...]``, B ≥ 1, of any type that the first stage takes; or a tuple, list or dict
                of such.
            threshold: as in :func:`cgt.route`.
            rule: as in :func:`cgt.route`.
            confidence: return that of each answer, too.
            invalid: what happens to a sample that is left to the last exit and whose logits there
                are not finite: ``"raise"``, or ``"mark"`` it by exit and prediction −1.

        Returns:
            ``exit_index`` and ``prediction``, each ``[B]`` int64; exits count from 0. With
            ``confidence`` a third tensor, ``[B]``.

        Raises:
            ValueError: for bad thresholds; for logits that are not ``[B, C]``; for a stage that
                hands on anything but one row for each sample; for samples without an answer,
                naming them.
        """
        if invalid not in ("raise", "mark"):
            raise ValueError(f"invalid is {invalid!r}; it must be 'raise' or 'mark'")
        # The last exit takes whatever is left, however unsure it is.
        thresholds = [*as_thresholds(threshold, self.num_exits), -math.inf]
        if not _is_training(self):
            found, left = self._infer(x, thresholds, rule)
        else:
            with evaluation_mode(self):
                found, left = self._infer(x, thresholds, rule)
        if left and invalid == "raise":
            raise ValueError(_not_finite(left))
        return found if confidence else found[:2]

    def _infer(
        self, x: Features, thresholds: list[float], rule: ExitRule
    ) -> tuple[tuple[Tensor, Tensor, Tensor], list[int]]:
        """Exit, prediction and confidence, and the samples that got none."""
        first = tensors_of(x)[0]
        if len(first) == 1:
            with torch.inference_mode():
                answered = self._infer_one(x, thresholds, rule)
            # Made out here, tensors are ordinary ones, which may take part in training.
            found = tuple(torch.full((1,), value, device=first.device) for value in answered)
            return found, [0] if answered[0] < 0 else []
        exit_index = torch.full((len(first),), -1, dtype=torch.int64, device=first.device)
        prediction = exit_index.clone()
        confidence = torch.full((len(first),), math.nan, device=first.device)
        found = exit_index, prediction, confidence
        with torch.inference_mode():
            return found, self._infer_batch(x, thresholds, rule, *found)

    def _infer_one(
        self, x: Features, thresholds: list[float], rule: ExitRule
    ) -> tuple[int, int, float]:
        carried = memory = None
        for exit, threshold in enumerate(thresholds):
            x, logits, carried = self.step(exit, x, carried)
            _check_flat(exit, logits)
            sure, answer, memory = rule.judge_one(exit, logits, memory)
            if sure >= rounded_to(threshold, logits.dtype):
                return exit, answer, sure
        return -1, -1, math.nan

    def _infer_batch(
        self,
        x: Features,
        thresholds: list[float],
        rule: ExitRule,
        exit_index: Tensor,
        prediction: Tensor,
        confidence: Tensor,
    ) -> list[int]:
        """Fill in the last three; return the samples that no exit takes.

        Every exit answers for all that reach it; later exits overwrite those that go on.
        """
        still_in = None  # everybody
        size, carried, memory = len(exit_index), None, None
        for exit, threshold in enumerate(thresholds):
            x, logits, carried = self.step(exit, x, carried)
            check_rows((x, carried, logits), size, f"stage {exit + 1}")
            _check_flat(exit, logits)
            sure, answer, memory = rule.judge(exit, logits, memory)
            leaves = sure >= threshold
            goes_on = (~leaves).nonzero().squeeze(1)
            if still_in is None and len(goes_on) == 0:
                exit_index.fill_(exit)
                prediction.copy_(answer)
                confidence.copy_(sure)
                return []
            out = leaves.nonzero().squeeze(1)
            place = out if still_in is None else still_in[out]
            exit_index[place] = exit
            prediction[place] = answer[out]
            confidence[place] = sure[out].to(confidence.dtype)
            size = len(goes_on)
            if size == 0:
                return []
            if len(out):
                x, carried, memory = select((x, carried, memory), goes_on)
                still_in = goes_on if still_in is None else still_in[goes_on]
        return (torch.arange(size) if still_in is None else still_in).tolist()

    def prefix(self, depth: int) -> "EarlyExitNetwork":
        """The first ``depth`` stages and heads as a network of their own; modules are shared."""
        if not 1 <= depth <= self.num_exits:
            raise ValueError(f"depth is {depth}; it must be in 1 … {self.num_exits}")
        shorter = copy.copy(self)  # whatever else a network has stays with it
        shorter._modules = {
            **self._modules,
            "stages": nn.ModuleList(self.stages[:depth]),
            "heads": nn.ModuleList(self.heads[:depth]),
        }
        return shorter

    def backbone(self) -> "EarlyExitNetwork":
        """The network with its last exit alone; modules are shared."""
        return EarlyExitNetwork([nn.Sequential(*self.stages)], [self.heads[-1]])


@contextmanager
def evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Evaluate within the block; afterwards every module is in the mode it was in before."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _is_training(network: nn.Module) -> bool:
    """Whether any part of the network is in training mode."""
    # Inference on one sample asks: `modules()` takes many times as long.
    if network.training:
        return True
    found = [network._modules]
    for children in found:
        for module in children.values():
            if module is not None:  # a place for a module that is not taken
                if module.training:
                    return True
                if module._modules:
                    found.append(module._modules)
    return False


def _check_flat(exit: int, logits: Tensor) -> None:
    if logits.ndim != 2:
        raise ValueError(
            f"logits of exit {exit + 1} have shape {list(logits.shape)}; [B, C] is needed, since a "
            f"sample leaves as a whole: `cgt.route` answers each pixel of dense logits as a row"
        )


def _not_finite(rows: Sequence[int]) -> str:
    """What to say of samples that no exit could answer for."""
    named = ", ".join(map(str, rows[:_NAMED])) + (", …" if len(rows) > _NAMED else "")
    return (
        f"logits of the last exit hold NaN or infinity for {len(rows)} samples (rows {named}); "
        f"they must be finite; invalid='mark' answers the others"
    )
