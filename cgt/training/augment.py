"""Augmentation: each sample its own, done for a whole batch at once.

An image is mirrored or turned by taking its pixels in another order, so that a batch is drawn and
augmented by one look-up.
"""

import torch
from torch import Generator, Tensor


class Augmenter:
    """Draws batches of samples, each in one of its equally likely symmetric forms.

    Args:
        x: ``[N, C, H, W]`` in channels-last memory.
        forms: ``[2^k, H·W]``, the order of the pixels in each form; see :func:`mirror_forms`.
    """

    def __init__(self, x: Tensor, forms: Tensor) -> None:
        self._shape = x.shape[1:]
        self._pixels = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
        self._forms = forms
        self._coins = len(forms).bit_length() - 1

    def batch(self, chosen: Tensor, generator: Generator) -> Tensor:
        """Samples at ``chosen`` (``[B]``), augmented: ``[B, C, H, W]``, channels last."""
        form = torch.zeros_like(chosen)
        for number in range(self._coins):
            form += (torch.rand(len(chosen), generator=generator) < 0.5).long() << number
        channels, height, width = self._shape
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


FORMS = {
    "fashion_mnist": mirror_forms,
    "indian_pines": dihedral_forms,
    "indian_pines_disjoint": dihedral_forms,
}
"""What keeps a sample's class: clothes may be mirrored; a patch of land has no up or down."""
