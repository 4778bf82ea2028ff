"""One process at a time in a folder: an orphan of a killed run and its successor never mix."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "lock"


class LockedError(OSError):
    """Another process works in the folder; the message says which, and what to do."""


@contextmanager
def turn(path: str | os.PathLike[str]) -> Iterator[None]:
    """Wait until the lock `path` is free and hold it for the length of the block.

    For what processes use one after the other; the system frees it however a process ends.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def locked(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold the lock of `folder`, which is created if missing, for the length of the block.

    The system frees the lock when the process ends, however it ends. The file stays: removing it
    would let two processes lock two files of the same name.

    Raises LockedError if another process holds the lock.
    """
    path = Path(folder) / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab+", buffering=0) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
