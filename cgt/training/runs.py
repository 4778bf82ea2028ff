"""A finished run, ready to answer: what its manifest, weights and data together say."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cgt.data import Dataset
from cgt.nn.exits import ExitRule
from cgt.nn.network import EarlyExitNetwork
from cgt.training.job import Job, build_method, build_settings
from cgt.training.model_io import load_run


class TrainedRun(NamedTuple):
    """A trained network in evaluation mode, the data it was trained on, and how its exits decide.

    `job` is the manifest's: dataset, method, seed, settings, hyperparameters.
    """

    job: Mapping[str, Any]
    data: Dataset
    network: EarlyExitNetwork
    rule: ExitRule


def open_run(folder: Path, data: Dataset) -> TrainedRun:
    """Load a run from its `manifest.json` and `model.safetensors`.

    Args:
        folder: of the run.
        data: what the run was trained on.

    Raises:
        ValueError: if the data are others than those of the run.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    job = manifest["job"]
    if data.checksums["prepared"] != manifest["data"]["prepared"]:
        raise ValueError(
            f"these data are not what {folder} was trained on; {job['dataset']} prepared at seed "
            f"{job['seed']} with the run's settings is needed"
        )
    # Where the data lie makes no difference to the method.
    opened = Job(**job, prepared=folder, raw_dir=folder)
    method, settings = build_method(opened), build_settings(opened)
    weights = folder / "model.safetensors"
    network = load_run(weights, data, method, settings.network, settings.exits)
    return TrainedRun(job, data, network, method.rule(network.num_exits))
