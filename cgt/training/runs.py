"""A finished run, ready to answer: what its manifest, weights and data together say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cgt.data import Dataset
from cgt.nn.exits import ExitRule
from cgt.nn.network import EarlyExitNetwork
from cgt.records.manifest import FILES, MANIFEST, check_files, load_manifest, run_of
from cgt.training.job import Job, build_method, build_settings
from cgt.training.model_io import load_run, run_identity

WEIGHTS = "model.safetensors"


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
        folder: of the run. One called `.../runs/DATASET/METHOD/SEED` must hold that very run.
        data: what the run was trained on.

    Raises:
        ValueError: if the data are others than those of the run, or a file in the folder is
            damaged or another run's.
    """
    _, method, seed = run_of(folder)
    manifest = load_manifest(folder / MANIFEST, data.name, method, seed)
    job = manifest["job"]
    if data.checksums["prepared"] != manifest["data"]["prepared"]:
        raise ValueError(
            f"these data are not what {folder} was trained on; {job['dataset']} prepared at seed "
            f"{job['seed']} with the run's settings is needed"
        )
    there = [name for name in FILES if (folder / name).exists()]
    check_files(folder, names=[WEIGHTS, *there])
    # Where the data lie makes no difference to the method.
    opened = Job(**job, prepared=folder, raw_dir=folder)
    method, settings = build_method(opened), build_settings(opened)
    asked = (job["seed"], settings.network, settings.exits)
    identity = run_identity(data, job["method"], job["implementation"], *asked)
    place = (settings.network, settings.exits, identity)
    network = load_run(folder / WEIGHTS, data, method, *place)
    return TrainedRun(job, data, network, method.rule(network.num_exits))
