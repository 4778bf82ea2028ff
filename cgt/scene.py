"""Map a whole scene with a trained run: every pixel, labelled or not."""

from pathlib import Path

import numpy as np
import torch

from cgt.data import load
from cgt.data.indian_pines import cut_patches
from cgt.data.scene import reduced_scene
from cgt.files import save_npz
from cgt.saved import load_run
from cgt.training import EVALUATION_BATCH, Job, build_method


@torch.inference_mode()
def map_scene(job: Job, model: Path, out: Path) -> None:
    """Write what every exit answers for every pixel of the scene, and how sure it is.

    The file holds ``prediction`` uint8 ``[E, H, W]``, class numbers from 0, and ``confidence``
    float32 ``[E, H, W]`` in [0, 1]. ``model`` is the run's ``model.safetensors``.

    Raises:
        ValueError: if the dataset has no scene, or for damaged data.
    """
    torch.set_num_threads(1)
    method = build_method(job)
    network = load_run(model, load(job.dataset, job.prepared, job.raw_dir), method)
    scene, patch = reduced_scene(job.dataset, job.prepared, job.raw_dir)
    height, width, _ = scene.shape
    confidences, predictions = [], []
    for index in torch.arange(height * width).split(EVALUATION_BATCH):
        x = torch.from_numpy(cut_patches(scene, index.numpy(), patch))
        logits = network(x.contiguous(memory_format=torch.channels_last))
        confidence, prediction = method.decide(torch.stack(logits))
        confidences.append(confidence.numpy())
        predictions.append(prediction.numpy())
    shape = (-1, height, width)
    save_npz(
        out,
        prediction=np.concatenate(predictions, axis=1).reshape(shape).astype(np.uint8),
        confidence=np.concatenate(confidences, axis=1).reshape(shape),
    )
