"""What the package must know of a dataset: one subclass a dataset, in the file of its card."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from cgt.data.dataset import DataError, Split
from cgt.data.raw import RawFile, read_raw
from cgt.data.sources import Source, SourceFormat
from cgt.records.cards import Card

Arrays = Mapping[str, np.ndarray]
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class DatasetBuilder(ABC):
    """A dataset: its raw data, where they come from, and how samples are made of them.

    card: the card of the builder's file.
    fitted: the names of what `fit` returns.
    kept: the names of what `keep` returns.
    mirror_format: how the files are stored in a mirror; None if there are no files.
    """

    card: ClassVar[Card]
    fitted: ClassVar[tuple[str, ...]]
    kept: ClassVar[tuple[str, ...]] = ()
    mirror_format: ClassVar[SourceFormat | None] = None

    name: str
    class_names: tuple[str, ...] = ()
    files: tuple[RawFile, ...] = ()

    @property
    def kind(self) -> str:
        """What a sample is; see `cgt.data.dataset.KINDS`."""
        return self.card["kind"]

    @property
    def raw_name(self) -> str | None:
        """Name of the folder of raw files: protocols on the same data share it. None: no files."""
        return self.card["raw"]

    @property
    def defaults(self) -> dict[str, Any]:
        """The settings that `configured` and `fit` take, with their defaults."""
        return {name: known["default"] for name, known in self.card["settings"].items()}

    def configured(self, settings: Mapping[str, Any]) -> Self:
        """Return the builder whose `split` is as the settings want it.

        settings: all of `defaults`. Raises ValueError for one that is out of range.
        """
        return self

    def recorded(self, prepared: Arrays) -> Self:
        """Return the builder whose `split` is the one of a prepared file, by what `keep` left."""
        return self

    def sources(self) -> Sequence[Source]:
        """The places to look for the raw files, in order."""
        return []

    def raw(self, raw_dir: Path | None, seed: int) -> Arrays:
        """Return the raw arrays to prepare from, verified.

        Raises DataError for what is missing or damaged.
        """
        return self._read(raw_dir)

    def keep(self, raw: Arrays) -> Arrays:
        """Return what the prepared file must hold for `stored` to find the same raw arrays, and
        `recorded` the same split."""
        return {}

    def stored(self, raw_dir: Path | None, prepared: Arrays) -> Arrays:
        """Return the raw arrays that a prepared file was made from, verified.

        Raises DataError for what is missing or damaged, ValueError if `prepared` is impossible.
        """
        return self._read(raw_dir)

    def checksums(self, prepared: Arrays) -> dict[str, str]:
        """Return the SHA-256 of everything that was read beside the prepared file, by name."""
        return {file.name: file.sha256 for file in self.files}

    def classes(self, raw: Arrays) -> tuple[str, ...]:
        """Return the names of the classes, in the order of their numbers."""
        return self.class_names

    def pool(self, raw: Arrays, split: str) -> str:
        """Return the name of the set of positions that a split is drawn from."""
        return "samples"

    @abstractmethod
    def split(self, raw: Arrays, seed: int) -> dict[str, np.ndarray]:
        """Return int64 index arrays by split; they depend on the builder and the seed only."""

    @abstractmethod
    def labels(self, raw: Arrays, split: str) -> np.ndarray:
        """Return int64 class numbers of all positions an index of `split` may name; -1: none."""

    def samples(self, raw: Arrays, split: str) -> np.ndarray:
        """Return the unscaled samples of all those positions, [N, C, H, W] or [N, C, L].

        Patches of a scene overlap; there is no such array of them.
        """
        raise NotImplementedError(f"{self.name} has no array of samples")

    @abstractmethod
    def fit(self, raw: Arrays, train_index: np.ndarray, settings: Mapping[str, Any]) -> Arrays:
        """Return what is fitted on the training samples, and the settings it was made with.

        Numbers only. Raises ValueError for a setting that is out of range.
        """

    @abstractmethod
    def build(self, raw: Arrays, prepared: Arrays) -> dict[str, Split]:
        """Return the samples by split, scaled."""

    @abstractmethod
    def scaling(self, prepared: Arrays) -> dict[str, Any]:
        """Return what `build` does to raw values, as plain numbers; see `cgt.data.scaling`."""

    def _read(self, raw_dir: Path | None) -> Arrays:
        if raw_dir is None:
            raise DataError(f"{self.name} is made from raw files; name their folder (--raw)")
        return read_raw(self.files, raw_dir, self.raw_name)
