"""A network with a classifier after each of its stages."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cgt.exits import confidence
from cgt.validation import as_thresholds


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

    @torch.no_grad()
    def infer(
        self, x: Tensor, threshold: float | Sequence[float] | Tensor
    ) -> tuple[Tensor, Tensor]:
        """Answer each sample at its exit and compute deeper stages only for those still in.

        The same answers as :func:`cgt.route` on the full logits. Runs in evaluation mode and
        leaves the mode as it was.

        Args:
            x: ``[B, ...]``, B ≥ 1.
            threshold: as in :func:`cgt.route`.

        Returns:
            ``exit_index`` and ``prediction``, each ``[B]`` int64; exits count from 0.
        """
        thresholds = [*as_thresholds(threshold, self.num_exits), 0.0]
        exit_index = x.new_empty(len(x), dtype=torch.int64)
        prediction = torch.empty_like(exit_index)
        still_in = torch.arange(len(x), device=x.device)
        with evaluation_mode(self):
            layers = zip(self.stages, self.heads, thresholds, strict=True)
            for index, (stage, head, value) in enumerate(layers):
                x = stage(x)
                probability, answer = confidence(head(x))
                leaves = probability >= value
                exit_index[still_in[leaves]] = index
                prediction[still_in[leaves]] = answer[leaves]
                if leaves.all():
                    break
                x, still_in = x[~leaves], still_in[~leaves]
        return exit_index, prediction

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
