"""One backbone per dataset: three stages, each followed by an exit.

Both are plain stacks of convolution, batch normalisation and ReLU. Widths are chosen so that the
exits cost about 15–30 %, 45–65 % and 100 % of the whole network, heads included.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cgt.nn.network import EarlyExitNetwork


def fashion_mnist_cnn(in_channels: int, num_classes: int) -> EarlyExitNetwork:
    """1.6 M multiply–accumulates on ``[B, 1, 28, 28]``; exits see 7×7, 7×7 and 4×4 maps."""
    stages = [
        nn.Sequential(_pooled_conv(in_channels, 12), _conv(12, 32, stride=2)),
        nn.Sequential(_conv(32, 32)),
        nn.Sequential(_conv(32, 64, stride=2), _conv(64, 64)),
    ]
    heads = [
        _linear_head(32 * 7 * 7, num_classes),
        _linear_head(32 * 7 * 7, num_classes),
        _linear_head(64 * 4 * 4, num_classes),
    ]
    return EarlyExitNetwork(stages, heads)


def indian_pines_cnn(in_channels: int, num_classes: int) -> EarlyExitNetwork:
    """2.2 M multiply–accumulates; classifies the centre of a ``[B, 30, 11, 11]`` patch."""
    stages = [
        nn.Sequential(_conv(in_channels, 48, stride=2)),
        nn.Sequential(_conv(48, 48)),
        nn.Sequential(_conv(48, 64)),
    ]
    heads = [_pooled_head(width, num_classes) for width in (48, 48, 64)]
    return EarlyExitNetwork(stages, heads)


BACKBONES: dict[str, Callable[[int, int], EarlyExitNetwork]] = {
    "fashion_mnist": fashion_mnist_cnn,
    "indian_pines": indian_pines_cnn,
    "indian_pines_disjoint": indian_pines_cnn,
}


class _HalvingMaxPool(nn.MaxPool2d):
    """Largest value of each 2×2 block of maps with even sides.

    Where no gradient is asked for it takes a third of the time that torch's own takes on a CPU,
    for the same values. With gradients torch's own is the faster one.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return super().forward(x)
        rows = torch.maximum(x[..., 0::2, :], x[..., 1::2, :])
        return torch.maximum(rows[..., 0::2], rows[..., 1::2])


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _pooled_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Convolution at full resolution, whose map is halved before all else: that is cheaper."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        _HalvingMaxPool(),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _linear_head(features: int, num_classes: int) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(features, num_classes))


def _pooled_head(channels: int, num_classes: int) -> nn.Sequential:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))
