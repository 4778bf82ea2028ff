"""Building blocks of the networks: convolutions for maps and signals, heads, chains with exits."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from cgt.nn.network import EarlyExitNetwork, evaluation_mode

Head = Callable[[tuple[int, ...], int], nn.Module]
"""From the shape of one sample's features and the number of classes to a classifier."""


class HalvingMaxPool(nn.MaxPool2d):
    """Largest value of each 2×2 block; the last row or column of an odd side is left out.

    Where no gradient is asked for it takes a third of the time that torch's own takes on a CPU,
    for the same values. With gradients torch's own is the faster one.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return super().forward(x)
        height, width = x.shape[-2] // 2 * 2, x.shape[-1] // 2 * 2
        rows = torch.maximum(x[..., 0:height:2, :], x[..., 1:height:2, :])
        return torch.maximum(rows[..., 0:width:2], rows[..., 1:width:2])


class CentrePixel(nn.Module):
    """The features of the centre pixel alone: ``[B, C, H, W]`` to ``[B, C]``."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., x.shape[-2] // 2, x.shape[-1] // 2]


def conv(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """Convolution, batch normalisation and ReLU; at stride 1 a map keeps its size."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def pooled_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Convolution at full resolution, whose map is halved before all else: that is cheaper."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        HalvingMaxPool(),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def conv1d(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """As :func:`conv`, for signals ``[B, C, L]``."""
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(inplace=True),
    )


def linear_head(features: int, num_classes: int) -> nn.Sequential:
    """One linear layer on all features."""
    return nn.Sequential(nn.Flatten(), nn.Linear(features, num_classes))


def pooled_head(channels: int, num_classes: int) -> nn.Sequential:
    """A linear layer on the mean of each channel's map."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))


def centre_head(channels: int, num_classes: int) -> nn.Sequential:
    """A linear layer on the features of the centre pixel."""
    return nn.Sequential(CentrePixel(), nn.Linear(channels, num_classes))


def block_mean_head(shape: tuple[int, ...], num_classes: int, most_blocks: int) -> nn.Sequential:
    """A linear layer on the means of equal blocks of the map, at most ``most_blocks`` a side.

    Blocks at the far edges are smaller where the side is no multiple of theirs.

    Args:
        shape: of one sample's features, ``(C, H, W)``.
        num_classes: number of logits.
        most_blocks: into which a side is cut, at most.
    """
    channels, height, width = shape
    block = (-(-height // most_blocks), -(-width // most_blocks))
    blocks = -(-height // block[0]) * -(-width // block[1])
    return nn.Sequential(
        nn.AvgPool2d(block, ceil_mode=True), *linear_head(channels * blocks, num_classes)
    )


def chain_with_exits(
    blocks: Sequence[nn.Module],
    exits_after: Sequence[int],
    heads: Sequence[Head],
    input_shape: tuple[int, ...],
    num_classes: int,
) -> EarlyExitNetwork:
    """Blocks in a chain, with a head after some of them.

    Args:
        blocks: the chain, one after another.
        exits_after: the numbers of the blocks, from 1, after which an exit stands; rising, the
            last is the number of blocks.
        heads: as many as blocks: what an exit there would be made by.
        input_shape: of one sample.
        num_classes: number of logits of each exit.
    """
    starts = [0, *exits_after[:-1]]
    parts = zip(starts, exits_after, strict=True)
    stages = [nn.Sequential(*blocks[start:end]) for start, end in parts]
    shapes = feature_shapes(stages, input_shape)
    made = [
        heads[after - 1](shape, num_classes)
        for after, shape in zip(exits_after, shapes, strict=True)
    ]
    return EarlyExitNetwork(stages, made)


@torch.no_grad()
def feature_shapes(
    stages: Sequence[nn.Module], input_shape: tuple[int, ...]
) -> list[tuple[int, ...]]:
    """Shape of one sample's features after each stage; the stages are left as they were."""
    x, shapes = torch.zeros(1, *input_shape), []
    for stage in stages:
        with evaluation_mode(stage):
            x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    return shapes
