"""Files put into a folder that may hold others' files, too: only what was put there is replaced.

The folder's `published.sha256` lists every file that was put there with the digest of what was
written, as `sha256sum --check` reads it. A file is ours if it is listed and still has that digest;
nothing else is ever overwritten or removed.
"""

import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from cgt.records.files import move, remove_leftovers, write_bytes
from cgt.records.lock import LOCK, LockedError, take

LIST = "published.sha256"
STAGE = ".publishing"
"""Where new files lie until all of them are written."""
EXAMPLES = 5
"""How many names a message gives."""

_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>.+)")
_STAGED = re.compile(r"\d+-[0-9a-f]{64}")

Digests = dict[str, set[str]]
"""What was written under each name; more than one digest while files are being replaced."""


def put(files: Mapping[str, bytes], out: Path) -> list[str]:
    """Make `files`, by name below `out`, what is listed there; each is replaced atomically.

    All are written beside first, so a full disk leaves what was there. What is listed and not among
    `files` is removed. A process that is killed leaves each file old or new, and the list knows
    both: the next call goes on.

    Returns:
        Names of listed files that were edited since and are not among `files`. They stay, and the
        list forgets them.

    Raises:
        ValueError: naming files that others wrote or edited under the names of `files`, or links in
            the way. Nothing is changed then.
        LockedError: if another process is at it.
        OSError: naming the file that could not be written.
    """
    if os.path.lexists(out) and not out.is_dir():
        raise ValueError(f"{out}: not a folder; publish into a folder, new or old")
    with _stage(out) as stage:
        listed = read_list(out)
        digests = {_checked(name, out): _digest(data) for name, data in files.items()}
        there = {name: _digest_of(out / name) for name in {*files, *listed}}
        _refuse_detours(out, there)
        _refuse_strangers(out, files, listed, there)
        changed = [name for name in files if there[name] != digests[name]]
        old = [name for name in listed if name not in files and there[name] is not None]
        kept = [name for name in old if there[name] not in listed[name]]
        removed = [name for name in old if name not in kept]
        final = {name: {digest} for name, digest in digests.items()}
        if not changed and not removed and listed == final:
            return []
        _refuse_closed(out, [*changed, *removed])

        staged = {}
        for number, name in enumerate(changed):
            staged[name] = stage / f"{number}-{digests[name]}"
            _write(staged[name], files[name], out / name)
        both = {
            name: listed.get(name, set()) | final.get(name, set()) for name in {*listed, *final}
        }
        lists = {}
        for number, of in enumerate((both, final), start=len(staged)):
            text = _text(of).encode()
            lists[number] = stage / f"{number}-{_digest(text)}"
            _write(lists[number], text, out / LIST)

        # From here on nothing needs room on the disk, and every moment is one the list describes.
        before, after = lists.values()
        move(before, out / LIST)
        for name in changed:
            move(staged[name], out / name)
        for name in removed:
            (out / name).unlink()
            _remove_empty((out / name).parent, out)
        move(after, out / LIST)
        return sorted(kept)


def enlist(out: Path, names: Iterable[str]) -> None:
    """Count what stands in `out` under `names` as put there; the rest of the list stays.

    Raises:
        ValueError: if one is no regular file below `out`, or the list is damaged.
    """
    listed = read_list(out)
    there = {_checked(name, out): _digest_of(out / name) for name in names}
    _refuse_detours(out, there)
    for name, digest in there.items():
        if not digest:
            raise ValueError(f"{out / name}: not a regular file; only these can be listed")
        listed[name] = {digest}
    write_bytes(out / LIST, _text(listed).encode())


def read_list(out: Path) -> Digests:
    """What was put into `out`; empty if nothing ever was.

    Raises:
        ValueError: naming the list if it is damaged, or names what is not below its folder.
    """
    path = out / LIST
    listed: Digests = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return listed
    except UnicodeDecodeError:
        lines = [""]
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if not match:
            raise ValueError(
                f"{path}: line {number} is not a SHA-256, two spaces and a name; restore the file, "
                f"or delete it and move away what was published there"
            )
        listed.setdefault(_checked(match["name"], path), set()).add(match["digest"])
    return listed


def refuse_overlap(sources: Iterable[Path], out: Path) -> None:
    """Raise ValueError if a source is `out`, lies in it or around it, by whatever links."""
    target = out.resolve()
    around = [path for path in (target, *target.parents) if path.exists()]
    for source in sources:
        if not source.exists():
            continue
        path = source.resolve()
        within = target.exists() and any(p.samefile(target) for p in (path, *path.parents))
        if within or any(p.samefile(path) for p in around):
            raise ValueError(
                f"{source} is to be published into {out}, but they are one folder or one lies in "
                f"the other; nothing was changed: choose another folder"
            )


