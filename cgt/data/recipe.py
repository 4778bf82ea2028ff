"""What the package must know of a dataset; one subclass a dataset."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cgt.data.dataset import Split
from cgt.data.raw import RawFile
from cgt.data.sources import Packing, Source

Arrays = Mapping[str, np.ndarray]
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Recipe(ABC):
    """A dataset: its raw files, where they come from, and how samples are made of them.

    defaults: the settings that `fit` takes, with their defaults.
    fitted: the names of what `fit` returns.
    mirror_packing: how the files are stored in a mirror.
    pools: by split, the name of the set of positions it is drawn from.
    """

    defaults: ClassVar[Mapping[str, int]]
    fitted: ClassVar[tuple[str, ...]]
    mirror_packing: ClassVar[Packing]
    pools: ClassVar[Mapping[str, str]]

    name: str
    class_names: tuple[str, ...]
    files: tuple[RawFile, ...]

    @property
    def raw_name(self) -> str:
        """The dataset whose raw files these are: protocols on the same data share them."""
        return self.name

    @abstractmethod
    def sources(self) -> Sequence[Source]:
        """The places to look for the files, in order."""

    @abstractmethod
    def split(self, raw: Arrays, seed: int) -> dict[str, np.ndarray]:
        """Return int64 index arrays by split; they depend on the dataset and the seed only."""

    @abstractmethod
    def labels(self, raw: Arrays, split: str) -> np.ndarray:
        """Return int64 class numbers of all positions an index of `split` may name; -1: none."""

    @abstractmethod
    def fit(self, raw: Arrays, train_index: np.ndarray, settings: Mapping[str, int]) -> Arrays:
        """Return what is fitted on the training pixels, and the settings that it was made with."""

    @abstractmethod
    def build(self, raw: Arrays, prepared: Arrays) -> dict[str, Split]:
        """Return the samples by split."""
