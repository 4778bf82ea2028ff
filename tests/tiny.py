"""A tiny dataset that a network can learn within seconds, and runs on it."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from cgt.data import Dataset, Split
from cgt.methods import REGISTRY
from cgt.records.files import write_json
from cgt.records.manifest import build_manifest, digests
from cgt.training.job import TrainingSettings
from cgt.training.loop import Trainer


def tiny_dataset(train: int = 128, val: int = 60, test: int = 60, seed: int = 0) -> Dataset:
    """Indian Pines in shape (4 bands, 5×5 patches, 3 classes); class = brightest band."""
    random = np.random.default_rng(seed)
    parts, start = [], 0
    for size in (train, val, test):
        y = np.arange(size) % 3
        x = random.normal(size=(size, 4, 5, 5)).astype(np.float32)
        x[np.arange(size), y] += 2.0
        parts.append(Split(x, y, np.arange(start, start + size)))
        start += size
    names = ("corn", "oats", "wheat")
    return Dataset("indian_pines", names, *parts, checksums={"prepared": f"tiny {seed}"})


def tiny_settings(epochs: int = 6, **changes) -> TrainingSettings:
    """For the tiny dataset: its network, turned patches, and whatever a test changes."""
    own = {"network": "compact_scene", "augmentation": "dihedral"}
    return TrainingSettings(**{**own, "epochs": epochs, "batch_size": 32, "lr": 0.05, **changes})


def tiny_run(method: str, folder: Path) -> Path:
    """Train a method on the tiny dataset and leave the run's files in ``folder``; return that."""
    settings = tiny_settings(epochs=3)
    checkpoint = folder / "checkpoint.pt"
    trainer = Trainer(tiny_dataset(), REGISTRY[method](), 1, settings, checkpoint)
    trainer.run()
    trainer.write(folder)
    checkpoint.unlink()
    job = {"dataset": "indian_pines", "method": method, "implementation": method, "seed": 1}
    job["hyperparameters"] = {}
    job["settings"] = asdict(settings)
    write_json(
        folder / "manifest.json",
        build_manifest(job, trainer.data.checksums, 1, 1.0, digests(folder)),
    )
    return folder
