"""How a split of a scene treats each class, and how much it leaks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cgt.data.builder import SPLITS
from cgt.data.opened import open_dataset
from cgt.data.patches import patch_overlap


def audit(dataset: str, prepared: Path, raw_dir: Path) -> list[dict[str, str | int | float]]:
    """Return one row a class of a prepared split; see `audit_split`.

    A file that is called after a seed, such as `1.npz`, must hold the dataset's split of that seed.

    Raises ValueError if the dataset is no scene, DataError for missing or damaged files, or those
    of another dataset or seed.
    """
    seed = int(prepared.stem) if prepared.stem.isdecimal() else None
    scene = open_dataset(dataset, prepared, raw_dir, kinds=("scene",), seed=seed)
    rows = audit_split(
        scene.builder.truth(scene.raw).astype(np.int64) - 1,
        {split: scene.prepared[f"{split}_index"] for split in SPLITS},
        int(scene.prepared["patch"]),
        scene.builder.classes(scene.raw),
    )
    return [{"dataset": dataset, **row} for row in rows]


def audit_split(
    labels: np.ndarray, index: Mapping[str, np.ndarray], patch: int, class_names: Sequence[str]
) -> list[dict[str, str | int | float]]:
    """Return one row a class: its pixels by split, and the leak.

    labels: int64 [H, W], class numbers from 0, or -1 for none; index: positions by split.
    `test_overlap` and `val_overlap` are shares in [0, 1] of the class's test patches that have a
    pixel in common with a patch of training or validation, of any class; `distance` is the mean
    over its test pixels of the rows or columns, whichever are more, to the nearest training pixel.
    The three are NaN if it has no test patch. `in_macro_average` is 1 if the class has test pixels,
    else 0.
    """
    from scipy.ndimage import distance_transform_cdt  # slow to import, and needed here alone

    others = np.ones(labels.shape, dtype=bool)
    others.flat[index["train"]] = False
    away = distance_transform_cdt(others, metric="chessboard")
    rows = []
    for number, name in enumerate(class_names):
        own = {split: chosen[labels.flat[chosen] == number] for split, chosen in index.items()}
        overlap = val_overlap = distance = float("nan")
        if len(own["test"]) > 0:
            overlap, val_overlap = (
                patch_overlap(index[split], own["test"], patch, labels.shape)
                for split in ("train", "val")
            )
            distance = float(away.flat[own["test"]].mean())
        rows.append(
            {
                "class": name,
                "pixels": int((labels == number).sum()),
                **{split: len(own[split]) for split in SPLITS},
                "test_overlap": overlap,
                "in_macro_average": int(len(own["test"]) > 0),
                "patch": patch,
                "val_overlap": val_overlap,
                "distance": distance,
            }
        )
    return rows
