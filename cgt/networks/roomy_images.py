"""CNN for images, with small and coarse early exits and most of its cost behind the second.

Exits stand behind the first and the second of six convolutions and at the end, at about 4, 19 and
100 % of the cost on 28×28. The early ones have few channels and heads that see only means over
nine blocks of the map, so there is much left to learn; all that is deeper runs at low resolution,
where channels are cheap.
"""

from math import prod

from torch import nn

from cgt.networks.blocks import block_mean_head, chain_with_exits, conv, linear_head, pooled_conv
from cgt.nn.network import EarlyExitNetwork

CARD = {
    "title": "Roomy CNN for images",
    "inputs": "images",
    "exits": [2, 3, 4, 5, 6],
    "default_exits": 3,
    "source": "ours",
}

EXITS_AFTER = {
    2: (2, 6),
    3: (1, 2, 6),
    4: (1, 2, 4, 6),
    5: (1, 2, 3, 4, 6),
    6: (1, 2, 3, 4, 5, 6),
}
"""The blocks, counted from 1, after which exits stand, for each number of exits."""


def build(input_shape: tuple[int, ...], num_classes: int, exits: int) -> EarlyExitNetwork:
    """The network for images of shape ``(C, H, W)``, freshly initialised."""
    blocks = [
        pooled_conv(input_shape[0], 8),
        pooled_conv(8, 16),
        conv(16, 32),
        conv(32, 48, stride=2),
        conv(48, 48),
        conv(48, 64),
    ]
    heads = [_coarse, _coarse, *[_linear] * 4]
    return chain_with_exits(blocks, EXITS_AFTER[exits], heads, input_shape, num_classes)


def _coarse(shape: tuple[int, ...], num_classes: int) -> nn.Module:
    return block_mean_head(shape, num_classes, most_blocks=3)


def _linear(shape: tuple[int, ...], num_classes: int) -> nn.Module:
    return linear_head(prod(shape), num_classes)
