"""A network with a classifier after each of its stages."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cgt.nn.checks import as_thresholds
from cgt.nn.exits import MAX_SOFTMAX, ExitRule, rounded_to

# The last exit takes every sample that has a confidence at all.
_NOT_FINITE = "logits of the last exit hold NaN or infinity; they must be finite"


class EarlyExitNetwork(nn.Module):
    """Stages in a chain, each followed by a head that can answer.

    Args:
        stages: E modules; stage e turns the features of stage e−1 into its own.
        heads: E modules; head e turns the features of stage e into logits ``[B, C]``.

    Raises:
        ValueError: if there are no stages or not as many heads as stages.
    """

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

    def forward(self, x: Tensor) -> list[Tensor]:
        """Logits ``[B, C]`` of every exit, shallow to deep."""
        logits = []
        for stage, head in zip(self.stages, self.heads, strict=True):
            x = stage(x)
            logits.append(head(x))
        return logits

    def infer(
        self,
        x: Tensor,
        threshold: float | Sequence[float] | Tensor,
        rule: ExitRule = MAX_SOFTMAX,
    ) -> tuple[Tensor, Tensor]:
        """Answer each sample at its exit and compute deeper stages only for those still in.

        The same answers as :func:`cgt.route` on the full logits, if these are finite. Runs in
        evaluation mode and leaves the mode as it was; keeps no gradients.

        Args:
            x: ``[B, ...]``, B ≥ 1.
            threshold: as in :func:`cgt.route`.
            rule: as in :func:`cgt.route`.

        Returns:
            ``exit_index`` and ``prediction``, each ``[B]`` int64; exits count from 0.

        Raises:
            ValueError: for bad thresholds, or a sample that is left to the last exit and whose
                logits there are not finite.
        """
        # The last exit takes whatever is left, however unsure it is.
        thresholds = [*as_thresholds(threshold, self.num_exits), -math.inf]
        if not _is_training(self):
            return self._infer(x, thresholds, rule)
        with evaluation_mode(self):
            return self._infer(x, thresholds, rule)

    def _infer(self, x: Tensor, thresholds: list[float], rule: ExitRule) -> tuple[Tensor, Tensor]:
        if len(x) == 1:
            with torch.inference_mode():
                exit, answer = self._infer_one(x, thresholds, rule)
            # Made out here, tensors are ordinary ones, which may take part in training.
            where = x.device
            return torch.full((1,), exit, device=where), torch.full((1,), answer, device=where)
        exit_index = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        prediction = torch.empty_like(exit_index)
        with torch.inference_mode():
            self._infer_batch(x, thresholds, rule, exit_index, prediction)
        return exit_index, prediction

    def _infer_one(self, x: Tensor, thresholds: list[float], rule: ExitRule) -> tuple[int, int]:
        layers = zip(self.stages, self.heads, thresholds, strict=True)
        for exit, (stage, head, threshold) in enumerate(layers):
            x = stage(x)
            logits = head(x)
            sure, answer = rule.decide_one(exit, logits)
            if sure >= rounded_to(threshold, logits.dtype):
                return exit, answer
        raise ValueError(_NOT_FINITE)

    def _infer_batch(
        self,
        x: Tensor,
        thresholds: list[float],
        rule: ExitRule,
        exit_index: Tensor,
        prediction: Tensor,
    ) -> None:
        """Fill in ``exit_index`` and ``prediction``.

        Every exit answers for all that reach it; who goes on is answered for again further on.
        """
        still_in = None  # everybody
        layers = zip(self.stages, self.heads, thresholds, strict=True)
        for exit, (stage, head, threshold) in enumerate(layers):
            x = stage(x)
            sure, answer = rule.decide(exit, head(x))
            if still_in is None:
                prediction.copy_(answer)
                exit_index.fill_(exit)
            else:
                prediction[still_in] = answer
                exit_index[still_in] = exit
            goes_on = (~(sure >= threshold)).nonzero().squeeze(1)
            if len(goes_on) == 0:
                return
            if len(goes_on) < len(x):
                x = select_rows(x, goes_on)
                still_in = goes_on if still_in is None else still_in[goes_on]
        raise ValueError(_NOT_FINITE)

    def prefix(self, depth: int) -> "EarlyExitNetwork":
        """The first ``depth`` stages and heads as a network of their own; modules are shared."""
        if not 1 <= depth <= self.num_exits:
            raise ValueError(f"depth is {depth}; it must be in 1 … {self.num_exits}")
        return type(self)(list(self.stages[:depth]), list(self.heads[:depth]))

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


def select_rows(x: Tensor, index: Tensor) -> Tensor:
    """Samples ``index`` of ``x``, in the same memory format."""
    # Indexing copies maps that are channels last number by number; so it copies whole samples.
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return x.permute(0, 2, 3, 1).index_select(0, index).permute(0, 3, 1, 2)
    return x.index_select(0, index)
