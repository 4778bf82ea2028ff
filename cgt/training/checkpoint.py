"""What a training job leaves behind after each epoch, so that a killed one goes on from there.

A checkpoint is named by the digest of its job's identity, and holds that name inside: under another
name it is another job's.
"""

import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import torch

from cgt.records.files import write_bytes

_DIGEST_BYTES = hashlib.sha256().digest_size


def checkpoint_path(folder: Path, identity: dict[str, Any]) -> Path:
    """File for the job with this ``identity``; another identity never resumes from it."""
    text = json.dumps(identity, sort_keys=True)
    return Path(folder) / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.pt"


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values; the old checkpoint stays until the new one is complete."""
    stream = io.BytesIO()
    torch.save({"name": path.stem, "state": state}, stream)
    content = stream.getvalue()
    write_bytes(path, hashlib.sha256(content).digest() + content)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The last complete checkpoint, or ``None`` if there is none to go on from.

    A damaged one, or another job's under this name, is as good as none, because training from the
    start gives the same result. It says so on stderr: a disk that flips bits is worth knowing.

    Raises:
        ValueError: if the file is whole but holds more than tensors and plain values.
    """
    if not path.exists():
        return None
    data = path.read_bytes()
    digest, content = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        print(
            f"checkpoint {path} is damaged: its content does not match its digest; "
            "training starts over",
            file=sys.stderr,
        )
        return None
    try:
        saved = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception as error:
        raise ValueError(
            f"checkpoint {path} is not one of ours ({error}); delete it to train from the start"
        ) from error
    name = saved.get("name") if isinstance(saved, dict) else None
    if name != path.stem:
        print(
            f"checkpoint {path} is another job's: inside it is called {name}; training starts over",
            file=sys.stderr,
        )
        return None
    return saved["state"]