def some(names: Iterable[object]) -> str:
    """At most five names, and how many more there are."""
    names = list(map(str, names))
    more = len(names) - EXAMPLES
    return ", ".join(names[:EXAMPLES]) + (f" and {more} more" if more > 0 else "")


@contextlib.contextmanager
def _stage(out: Path) -> Iterator[Path]:
    """An empty folder on the file system of `out`, for this process alone."""
    stage, lock, new = out / STAGE, out / STAGE / LOCK, not out.exists()
    if os.path.lexists(stage):
        ours = stage.is_dir() and not stage.is_symlink()
        if not ours or (not lock.is_file() and any(stage.iterdir())):
            raise ValueError(f"{stage}: not written by publishing, but in its way; move it away")
    stage.mkdir(parents=True, exist_ok=True)
    with open(lock, "ab") as stream:
        try:
            take(stream, lock)
            # Whoever held it may have removed it between our opening and our locking it.
            if not os.path.samestat(os.fstat(stream.fileno()), os.stat(lock)):
                raise FileNotFoundError
        except (BlockingIOError, FileNotFoundError):
            raise LockedError(
                f"another process is publishing into {out}; wait until it ends, then run again"
            ) from None
        try:
            _clear(stage)  # what a killed process left
            yield stage
        finally:
            _clear(stage)
            lock.unlink()
            with contextlib.suppress(OSError):  # others' files in it stay, and so does it
                stage.rmdir()
                if new:
                    out.rmdir()


def _clear(stage: Path) -> None:
    remove_leftovers(stage)
    for path in stage.iterdir():
        if _STAGED.fullmatch(path.name) and path.is_file():
            path.unlink()


def _write(staged: Path, data: bytes, target: Path) -> None:
    try:
        write_bytes(staged, data)
    except OSError as error:
        # The user knows the file it is going to be.
        raise OSError(error.errno, error.strerror, str(target)) from error


def _refuse_strangers(
    out: Path, files: Iterable[str], listed: Digests, there: Mapping[str, str | None]
) -> None:
    """No file of `files` may lie there that others wrote or edited."""
    others, edited = [], []
    for name in files:
        if there[name] is None:
            continue
        if name not in listed:
            others.append(out / name)
        elif there[name] not in listed[name]:
            edited.append(out / name)
    found = [
        *([f"{some(others)} (publishing did not write it)"] if others else []),
        *([f"{some(edited)} (edited since it was published)"] if edited else []),
    ]
    if found:
        raise ValueError(
            f"in the way: {'; '.join(found)}; nothing was changed: move these files away, or allow "
            f"to replace them with `cgt publish-list {out} FILE ...`, and publish again"
        )


def _refuse_detours(out: Path, names: Iterable[str]) -> None:
    """A folder below `out` that is a link, or a file, leads to what is not ours."""
    for folder in sorted({folder for name in names for folder in _folders(name)}):
        path = out / folder
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            what = "a link" if path.is_symlink() else "a file"
            raise ValueError(
                f"{path}: {what}, where publishing needs a folder; nothing was changed: move it "
                f"away and publish again"
            )


def _refuse_closed(out: Path, names: Iterable[str]) -> None:
    for name in names:
        folder = next(path for path in (out / name).parents if path.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(out / name))


def _folders(name: str) -> list[PurePosixPath]:
    return list(PurePosixPath(name).parents)[:-1]


def _checked(name: str, where: Path) -> str:
    """The name, if it can be of a file that was put below a folder."""
    path = PurePosixPath(name)
    plain = str(path) == name and not path.is_absolute() and ".." not in path.parts
    if not plain or name in ("", ".", LIST) or path.parts[0] == STAGE or not name.isprintable():
        raise ValueError(f"{where}: {name!r} is not the name of a published file in this folder")
    return name


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest_of(path: Path) -> str | None:
    """None if nothing is there; empty, which no digest is, if it is no regular file."""
    if not os.path.lexists(path):
        return None
    return _digest(path.read_bytes()) if path.is_file() and not path.is_symlink() else ""


def _text(listed: Digests) -> str:
    return "".join(
        f"{digest}  {name}\n" for name in sorted(listed) for digest in sorted(listed[name])
    )


def _remove_empty(folder: Path, out: Path) -> None:
    with contextlib.suppress(OSError):  # it is not empty
        while folder != out:
            folder.rmdir()
            folder = folder.parent
