"""The prepared file: the indices of a split and what was fitted on its training pixels."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cgt.data.dataset import DataError
from cgt.records.files import load_npz, save_npz


def save_prepared(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Save `arrays` with their digest."""
    save_npz(path, **arrays, digest=np.array(digest_of(arrays)))


def load_prepared(path: Path, repair: str) -> dict[str, np.ndarray]:
    """Return the arrays of a prepared file, `digest` included, after checking them against it.

    repair: the command that makes the file anew, for the message of the DataError.
    """
    try:
        arrays = load_npz(path)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist. Run {repair}.") from None
    except ValueError as error:
        raise DataError(_refusal(path, f"unreadable ({error})", repair)) from error
    recorded = str(arrays.pop("digest", "absent"))
    if digest_of(arrays) != recorded:
        raise DataError(_refusal(path, "the content does not match its digest", repair))
    return {**arrays, "digest": np.array(recorded)}


def repair_of(dataset: str, path: Path, raw_dir: Path | None, kind: str | None = None) -> str:
    """Return the command that makes a prepared file anew, for messages."""
    options = f" --kind {kind}" if kind else ""
    options += f" --raw {raw_dir}" if raw_dir else ""
    return (
        f"`cgt prepare {dataset}{options} --out {path} --seed SEED`, with --limit, --patch, "
        f"--components and --guard as it was made"
    )


def digest_of(arrays: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 over names, types, shapes and bytes of `arrays`, in order of the names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _refusal(path: Path, problem: str, repair: str) -> str:
    return f"{path}: {problem}. Delete the file and run {repair}."
