"""CNN for signals, with a small first exit and most of its cost behind the second.

The first exit stands behind one strided convolution, the second behind two; both have few
channels. With three exits they cost about 2, 10 and 100 % of the network. All heads are linear in
the whole feature map, because where something happens in a signal matters.
"""

from math import prod

from torch import nn

from cgt.networks.blocks import chain_with_exits, conv1d, linear_head
from cgt.nn.network import EarlyExitNetwork

CARD = {
    "title": "Roomy CNN for signals",
    "inputs": "signals",
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
    """The network for signals of shape ``(C, L)``, freshly initialised."""
    blocks = [
        conv1d(input_shape[0], 12, stride=2),
        conv1d(12, 32, stride=2),
        conv1d(32, 32),
        conv1d(32, 48),
        conv1d(48, 48, stride=2),
        conv1d(48, 64),
    ]
    heads = [_linear] * len(blocks)
    return chain_with_exits(blocks, EXITS_AFTER[exits], heads, input_shape, num_classes)


def _linear(shape: tuple[int, ...], num_classes: int) -> nn.Module:
    return linear_head(prod(shape), num_classes)
