"""What a training job gets: three splits of one dataset, in memory."""

from dataclasses import dataclass

import numpy as np

KINDS = ("images", "signals", "scene")
"""What a sample can be: an image, a signal, or the patch around one pixel of a scene."""


class DataError(ValueError):
    """Data that cannot be obtained or must not be trusted; the message says what to do."""


@dataclass(frozen=True)
class Split:
    """Samples of one split.

    x: float32, C-contiguous, scaled with what was fitted on training samples: [N, C, H, W] for
    images and the patches of a scene, [N, C, L] for signals.
    y: int64 [N], class numbers from 0.
    index: int64 [N], position in the dataset (see the dataset's module).
    """

    x: np.ndarray
    y: np.ndarray
    index: np.ndarray


@dataclass(frozen=True)
class Dataset:
    """Training, validation and test split of one dataset at one seed.

    checksums: SHA-256 of each raw file's content, and of the prepared file under "prepared".
    kind: one of KINDS.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    val: Split
    test: Split
    checksums: dict[str, str]
    kind: str = "images"

    @property
    def num_classes(self) -> int:
        return len(self.class_names)
