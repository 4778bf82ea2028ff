"""Augmentation: each sample its own, done for a whole batch at once."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

Augmentation = Callable[[Tensor, Generator], Tensor]


def horizontal_flip(x: Tensor, generator: Generator) -> Tensor:
    """Mirror each ``[C, H, W]`` image of ``[B, C, H, W]`` left to right with probability 1/2."""
    return _where(_coin(x, generator), x.flip(3), x)


def dihedral(x: Tensor, generator: Generator) -> Tensor:
    """Turn and mirror each square patch into one of its 8 symmetric forms, all equally likely."""
    x = _where(_coin(x, generator), x.flip(3), x)
    x = _where(_coin(x, generator), x.flip(2), x)
    return _where(_coin(x, generator), x.transpose(2, 3), x)


AUGMENTATIONS: dict[str, Augmentation] = {
    "fashion_mnist": horizontal_flip,
    "indian_pines": dihedral,
    "indian_pines_disjoint": dihedral,
}
"""What keeps a sample's class: clothes may be mirrored; a patch of land has no up or down."""


def _coin(x: Tensor, generator: Generator) -> Tensor:
    return torch.rand(len(x), generator=generator) < 0.5


def _where(mask: Tensor, changed: Tensor, x: Tensor) -> Tensor:
    return torch.where(mask[:, None, None, None], changed, x)
