"""A run of the benchmark for a device: its network, classes, scaling and operating points."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from cgt.data import Dataset
from cgt.data.scaling import scaling
from cgt.deploy.export import write_network
from cgt.methods.static import SideBySide
from cgt.nn.checks import as_thresholds
from cgt.nn.exits import MAX_SOFTMAX
from cgt.nn.network import EarlyExitNetwork
from cgt.records.csv_columns import RUN, SCALED
from cgt.records.csv_schema import check, read_csv
from cgt.training.runs import open_run


def export_run(
    folder: Path,
    data: Dataset,
    prepared: Path,
    out: Path,
    *,
    point: str = "one_se",
    threshold: Sequence[float] | None = None,
) -> Path:
    """Write a run to ``out/DATASET/METHOD/SEED``; return that folder.

    Args:
        folder: of the run, evaluated: its operating points are exported, too.
        data, prepared: what it was trained on, and the file that they were loaded from.
        point: the operating point to answer at by default.
        threshold: one value or E−1, instead of the point's.

    Raises:
        ValueError: for an unknown point, a bad threshold, a decision that ONNX has no words for,
            or a file in the folder that is damaged or another run's.
        ModuleNotFoundError: without the extra `deploy`.
    """
    run = open_run(folder, data)
    job, path = run.job, folder / "operating_points.csv"
    table = check(read_csv(path), "operating_points", path)
    _refuse_another_run(table, job, path)
    table = table[table["point"] != SCALED]  # a device has no temperatures
    points = dict(zip(table["point"], table["threshold"].tolist(), strict=True))
    if point not in points:
        raise ValueError(f"point is {point!r}; allowed are {', '.join(points)}")
    given = points[point] if threshold is None else list(threshold)
    if isinstance(given, list) and len(given) == 1:
        (given,) = given
    network, rule = run.network, run.rule
    if isinstance(network, SideBySide):
        network, rule = chosen_network(network, given), MAX_SOFTMAX
        given, points = 0.0, {}
    about = {
        "run": {name: job[name] for name in ("dataset", "method", "seed")},
        "classes": list(data.class_names),
        "scaling": scaling(prepared),
        "points": points,
    }
    out = out / job["dataset"] / job["method"] / str(job["seed"])
    shape = data.test.x.shape[1:]
    write_network(out, network, rule, given, input_shape=shape, about=about)
    return out


def _refuse_another_run(table: pd.DataFrame, job: Mapping[str, Any], path: Path) -> None:
    for name in RUN:
        found = table[name].iloc[0]
        # A variant's run is called after the settings it was trained with, too.
        if (table[name] != found).any() or str(found).partition(",")[0] != str(job[name]):
            raise ValueError(f"{path}: {name} is {found}; it must be {job[name]}")


def chosen_network(networks: SideBySide, threshold: float | Sequence[float]) -> EarlyExitNetwork:
    """The one of the static networks that a threshold chooses, for all samples alike."""
    exits = networks.num_exits
    thresholds = torch.tensor([*as_thresholds(threshold, exits), 0.0])
    # What `Static.decide` says of every sample.
    sure = torch.arange(1, exits + 1) / exits
    chosen = int((sure >= thresholds).int().argmax())
    return EarlyExitNetwork([networks.stages[chosen]], [networks.heads[chosen]]).eval()
