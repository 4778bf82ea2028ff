"""Software packages that happen to carry a dataset, as sources."""

import importlib.util
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from cgt.data.fetch import SourceUnavailable
from cgt.data.raw import RawFile
from cgt.data.sources import SourceFormat

_COMMAND_TIMEOUT = 600  # seconds
_MOST_BYTES = 1 << 27  # of one packed file; the largest has a fifth of that
_APT_OPTIONS = ("-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=15")


@dataclass(frozen=True)
class PythonPackage:
    """Files inside an installed Python package; the package is found, not imported."""

    package: str
    folder: str
    format: SourceFormat

    @property
    def label(self) -> str:
        return f"Python package {self.package}"

    def read(self, file: RawFile) -> bytes:
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.origin is None:
            raise SourceUnavailable(f"not installed (`pip install {self.package}` installs it)")
        path = Path(spec.origin).parent / self.folder / self.format.name(file)
        return self.format.unpack(path.read_bytes(), file)


@dataclass(frozen=True)
class DebianDownload:
    """A Debian package, fetched from the machine's own mirror and read without installing it.

    folder: where the package keeps its files, relative to the root folder.
    """

    package: str
    folder: str
    format: SourceFormat

    @property
    def label(self) -> str:
        return f"apt-get download {self.package}"

    def read(self, file: RawFile) -> bytes:
        return self.format.unpack(self._read_packed(self.format.name(file)), file)

    def _read_packed(self, name: str) -> bytes:
        if name not in self._packed:
            raise FileNotFoundError(f"the package has no file {self.folder}/{name}")
        return self._packed[name]

    @cached_property
    def _packed(self) -> dict[str, bytes]:
        # Read into memory at once: one download serves all files, and nothing is left behind.
        with tempfile.TemporaryDirectory() as scratch:
            _run(["apt-get", *_APT_OPTIONS, "download", self.package], scratch)
            archives = list(Path(scratch).glob("*.deb"))
            if len(archives) != 1:
                raise SourceUnavailable(f"apt-get left {len(archives)} packages, expected 1")
            tar = Path(scratch) / "files.tar"
            _run(["dpkg-deb", "--fsys-tarfile", str(archives[0])], scratch, output=tar)
            files = read_folder(tar, self.folder)
        if not files:
            raise SourceUnavailable(f"the package has no folder {self.folder}")
        return files


def read_folder(archive: Path, folder: str) -> dict[str, bytes]:
    """Return the plain files of `folder` inside a tar archive, by name.

    Nothing is extracted, so no path and no link in the archive leads anywhere on this machine.
    Raises SourceUnavailable if the archive is damaged or a file is larger than any we know.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if not member.isreg() or path.parent != PurePosixPath(folder):
                    continue
                if member.size > _MOST_BYTES:
                    raise SourceUnavailable(f"{path} has {member.size} bytes, too many")
                found[path.name] = tar.extractfile(member).read()
    except tarfile.TarError as error:
        raise SourceUnavailable(f"damaged archive ({error})") from error
    return found


def _run(command: Sequence[str], scratch: str, output: str | Path = os.devnull) -> None:
    # Messages go to a file: after a timeout, a pipe held by grandchildren would keep us waiting.
    messages = Path(scratch) / "messages"
    try:
        with messages.open("w") as stream, open(output, "wb") as answer:
            subprocess.run(
                command,
                cwd=scratch,
                check=True,
                timeout=_COMMAND_TIMEOUT,
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=stream,
            )
    except FileNotFoundError:
        raise SourceUnavailable(f"there is no command {command[0]} on this machine") from None
    except subprocess.TimeoutExpired:
        raise SourceUnavailable(f"{command[0]} took over {_COMMAND_TIMEOUT} s") from None
    except subprocess.CalledProcessError as error:
        reason = " ".join(messages.read_text(errors="replace").split())
        raise SourceUnavailable(f"{command[0]} exited with {error.returncode}: {reason}") from None
