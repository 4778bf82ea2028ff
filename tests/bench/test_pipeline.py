"""Processes are measured from outside; the pipeline's table is made of them."""

import json
from pathlib import Path

import pandas as pd
import pytest

from cgt import data
from cgt.bench import pipeline
from cgt.bench.pipeline import COLUMNS, bench_pipeline, train_arguments
from cgt.bench.processes import peak_gigabytes, python, seconds, seconds_to_first_step
from cgt.commands.cli import build_parser

ROOT = Path(__file__).parents[2]
SETTINGS = {"network": "compact_scene", "epochs": 9, "batch_size": 32, "lr": 0.05}


def job(folder, **changes):
    return {
        "dataset": "indian_pines",
        "method": "branchynet",
        "implementation": "branchynet",
        "seed": 1,
        "prepared": folder / "prepared.npz",
        "raw_dir": folder / "raw",
        "settings": SETTINGS,
        "hyperparameters": {"exit_weights": [1.0, 0.5, 0.25]},
        **changes,
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Raw and prepared Indian Pines; the download comes from the installed package."""
    folder = tmp_path_factory.mktemp("data")
    data.download("indian_pines", folder / "raw")
    sizes = {"limit": 160, "patch": 5, "components": 4}
    data.prepare("indian_pines", 1, folder / "raw", folder / "prepared.npz", **sizes)
    return folder


def test_a_job_stops_before_its_first_step(folder, tmp_path):
    assert seconds_to_first_step(train_arguments(job(folder), tmp_path)) > 0
    files = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert files == ["lock"]  # the job had taken its run, and written nothing


def test_a_job_that_never_starts_says_why(folder, tmp_path):
    arguments = train_arguments(job(folder, implementation="nothing"), tmp_path)
    with pytest.raises(ValueError, match="method is 'nothing'; allowed are"):
        seconds_to_first_step(arguments)


def test_the_job_is_the_given_one_but_for_its_epochs(tmp_path):
    given = job(tmp_path)
    parsed = build_parser().parse_args(["train", *train_arguments(given, tmp_path)])
    assert parsed.settings == {**SETTINGS, "epochs": 1}
    assert {key: getattr(parsed, key) for key in ("dataset", "method", "seed")} == {
        key: given[key] for key in ("dataset", "method", "seed")
    }
    assert parsed.hyperparameters == given["hyperparameters"]


def test_a_command_that_fails_shows_its_output():
    assert seconds(python("-c", "pass")) > 0
    with pytest.raises(ValueError, match="failed with status 3:\nreason"):
        seconds(python("-c", "print('reason'); raise SystemExit(3)"))


def test_peak_memory_counts_what_is_freed_again():
    small = peak_gigabytes(python("-c", "pass"))
    large = peak_gigabytes(python("-c", "a = bytearray(300_000_000); del a"))
    assert large - small == pytest.approx(0.3, abs=0.05)
    with pytest.raises(ValueError, match="status 3"):
        peak_gigabytes(python("-c", "raise SystemExit(3)"))


def test_the_table_names_goals_and_what_a_second_core_gives(tmp_path, monkeypatch):
    commands, paces = [], iter([2.0, 4.0, 6.0, 3.0])  # on 2, 1, 1, 2 cores

    def known_seconds(command):
        commands.append(command)
        trained = "--cores" in command and any(str(part).endswith("exits.csv") for part in command)
        return next(paces) if trained else 1.0

    monkeypatch.setattr(pipeline, "seconds", known_seconds)
    monkeypatch.setattr(pipeline, "seconds_to_first_step", lambda arguments: 3.0)
    monkeypatch.setattr(pipeline, "peak_gigabytes", lambda command: 0.5)
    (tmp_path / "raw/indian_pines").mkdir(parents=True)
    out = tmp_path / "pipeline.csv"
    bench_pipeline(ROOT / "Snakefile", [job(tmp_path)], tmp_path / "raw", out)
    found = pd.read_csv(out, keep_default_na=False)
    assert tuple(found.columns) == COLUMNS
    value = found.set_index("what")["value"]
    assert value["training job, indian_pines: start to first step"] == 3.0
    assert value["training job, indian_pines: peak memory"] == 0.5
    speedup = found[found["unit"] == "times as fast"]
    assert speedup["what"].item().startswith("smoke configuration")
    assert speedup["value"].item() == 5.0 / 2.5
    assert found["goal"].tolist()[:4] == ["< 0.3", "< 5", "< 4", "< 1"]
    plans = [command for command in commands if "--dry-run" in command]
    assert len(plans) == pipeline.REPEATS
    machine = json.loads((tmp_path / "pipeline.json").read_text())
    assert machine["threads"] == 1 and "snakemake" in machine["versions"]
