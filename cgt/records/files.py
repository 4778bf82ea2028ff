"""Files that are either complete or absent, and whose bytes depend on their content alone."""

import errno
import io
import json
import os
import re
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

# Zip entries carry a date; a fixed one (the earliest allowed) keeps equal arrays equal on disk.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
# What an `.npz` may unpack to: far more than any of ours, less than would fill a memory.
_MOST_BYTES = 1 << 31
# What file systems answer that have no fsync for this kind of file.
_CANNOT_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF}
# The names that `atomic_path` gives.
_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{12}(\.[^.]*)?")


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there when the block succeeds, else remove it.

    The temporary name keeps the suffix, because many writers choose the format by it.
    Missing parent folders are created. Raises FileNotFoundError if the block wrote nothing, and
    OSError naming `path` if the system refuses: no space, no permission.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(6)}{path.suffix}")
    try:
        yield temporary
        _fsync(temporary)
        os.replace(temporary, path)
    except OSError as error:
        # A full disk names no file, and a folder without permission the temporary one.
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
    _fsync_folder(
        path.parent
    )  # the new name survives a power cut only once the folder is written too


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove what `atomic_path` left in `folder` because its process was killed.

    Only where no other process writes: see `cgt.records.lock`.
    """
    for path in Path(folder).glob(".*"):
        if _TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def move(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Move a complete file onto `target` atomically; both are on one file system.

    Missing parent folders are created. Raises OSError naming `target` if the system refuses.
    """
    target = Path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, target)
        _fsync_folder(target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


def check_safetensors(path: str | os.PathLike[str]) -> None:
    """Raise ValueError naming the file unless its header is readable and its length right.

    Nothing is loaded, and torch is not needed.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        raise ValueError(f"{path}: not a complete safetensors file ({error})") from error


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8 and without translating line ends."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike[str], obj: Any) -> None:
    """Write `obj` as JSON, see :func:`json_text`."""
    write_text(path, json_text(obj))


def json_text(obj: Any) -> str:
    """`obj` as JSON: sorted keys, indent 2, one newline at the end.

    Raises ValueError for NaN and infinities, which JSON does not know.
    """
    text = json.dumps(obj, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def save_npz(
    path: str | os.PathLike[str], *, compression: int = zipfile.ZIP_STORED, **arrays: np.ndarray
) -> None:
    """Save `arrays` as an `.npz`, atomically; equal arrays give equal bytes.

    compression: one of `zipfile`'s; large files that are read often are quicker without.
    Raises ValueError for object arrays: they would need pickle.
    """
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        _write_npz(stream, arrays, compression)


def npz_bytes(*, compression: int = zipfile.ZIP_STORED, **arrays: np.ndarray) -> bytes:
    """What :func:`save_npz` would write."""
    stream = io.BytesIO()
    _write_npz(stream, arrays, compression)
    return stream.getvalue()


def load_npz(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Return all arrays of an `.npz` file, each checked against its CRC; pickles are never loaded.

    Raises ValueError naming the file if it is damaged or holds anything but arrays.
    """
    # Not numpy.load: where a damaged header announces less than there is, it never sees the CRC.
    with open(path, "rb") as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
                if size > _MOST_BYTES:
                    raise ValueError(f"it unpacks to {size} bytes, allowed are {_MOST_BYTES}")
                parts = {name: archive.read(name) for name in archive.namelist()}
            return {name.removesuffix(".npy"): _parse_npy(part) for name, part in parts.items()}
        except Exception as error:  # damaged archives raise nearly anything
            raise ValueError(
                f"{path}: not a readable .npz file without pickles "
                f"({type(error).__name__}: {error})"
            ) from error


def _write_npz(stream: BinaryIO, arrays: Mapping[str, np.ndarray], compression: int) -> None:
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_ZIP_DATE)
            entry.compress_type = compression
            entry.create_system = 3  # the default is the operating system's number
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as part:
                np.lib.format.write_array(part, np.asarray(array, order="C"), allow_pickle=False)


def _parse_npy(data: bytes) -> np.ndarray:
    stream = io.BytesIO(data)
    array = np.lib.format.read_array(stream, allow_pickle=False)
    if rest := len(data) - stream.tell():
        raise ValueError(f"{rest} bytes behind the end of an array")
    return array


def _fsync(path: Path) -> None:
    """Have the system write a file's content out."""
    # Windows refuses what is open for reading alone.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)


def _fsync_folder(folder: Path) -> None:
    """Have the system write a folder's list of names out, where it can.

    Lustre, CIFS, shared folders of virtual machines and Windows cannot; there the file system sees
    to it in its own time, and only a power cut in between could bring the old file back.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder that may be written but not read; Windows opens none
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)
