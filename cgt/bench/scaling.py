"""How time grows with samples, seeds, exits and width, on a plain stack of equal stages."""

import statistics
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from cgt import EarlyExitNetwork, SoftCGTLoss
from cgt.bench.measure import interleave, median_ratio, write_table
from cgt.nn.cost import cumulative_macs

COLUMNS = (
    "factor",
    "value",
    "repeats",
    "macs",
    "train_seconds",
    "infer_seconds",
    "macs_ratio",
    "train_ratio",
    "infer_ratio",
)
INPUT_SHAPE = (8, 8, 8)
CLASSES = 10
BATCH = 128


class Size(NamedTuple):
    """A problem: `seeds` networks of `exits` stages, `width` channels each, see `samples`."""

    samples: int
    seeds: int
    exits: int
    width: int


class Seconds(NamedTuple):
    """Time of one pass over the samples, all seeds together."""

    train: float
    infer: float


BASE = Size(samples=2048, seeds=1, exits=4, width=32)
GROWTH = {
    "samples": (2048, 4096, 8192, 16384),
    "seeds": (1, 2, 4, 8),
    "exits": (2, 4, 6, 8),
    "width": (16, 32, 64, 128),
}
"""One grows while the others stay at the base."""


def bench_scaling(
    out: Path,
    repeats: int,
    base: Size = BASE,
    growth: Mapping[str, Sequence[int]] = GROWTH,
) -> None:
    """Time one pass of training and of inference at every size; write `out` (CSV).

    The columns are :data:`COLUMNS`. `macs`: multiply–accumulates of all forward passes. Ratios are
    to the first row of the factor; of the times, medians over the repeats. Single thread.
    """
    torch.set_num_threads(1)
    sizes = {(of, value): base._replace(**{of: value}) for of in growth for value in growth[of]}
    # The base stands in every series: it is measured once.
    loops = {size: partial(measure, size) for size in sizes.values()}
    write_table(out, table(sizes, interleave(loops, repeats)), threads=1)


def table(
    sizes: Mapping[tuple[str, int], Size], measured: Mapping[Size, Sequence[Seconds]]
) -> list[dict[str, Any]]:
    """Rows of :data:`COLUMNS`; `sizes` by factor and value, smallest value first."""
    first = {factor: size for (factor, _), size in reversed(sizes.items())}
    rows = []
    for (factor, value), size in sizes.items():
        train, infer = zip(*measured[size], strict=True)
        train_first, infer_first = zip(*measured[first[factor]], strict=True)
        rows.append(
            {
                "factor": factor,
                "value": value,
                "repeats": len(train),
                "macs": macs(size),
                "train_seconds": statistics.median(train),
                "infer_seconds": statistics.median(infer),
                "macs_ratio": macs(size) / macs(first[factor]),
                "train_ratio": median_ratio(train, train_first),
                "infer_ratio": median_ratio(infer, infer_first),
            }
        )
    return rows


def macs(size: Size) -> int:
    """Multiply–accumulates of all forward passes through all exits."""
    return cumulative_macs(stack(size), INPUT_SHAPE)[-1] * size.samples * size.seeds


def measure(size: Size) -> Seconds:
    """Train by SoftCGT for one pass, then infer on the same samples, none of which leaves early."""
    torch.manual_seed(0)
    x = torch.randn(size.samples, *INPUT_SHAPE).contiguous(memory_format=torch.channels_last)
    y = torch.randint(CLASSES, (size.samples,))
    seconds = [0.0, 0.0]
    for seed in range(size.seeds):
        torch.manual_seed(seed)
        network = stack(size).to(memory_format=torch.channels_last)
        for phase, work in enumerate((_train, _infer)):
            start = time.perf_counter()
            work(network, x, y)
            seconds[phase] += time.perf_counter() - start
    return Seconds(*seconds)


def stack(size: Size) -> EarlyExitNetwork:
    """As many equal stages as exits."""
    channels = [INPUT_SHAPE[0], *[size.width] * size.exits]
    stages = [_stage(channels[i], channels[i + 1]) for i in range(size.exits)]
    heads = [
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(size.width, CLASSES))
        for _ in stages
    ]
    return EarlyExitNetwork(stages, heads)


def _stage(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _train(network: EarlyExitNetwork, x: torch.Tensor, y: torch.Tensor) -> None:
    loss_fn = SoftCGTLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    for batch, targets in zip(x.split(BATCH), y.split(BATCH), strict=True):
        loss = loss_fn(network(batch), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def _infer(network: EarlyExitNetwork, x: torch.Tensor, y: torch.Tensor) -> None:
    for batch in x.split(BATCH):
        network.infer(batch, threshold=1.0)
