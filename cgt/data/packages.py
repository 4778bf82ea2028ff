"""Software packages that happen to carry a dataset, as sources."""

import importlib.util
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cgt.data.fetch import SourceUnavailable
from cgt.data.raw import RawFile
from cgt.data.sources import Packing

_COMMAND_TIMEOUT = 600  # seconds
_APT_OPTIONS = ("-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=15")


@dataclass(frozen=True)
class PythonPackage:
    """Files inside an installed Python package; the package is found, not imported."""

    package: str
    folder: str
    packing: Packing

    @property
    def label(self) -> str:
        return f"Python package {self.package}"

    def read(self, file: RawFile) -> bytes:
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.origin is None:
            raise SourceUnavailable(f"not installed (`pip install {self.package}` installs it)")
        path = Path(spec.origin).parent / self.folder / self.packing.name(file)
        return self.packing.unpack(path.read_bytes(), file)


@dataclass(frozen=True)
class DebianDownload:
    """A Debian package, fetched from the machine's own mirror and unpacked without root.

    folder: where the package keeps its files, relative to the root folder.
    """

    package: str
    folder: str
    packing: Packing

    @property
    def label(self) -> str:
        return f"apt-get download {self.package}"

    def read(self, file: RawFile) -> bytes:
        return self.packing.unpack(self._read_packed(self.packing.name(file)), file)

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
            _run(["dpkg-deb", "-x", str(archives[0]), "unpacked"], scratch)
            folder = Path(scratch) / "unpacked" / self.folder
            if not folder.is_dir():
                raise SourceUnavailable(f"the package has no folder {self.folder}")
            return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _run(command: Sequence[str], scratch: str) -> None:
    # Messages go to a file: after a timeout, a pipe held by grandchildren would keep us waiting.
    messages = Path(scratch) / "messages"
    try:
        with messages.open("w") as stream:
            subprocess.run(
                command,
                cwd=scratch,
                check=True,
                timeout=_COMMAND_TIMEOUT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
            )
    except FileNotFoundError:
        raise SourceUnavailable(f"there is no command {command[0]} on this machine") from None
    except subprocess.TimeoutExpired:
        raise SourceUnavailable(f"{command[0]} took over {_COMMAND_TIMEOUT} s") from None
    except subprocess.CalledProcessError as error:
        reason = " ".join(messages.read_text(errors="replace").split())
        raise SourceUnavailable(f"{command[0]} exited with {error.returncode}: {reason}") from None
