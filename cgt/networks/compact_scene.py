"""Compact CNN for patches of a scene: the network of the first publication on Indian Pines.

2.2 M multiply–accumulates on 30 × 11 × 11; classifies the centre of the patch. With three exits
they cost 21, 55 and 100 % of the whole, and the first is nearly as accurate as the last.
"""

from torch import nn

from cgt.networks.blocks import chain_with_exits, conv, pooled_head
from cgt.nn.network import EarlyExitNetwork

CARD = {
    "title": "Compact CNN for scenes",
    "inputs": "scene",
    "exits": [2, 3],
    "default_exits": 3,
    "source": "ours",
}

EXITS_AFTER = {2: (1, 3), 3: (1, 2, 3)}
"""Blocks behind which the exits stand, by number of exits."""


def build(input_shape: tuple[int, ...], num_classes: int, exits: int) -> EarlyExitNetwork:
    """For ``[C, P, P]``, P at least 3."""
    blocks = [conv(input_shape[0], 48, stride=2), conv(48, 48), conv(48, 64)]
    heads = [_pooled] * len(blocks)
    return chain_with_exits(blocks, EXITS_AFTER[exits], heads, input_shape, num_classes)


def _pooled(shape: tuple[int, ...], num_classes: int) -> nn.Module:
    return pooled_head(shape[0], num_classes)
