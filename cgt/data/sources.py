"""The chain of sources: the first one that yields verified content wins."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cgt.data.dataset import DataError
from cgt.data.fetch import RetryPolicy, SourceUnavailable, fetch
from cgt.data.raw import RawFile
from cgt.records.files import write_bytes

MIRROR_VARIABLE = "CGT_DATA_MIRROR"


@dataclass(frozen=True)
class SourceFormat:
    """How a source stores the raw files: `name` there, and `unpack` from the bytes it gives."""

    name: Callable[[RawFile], str]
    unpack: Callable[[bytes, RawFile], bytes]


class Source(Protocol):
    """A place that may have the raw files."""

    @property
    def label(self) -> str:
        """What to call it in messages."""

    def read(self, file: RawFile) -> bytes:
        """Return the bytes of `file`, not yet verified.

        Raises SourceUnavailable if no file can be had here, else OSError or ValueError.
        """


@dataclass(frozen=True)
class Location:
    """A folder or a web folder: `base` is a path or an http(s) URL."""

    base: str
    format: SourceFormat
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    title: str = ""

    @property
    def label(self) -> str:
        return f"{self.title} {self.base}".strip()

    def read(self, file: RawFile) -> bytes:
        location = f"{self.base.rstrip('/')}/{self.format.name(file)}"
        return self.format.unpack(fetch(location, file.max_bytes, self.retry), file)


def mirror(dataset: str, format: SourceFormat) -> list[Source]:
    """Return the user's mirror of `dataset` as a source; an empty list if none is set."""
    base = os.environ.get(MIRROR_VARIABLE, "").rstrip("/")
    return [Location(f"{base}/{dataset}", format, title="mirror")] if base else []


def download_files(
    dataset: str,
    files: Sequence[RawFile],
    sources: Sequence[Source],
    raw_dir: Path,
    mirror_format: SourceFormat,
) -> None:
    """Bring every file of `files` into `raw_dir`, verified; intact ones are left alone.

    Raises DataError listing every source, what went wrong there, and what the user can do.
    """
    missing = [file for file in files if not _is_intact(file, raw_dir)]
    failures: list[str] = []
    for source in sources:
        if not missing:
            break
        missing, problems = _take_from(source, missing, raw_dir)
        failures += [f"  - {source.label}: {problem}" for problem in problems]
    if missing:
        raise DataError(_message(dataset, missing, failures, mirror_format))
    if failures:  # a damaged mirror is worth knowing, even where the next source had the files
        print("\n".join([f"{dataset}: not taken:", *failures]), file=sys.stderr)


def _take_from(
    source: Source, files: Sequence[RawFile], raw_dir: Path
) -> tuple[list[RawFile], list[str]]:
    """Store what `source` can give; return the files still missing, and why."""
    missing: list[RawFile] = []
    problems: list[str] = []
    for position, file in enumerate(files):
        try:
            data = source.read(file)
            file.parse(data)
        except SourceUnavailable as error:
            return missing + list(files[position:]), [*problems, str(error)]
        except (OSError, ValueError) as error:
            missing.append(file)
            problems.append(f"{file.name}: {error}")
        else:
            # Outside the `try`: a full disk is not the source's fault.
            write_bytes(raw_dir / file.name, data)
            print(f"{raw_dir / file.name}: from {source.label}, verified", file=sys.stderr)
    return missing, problems


def _is_intact(file: RawFile, raw_dir: Path) -> bool:
    try:
        file.parse((raw_dir / file.name).read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return True


def _message(
    dataset: str, missing: Sequence[RawFile], failures: Sequence[str], format: SourceFormat
) -> str:
    names = ", ".join(file.name for file in missing)
    wanted = [f"  - {format.name(file)} (content sha256 {file.sha256})" for file in missing]
    return "\n".join(
        [
            f"{dataset}: no source gave {names}. Tried, in order:",
            *failures,
            f"Get these files by other means, put them into a folder FOLDER/{dataset}/,",
            f"set {MIRROR_VARIABLE}=FOLDER (a path or an http(s) URL), and run this again:",
            *wanted,
        ]
    )
