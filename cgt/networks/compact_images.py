"""Compact CNN for images: the network of the first publication on Fashion-MNIST.

1.6 M multiply–accumulates on 28 × 28 pixels. With three exits they see 7×7, 7×7 and 4×4 maps and
cost 17, 45 and 100 % of the whole: the first is nearly as accurate as the last, so that there is
little to gain from going deeper.
"""

import math

from torch import nn

from cgt.networks.blocks import chain_with_exits, conv, linear_head, pooled_conv
from cgt.nn.network import EarlyExitNetwork

CARD = {
    "title": "Compact CNN for images",
    "inputs": "images",
    "exits": [2, 3, 4, 5],
    "default_exits": 3,
    "source": "ours",
}

EXITS_AFTER = {2: (2, 5), 3: (2, 3, 5), 4: (2, 3, 4, 5), 5: (1, 2, 3, 4, 5)}
"""Blocks behind which the exits stand, by number of exits."""


def build(input_shape: tuple[int, ...], num_classes: int, exits: int) -> EarlyExitNetwork:
    """For ``[C, H, W]``, sides of at least 8."""
    blocks = [
        pooled_conv(input_shape[0], 12),
        conv(12, 32, stride=2),
        conv(32, 32),
        conv(32, 64, stride=2),
        conv(64, 64),
    ]
    heads = [_linear] * len(blocks)
    return chain_with_exits(blocks, EXITS_AFTER[exits], heads, input_shape, num_classes)


def _linear(shape: tuple[int, ...], num_classes: int) -> nn.Module:
    return linear_head(math.prod(shape), num_classes)
