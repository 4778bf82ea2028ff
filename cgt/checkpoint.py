"""What a training job leaves behind after each epoch, so that a killed one goes on from there."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from cgt.files import atomic_path


def checkpoint_path(folder: Path, identity: dict[str, Any]) -> Path:
    """File for the job with this ``identity``; another identity never resumes from it."""
    text = json.dumps(identity, sort_keys=True)
    return Path(folder) / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.pt"


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values; the old checkpoint stays until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The last complete checkpoint, or ``None`` if there is none.

    Raises:
        ValueError: if the file is damaged.
    """
    if not path.exists():
        return None
    try:
        return torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(
            f"checkpoint {path} cannot be read ({error}); delete it to train from the start"
        ) from error
