"""Images in an `.npz` file: `x` [N, H, W] or [N, C, H, W], bytes or real numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cgt.data.kinds.samples import NpzSamples
from cgt.records.cards import Card

CARD = {"kind": "images", "raw": None, "files": [], "augmentation": "none", "settings": {}}


@dataclass(frozen=True)
class NpzImages(NpzSamples):
    """See `NpzSamples`."""

    card: ClassVar[Card] = CARD
    layouts: ClassVar[Mapping[int, str]] = {3: "[N, H, W]", 4: "[N, C, H, W]"}
    numbers: ClassVar[str] = "uint8 or float"
