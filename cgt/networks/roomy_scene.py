"""CNN for the pixels of a scene, whose deeper exits see more of the surroundings.

The first exit sees the spectrum of the centre pixel alone, the second its 3×3 neighbourhood, all
others the whole patch. With three exits they cost about 2, 16 and 100 % of the network. What an
exit cannot know it cannot learn, so each deeper exit has something to add.
"""

from torch import nn

from cgt.networks.blocks import centre_head, chain_with_exits, conv, pooled_head
from cgt.nn.network import EarlyExitNetwork

CARD = {
    "title": "Roomy CNN for scenes",
    "inputs": "scene",
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
    """The network for patches of shape ``(C, P, P)``, freshly initialised."""
    blocks = [
        conv(input_shape[0], 16, kernel=1),
        conv(16, 24),
        conv(24, 32, stride=2),
        conv(32, 48),
        conv(48, 48),
        conv(48, 64),
    ]
    heads = [_at_centre, _at_centre, *[_over_patch] * 4]
    return chain_with_exits(blocks, EXITS_AFTER[exits], heads, input_shape, num_classes)


def _at_centre(shape: tuple[int, ...], num_classes: int) -> nn.Module:
    return centre_head(shape[0], num_classes)


def _over_patch(shape: tuple[int, ...], num_classes: int) -> nn.Module:
    return pooled_head(shape[0], num_classes)
