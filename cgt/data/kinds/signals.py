"""Signals in an `.npz` file: `x` [N, L] or [N, C, L], whole or real numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cgt.data.kinds.samples import NpzSamples
from cgt.records.cards import Card

CARD = {"kind": "signals", "raw": None, "files": [], "augmentation": "none", "settings": {}}


@dataclass(frozen=True)
class NpzSignals(NpzSamples):
    """See `NpzSamples`."""

    card: ClassVar[Card] = CARD
    layouts: ClassVar[Mapping[int, str]] = {2: "[N, L]", 3: "[N, C, L]"}
    numbers: ClassVar[str] = "integer or float"
