"""ResNet-18 for 32 × 32 images with four exits, in the form of the CGT authors' code.

A 3 × 3 stem without max-pooling and an exit behind each of the four groups of blocks. An early exit
weighs its map by attention, brings it to the last group's size with separable convolutions, and
pools. About 582 M multiply–accumulates, cumulatively 28, 53, 77 and 100 %.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from cgt.nn.network import EarlyExitNetwork

CARD = {
    "title": "ResNet-18",
    "inputs": "images",
    "exits": [4],
    "default_exits": 4,
    "source": "He et al., CVPR 2016; exits as in the code of arXiv 2509.17885, which follows Zhang "
    "et al., Be Your Own Teacher, ICCV 2019",
}

WIDTHS = (64, 128, 256, 512)
"""Channels of the four groups."""


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, which is projected where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class AttentionHead(nn.Module):
    """Logits from a map ``[B, C, H, W]`` that is weighed by an attention map of its own.

    Separable convolutions halve the map and double its channels until it has the last group's.
    """

    def __init__(self, group: int, num_classes: int) -> None:
        super().__init__()
        width = WIDTHS[group]
        self.attention = nn.Sequential(
            separable(width, width), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        deeper = zip(WIDTHS[group:], WIDTHS[group + 1 :], strict=False)
        self.reduce = nn.Sequential(*(separable(a, b) for a, b in deeper))
        self.classify = nn.Linear(WIDTHS[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        looked = F.interpolate(self.attention(x), size=x.shape[-2:], mode="bilinear")
        return self.classify(self.reduce(looked.sigmoid() * x).mean(dim=(2, 3)))


def separable(inputs: int, outputs: int) -> nn.Sequential:
    """Two depthwise separable convolutions; the first halves the map."""
    layers: list[nn.Module] = []
    for stride, out in ((2, inputs), (1, outputs)):
        layers += [
            nn.Conv2d(inputs, inputs, 3, stride, padding=1, groups=inputs, bias=False),
            nn.Conv2d(inputs, out, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def build(input_shape: tuple[int, ...], num_classes: int, exits: int) -> EarlyExitNetwork:
    """For ``[C, H, W]``, sides of at least 16; always four exits."""
    stem = nn.Sequential(
        nn.Conv2d(input_shape[0], WIDTHS[0], 3, padding=1, bias=False),
        nn.BatchNorm2d(WIDTHS[0]),
        nn.ReLU(inplace=True),
    )
    stages: list[nn.Module] = []
    for group, (inputs, width) in enumerate(zip((WIDTHS[0], *WIDTHS), WIDTHS, strict=False)):
        blocks = [ResidualBlock(inputs, width, 2 if group else 1), ResidualBlock(width, width, 1)]
        stages.append(nn.Sequential(*([stem] if group == 0 else []), *blocks))
    last = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTHS[-1], num_classes))
    heads = [AttentionHead(group, num_classes) for group in range(exits - 1)]
    return EarlyExitNetwork(stages, [*heads, last])
