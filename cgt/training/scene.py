"""Map a scene with trained runs: every pixel, labelled or not."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED

import numpy as np
import torch
from torch import Tensor

from cgt.data import load
from cgt.data.patches import cut_patches
from cgt.data.scene import backdrop, every, reduced_scene
from cgt.nn.exits import route
from cgt.records.files import save_npz
from cgt.training.loop import EVALUATION_BATCH
from cgt.training.runs import TrainedRun, open_run


@torch.inference_mode()
def map_scene(
    folders: Sequence[Path],
    dataset: str,
    prepared: Path,
    raw_dir: Path,
    threshold: float,
    step: int = 1,
) -> dict[str, np.ndarray]:
    """Route the pixels of a scene, for each run.

    Args:
        folders: of runs at one seed.
        dataset: protocol on the scene that they were trained by.
        prepared: what they were trained on.
        raw_dir: folder of the raw files.
        threshold: in [0, 1], for all exits.
        step: every how many rows and columns a pixel is mapped; 1 maps all.

    Returns:
        `methods` [M], `exits` uint8 [M] (how many the method has), and uint8 [M, h, w], for the
        rows and columns that are mapped: `prediction`, class numbers from 0, and `exit`, from 1.

    Raises:
        ValueError: if the dataset has no scene, for damaged data, or runs of other data.
    """
    torch.set_num_threads(1)
    scene, patch = reduced_scene(dataset, prepared, raw_dir)
    mapped = every(np.arange(scene[..., 0].size).reshape(scene.shape[:2]), step)
    batches = [
        torch.from_numpy(cut_patches(scene, index.numpy(), patch)).contiguous(
            memory_format=torch.channels_last
        )
        for index in torch.from_numpy(mapped.ravel()).split(EVALUATION_BATCH)
    ]
    data = load(dataset, prepared, raw_dir)
    methods, exits, leaves, predictions = [], [], [], []
    for folder in folders:
        run = open_run(folder, data)
        exit, prediction = _route(run, batches, threshold)
        methods.append(run.job["method"])
        exits.append(run.network.num_exits)
        leaves.append(exit.reshape(mapped.shape) + 1)
        predictions.append(prediction.reshape(mapped.shape))
    return {
        "methods": np.array(methods),
        "exits": np.array(exits, dtype=np.uint8),
        "prediction": np.array(predictions, dtype=np.uint8),
        "exit": np.array(leaves, dtype=np.uint8),
    }


def write_maps(
    out: Path,
    folders: Sequence[Path],
    dataset: str,
    prepared: Path,
    raw_dir: Path,
    threshold: float,
    shown: str,
    step: int = 1,
) -> None:
    """Write what :func:`map_scene` gives, and the scene's backdrop beside it, into one `.npz`.

    shown: the method that pictures of one method show.
    """
    maps = map_scene(folders, dataset, prepared, raw_dir, threshold, step)
    known = backdrop(dataset, prepared, raw_dir, step)
    save_npz(out, compression=ZIP_DEFLATED, shown=shown, **known, **maps)


def _route(
    run: TrainedRun, batches: Sequence[Tensor], threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Exit, from 0, and prediction of every sample."""
    routed = [route(run.network(x), threshold, run.rule) for x in batches]
    exit, prediction = (torch.cat(parts).numpy() for parts in zip(*routed, strict=True))
    return exit, prediction
