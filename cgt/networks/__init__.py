"""Floor 2: the networks, one file each, with a card that is read without torch.

A file is a network: `CARD` says which inputs and how many exits it takes, `build` makes it.
May import: `nn`, `records`.
"""

from collections.abc import Sequence
from importlib import import_module

from cgt.nn.network import EarlyExitNetwork
from cgt.records.cards import card_of

__all__ = ["build"]

DIMENSIONS = {"images": 3, "scene": 3, "signals": 2}
"""Length of a sample's shape, by kind of input: [C, H, W], [C, P, P], [C, L]."""


def build(
    network: str, input_shape: Sequence[int], num_classes: int, exits: int | None = None
) -> EarlyExitNetwork:
    """A network by name, freshly initialised.

    Args:
        network: name of its file in this folder.
        input_shape: of one sample, without the batch axis.
        num_classes: ≥ 2.
        exits: how many it shall have; None: what its card gives as default.

    Raises:
        ValueError: if there is no such network, it cannot have so many exits, or it takes other
            inputs.
    """
    card = card_of("networks", network)
    exits = card["default_exits"] if exits is None else exits
    if exits not in card["exits"]:
        allowed = ", ".join(map(str, card["exits"]))
        raise ValueError(f"exits is {exits!r}; the network {network} can have {allowed}")
    shape = tuple(int(size) for size in input_shape)
    if len(shape) != DIMENSIONS[card["inputs"]]:
        raise ValueError(
            f"samples have shape {list(shape)}; the network {network} takes {card['inputs']}"
        )
    made = import_module(f"cgt.networks.{network}").build(shape, num_classes, exits)
    made.num_classes = num_classes
    return made
