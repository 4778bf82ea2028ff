"""One process at a time in a folder: an orphan of a killed run and its successor never mix.

File systems of clusters (Lustre mounted without `flock`, CIFS, some NFS) and Windows know no such
lock. There the work goes on without one and says so: it is the user's to start nothing twice.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

try:
    import fcntl
except ModuleNotFoundError:  # Windows: the parts that work there must still be importable
    fcntl = None  # type: ignore[assignment]

LOCK = "lock"
WITHOUT_LOCKS = frozenset(
    {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL}
)
"""What file systems without locks answer."""


class LockedError(OSError):
    """Another process works in the folder; the message says which, and what to do."""


def take(stream: IO[bytes], path: Path, wait: bool = False) -> bool:
    """Lock the open file `stream`, called `path`; False, after a warning, where none can be had.

    Raises BlockingIOError if another process holds it and `wait` is false.
    """
    if fcntl is None:
        reason = "this system has no flock"
    else:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return True
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                raise
            reason = os.strerror(error.errno)
    print(
        f"{path}: its file system cannot lock files ({reason}); going on without a lock: start no "
        f"second run in this folder",
        file=sys.stderr,
    )
    return False


@contextmanager
def turn(path: str | os.PathLike[str]) -> Iterator[None]:
    """Wait until the lock `path` is free and hold it for the length of the block.

    For what processes use one after the other; the system frees it however a process ends. Where
    the file system has no locks, nothing is waited for, and a warning says so.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab", buffering=0) as stream:
        take(stream, path, wait=True)
        yield


@contextmanager
def locked(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold the lock of `folder`, which is created if missing, for the length of the block.

    The system frees the lock when the process ends, however it ends. The file stays: removing it
    would let two processes lock two files of the same name. Where the file system has no locks, the
    block runs without, and a warning says so.

    Raises LockedError if another process holds the lock.
    """
    path = Path(folder) / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab+", buffering=0) as stream:
        try:
            take(stream, path)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read().decode(errors="replace").strip() or "unknown"
            raise LockedError(
                f"process {holder} is still at work on this run and holds {path}; "
                f"wait until it ends, or end it (kill {holder}), then run again"
            ) from None
        try:
            stream.truncate(0)
            stream.write(b"%d\n" % os.getpid())
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        yield
