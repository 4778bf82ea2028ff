"""What the losses cost: forward and backward, beside the plain sum of the exits' cross-entropies.

The plain sum is what joint training is usually written as. All take turns in one run.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cgt.bench.measure import interleave, median_ratio
from cgt.nn.losses import HardCGTLoss, JointLoss, SoftCGTLoss

LOSSES = {"joint": JointLoss, "hard": HardCGTLoss, "soft": SoftCGTLoss}
CHECKS = ("full", "shapes")


class Size(NamedTuple):
    """Samples, classes and exits of a batch; how often it is computed in a round."""

    samples: int
    classes: int
    exits: int
    times: int


SIZES = (Size(128, 10, 3, times=50), Size(512, 1000, 4, times=2))
ROUNDS = 21


def table(
    sizes: Sequence[Size] = SIZES, rounds: int = ROUNDS, device: str = "cpu"
) -> Iterator[dict[str, Any]]:
    """A row for each size, loss and ``validate``.

    Returns:
        ``samples``, ``classes``, ``exits``, ``loss``, ``validate``; ``microseconds`` of a forward
        and backward pass, median over the rounds; ``relative_time`` to the plain sum, median of
        the rounds' ratios, with its quartiles ``relative_time_low`` and ``relative_time_high``.
    """
    for size in sizes:
        logits, targets = batch(size, device)
        losses: dict[Any, Callable[..., Tensor]] = {None: plain}
        for name, kind in LOSSES.items():
            losses |= {(name, validate): kind(validate=validate) for validate in CHECKS}
        loops = {key: _loop(loss, logits, targets, size.times) for key, loss in losses.items()}
        seconds = interleave(loops, rounds)
        base = seconds.pop(None)
        for (name, validate), took in seconds.items():
            low, high = np.quantile(np.divide(took, base), (0.25, 0.75)).tolist()
            yield {
                **{"samples": size.samples, "classes": size.classes, "exits": size.exits},
                **{"loss": name, "validate": validate},
                "microseconds": 1e6 * float(np.median(took)),
                "relative_time": median_ratio(took, base),
                "relative_time_low": low,
                "relative_time_high": high,
            }


def batch(size: Size, device: str = "cpu") -> tuple[list[Tensor], Tensor]:
    """Logits ``[B, C]`` of each exit, made up, and classes."""
    generator = torch.Generator().manual_seed(0)
    shape = size.samples, size.classes
    logits = [torch.randn(shape, generator=generator).to(device) for _ in range(size.exits)]
    targets = torch.randint(size.classes, (size.samples,), generator=generator).to(device)
    return [one.requires_grad_() for one in logits], targets


def plain(logits: Sequence[Tensor], targets: Tensor) -> Tensor:
    """Mean cross-entropies of the exits, added up."""
    return sum(F.cross_entropy(one, targets) for one in logits)


def _loop(
    loss: Callable[..., Tensor], logits: Sequence[Tensor], targets: Tensor, times: int
) -> Callable[[], float]:
    def seconds() -> float:
        """Of one forward and backward pass."""
        start = time.perf_counter()
        for _ in range(times):
            loss(logits, targets).backward()
            for one in logits:
                one.grad = None
        if targets.is_cuda:
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / times

    return seconds
