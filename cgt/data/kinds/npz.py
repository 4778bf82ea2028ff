"""What all kinds share: one `.npz` file is the raw data, and the prepared file knows which one."""

import hashlib
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from cgt.data.builder import Arrays, DatasetBuilder
from cgt.data.dataset import DataError
from cgt.records.files import load_npz


@dataclass(frozen=True)
class NpzBuilder(DatasetBuilder):
    """A dataset in an `.npz` file; its class names stand in the file, or are made up.

    required, optional: the names of the arrays that the file must and may hold.
    """

    required: ClassVar[tuple[str, ...]]
    optional: ClassVar[tuple[str, ...]]
    kept: ClassVar[tuple[str, ...]] = ("kind", "raw_sha256")

    @abstractmethod
    def checked(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """Return the arrays of the file in the form that the builder works on.

        `class_names` is among them. Raises ValueError that says in a sentence what is wrong.
        """

    def raw(self, raw_dir: Path | None, seed: int) -> Arrays:
        path = self._path(raw_dir)
        return {**self._read(path), "sha256": np.array(_sha256(path))}

    def keep(self, raw: Arrays) -> Arrays:
        return {"kind": np.array(self.kind), "raw_sha256": raw["sha256"]}

    def stored(self, raw_dir: Path | None, prepared: Arrays) -> Arrays:
        path = self._path(raw_dir)
        found, expected = _sha256(path), str(prepared["raw_sha256"])
        if found != expected:
            raise DataError(
                f"{path} is not the file that {self.name} was prepared from: its sha256 is "
                f"{found}, expected {expected}. Bring that file back, or run `cgt prepare "
                f"{self.name} --kind {self.kind} --raw {path}` anew at every seed."
            )
        return self._read(path)

    def checksums(self, prepared: Arrays) -> dict[str, str]:
        return {"npz": str(prepared["raw_sha256"])}

    def classes(self, raw: Arrays) -> tuple[str, ...]:
        return tuple(raw["class_names"].tolist())

    def _path(self, raw_dir: Path | None) -> Path:
        wanted = f"{self.name} is made from an .npz file: name it (--raw)"
        if raw_dir is None:
            raise DataError(wanted)
        path = Path(raw_dir)
        if path.is_dir():
            raise DataError(f"{path} is a folder; {wanted}")
        if not path.exists():
            raise DataError(f"{path} does not exist; {wanted}")
        return path

    def _read(self, path: Path) -> dict[str, np.ndarray]:
        arrays = load_npz(path)
        try:
            self._check_names(arrays)
            return self.checked(arrays)
        except ValueError as error:
            raise DataError(f"{path}: {error}") from error

    def _check_names(self, arrays: Arrays) -> None:
        allowed = (
            f"a dataset of kind {self.kind} has {', '.join(self.required)}, and may have "
            f"{', '.join(self.optional)}"
        )
        for name in self.required:
            if name not in arrays:
                raise ValueError(f"has no array {name!r}; {allowed}")
        for name in sorted(arrays.keys() - {*self.required, *self.optional}):
            raise ValueError(f"has an unknown array {name!r}; {allowed}")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
