"""Augmentation: each sample its own, done for a whole batch at once.

An image is mirrored or turned by taking its pixels in another order, so that a batch is drawn and
augmented by one look-up.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from cgt.nn.features import select_rows


class Augmenter:
    """Draws batches of samples, each in one of its equally likely forms.

    Args:
        x: ``[N, C, *]``; images in channels-last memory.
        kind: one of :data:`AUGMENTATIONS`.

    Raises:
        ValueError: for an unknown kind, or one that does not fit the samples.
    """

    def __init__(self, x: Tensor, kind: str) -> None:
        if kind not in AUGMENTATIONS:
            raise ValueError(
                f"augmentation is {kind!r}; allowed are {', '.join(sorted(AUGMENTATIONS))}"
            )
        self._x = x
        make = AUGMENTATIONS[kind]
        self._forms = None
        if make is None:
            return
        if x.ndim != 4:
            raise ValueError(
                f"augmentation is {kind!r}, and samples have shape {list(x.shape[1:])}; only "
                f"images [C, H, W] can be turned or mirrored: none is needed"
            )
        self._forms = make(*x.shape[2:]).to(x.device)
        self._pixels = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
        self._coins = len(self._forms).bit_length() - 1

    def batch(self, chosen: Tensor, generator: Generator) -> Tensor:
        """Samples at ``chosen`` (``[B]``), augmented: ``[B, C, *]``, images channels last."""
        if self._forms is None:
            return select_rows(self._x, chosen)
        form = torch.zeros(len(chosen), dtype=torch.int64)
        for number in range(self._coins):
            form += (torch.rand(len(chosen), generator=generator) < 0.5).long() << number
        form = form.to(chosen.device, non_blocking=True)
        channels, height, width = self._x.shape[1:]
        pixels = chosen[:, None] * (height * width) + self._forms[form]
        drawn = self._pixels.index_select(0, pixels.flatten())
        return drawn.view(len(chosen), height, width, channels).permute(0, 3, 1, 2)


def mirror_forms(height: int, width: int) -> Tensor:
    """As it is, and mirrored left to right, ``[2, H·W]``."""
    pixels = torch.arange(height * width).view(height, width)
    return torch.stack([pixels, pixels.flip(1)]).flatten(1)


def dihedral_forms(height: int, width: int) -> Tensor:
    """All ways to turn and mirror a square, ``[8, H·W]``.

    Raises:
        ValueError: if the image is not square.
    """
    if height != width:
        raise ValueError(f"images are {height} × {width}; only square ones can be turned")
    pixels = torch.arange(height * width).view(height, width)
    forms = [pixels, pixels.flip(1)]
    forms += [form.flip(0) for form in forms]
    forms += [form.T for form in forms]
    return torch.stack(forms).flatten(1)


AUGMENTATIONS: dict[str, Callable[[int, int], Tensor] | None] = {
    "none": None,
    "mirror": mirror_forms,
    "dihedral": dihedral_forms,
}
"""What keeps a sample's class: clothes may be mirrored; a patch of land has no up or down."""
