"""The raw files of a dataset: what each must contain, and the proof that it does."""

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cgt.data.dataset import DataError
from cgt.data.formats import check_array, parse_idx, parse_npy


@dataclass(frozen=True)
class RawFile(ABC):
    """One file of a raw folder.

    sha256 is that of the decoded content, because packagers recompress: see the subclasses.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    sha256: str

    @property
    def max_bytes(self) -> int:
        """Upper bound for the file, however it is packed: its data and a generous header."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize + 65_536

    def parse(self, data: bytes) -> np.ndarray:
        """Return the array in `data`, the bytes of this file.

        Raises ValueError if format, shape, dtype or checksum differ from the expected ones.
        """
        array = self._decode(data)
        check_array(array.shape, array.dtype, self.shape, self.dtype)
        got = hashlib.sha256(self._content(data, array)).hexdigest()
        if got != self.sha256:
            raise ValueError(f"sha256 of the content is {got}, expected {self.sha256}")
        return array

    @abstractmethod
    def _decode(self, data: bytes) -> np.ndarray: ...

    @abstractmethod
    def _content(self, data: bytes, array: np.ndarray) -> bytes: ...


@dataclass(frozen=True)
class IdxFile(RawFile):
    """A decompressed IDX file; the checksum is that of the whole file."""

    def _decode(self, data: bytes) -> np.ndarray:
        return parse_idx(data)

    def _content(self, data: bytes, array: np.ndarray) -> bytes:
        return data


@dataclass(frozen=True)
class NpyFile(RawFile):
    """A `.npy` file; the checksum is that of the array's bytes in C order, without the header."""

    def _decode(self, data: bytes) -> np.ndarray:
        return parse_npy(data, self.shape, self.dtype)

    def _content(self, data: bytes, array: np.ndarray) -> bytes:
        return array.tobytes()  # in C order, whatever the memory order is


def read_raw(files: Iterable[RawFile], raw_dir: Path, dataset: str) -> dict[str, np.ndarray]:
    """Read and verify all raw files of `dataset`; return its arrays by file name.

    Raises DataError naming the file and the command that repairs it.
    """
    return {file.name: _read_one(file, Path(raw_dir), dataset) for file in files}


def _read_one(file: RawFile, raw_dir: Path, dataset: str) -> np.ndarray:
    path = raw_dir / file.name
    again = f"`cgt download {dataset} --out {raw_dir}`"
    try:
        return file.parse(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path} does not exist. Run {again}.") from None
    except ValueError as error:
        raise DataError(f"{path}: {error}. Delete the file and run {again} again.") from error
