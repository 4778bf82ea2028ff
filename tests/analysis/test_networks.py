"""The table of how much room networks leave."""

import json

import numpy as np
import pytest

from cgt.analysis.networks import write_networks
from cgt.records.files import write_json
from cgt.records.predictions import Predictions, SplitPredictions, save_predictions


def run(root, method, seed, right):
    """A run of two exits whose validation answers are right `right[e]` times of four."""
    folder = root / method / str(seed)
    target = np.zeros(4, dtype=np.int64)
    prediction = np.array([[0] * count + [1] * (4 - count) for count in right])
    half = np.full(prediction.shape, 0.5, dtype=np.float32)
    split = SplitPredictions(prediction, half, target, np.arange(4))
    # All test answers are wrong: a table that looked at them would show it.
    test = SplitPredictions(np.ones_like(prediction), half, target, np.arange(4))
    save_predictions(folder / "predictions.npz", Predictions(split, test, np.array([10, 40])))
    job = {"dataset": "indian_pines", "method": method, "seed": seed}
    job["settings"] = {"network": "roomy_scene"}
    write_json(folder / "manifest.json", {"job": job, "wall_seconds": 7.0})
    return folder


def test_exits_alone_and_jointly_by_validation_alone(tmp_path):
    folders = [run(tmp_path, "static", seed, (1, 4)) for seed in (1, 2)]
    folders += [run(tmp_path, "branchynet", 1, (2, 4)), run(tmp_path, "branchynet", 2, (2, 2))]
    write_networks(folders, tmp_path / "out")
    row = (tmp_path / "out/networks.md").read_text().splitlines()[2]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "Indian Pines",
        "roomy_scene",
        "40",
        "25.0 / 100.0",
        "25.00 ± 0.00 / 100.00 ± 0.00",
        "50.00 ± 0.00 / 75.00 ± 35.36",
        "7",
        "2",
    ]
    lines = (tmp_path / "out/networks.csv").read_text().splitlines()
    assert len(lines) == 1 + 4 * 2


def test_a_run_of_another_method_is_refused(tmp_path):
    folder = run(tmp_path, "soft_cgt", 1, (1, 2))
    assert json.loads((folder / "manifest.json").read_text())["job"]["method"] == "soft_cgt"
    with pytest.raises(ValueError, match="runs of soft_cgt are not asked for; static and branch"):
        write_networks([folder], tmp_path / "out")
