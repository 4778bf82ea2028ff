"""Numbers that are none stop a run with its place, and never get into a summary."""

import json
import random
import shutil

import pandas as pd
import pytest
import torch
from faults.conftest import SETTINGS, Place
from synthetic import make_run
from tiny import tiny_dataset, tiny_settings

from cgt.analysis.summary import RUN_FILES, aggregate
from cgt.methods import REGISTRY
from cgt.training.divergence import DivergedError
from cgt.training.loop import Trainer
from cgt.training.optimizer import OneCycleSGD

RUNS = [("indian_pines", method, seed) for method in ("soft_cgt", "single_exit") for seed in (1, 2)]


def test_a_diverging_job_says_where_and_leaves_no_result(data, forks, tmp_path):
    place = Place(tmp_path, data, settings={**SETTINGS, "lr": 1e30})
    code, output = forks.run(*place.arguments, log=tmp_path / "log")
    assert code == 2
    said = output.splitlines()[-1]
    assert said.startswith("cgt train: training diverged at epoch 1, step ")
    assert said.endswith("a smaller lr than 1e+30 may help")
    assert place.files() == {}


@pytest.fixture
def trainer(tmp_path):
    settings = tiny_settings(epochs=2)
    return Trainer(tiny_dataset(), REGISTRY["branchynet"](), 1, settings, tmp_path / "c.pt")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_no_number(trainer, monkeypatch, value):
    terms, step, steps = trainer.method.terms, OneCycleSGD.step, []

    def counted(optimizer):
        step(optimizer)
        steps.append(optimizer)

    def broken(*arguments, **given):
        good = terms(*arguments, **given)
        # Four steps make an epoch: the sixth is wrong.
        return good._replace(losses=good.losses * value) if len(steps) == 5 else good

    monkeypatch.setattr(OneCycleSGD, "step", counted)
    monkeypatch.setattr(trainer.method, "terms", broken)
    with pytest.raises(
        DivergedError, match=r"diverged at epoch 2, step 2: NaN or infinity in the loss; a smaller"
    ):
        trainer.run()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_after_the_last_step(trainer, monkeypatch, value):
    step, calls = OneCycleSGD.step, []

    def broken(optimizer):
        step(optimizer)
        calls.append(optimizer)
        if len(calls) == 8:  # the last of two epochs with four steps each
            with torch.no_grad():
                next(iter(trainer.network.parameters())).fill_(value)

    monkeypatch.setattr(OneCycleSGD, "step", broken)
    with pytest.raises(
        DivergedError, match=r"diverged at epoch 2, step 4: NaN or infinity in the weights"
    ):
        trainer.run()


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    root = tmp_path_factory.mktemp("sound")
    for run in RUNS:
        make_run(root, *run, samples=40)
    return root


@pytest.fixture
def runs(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "runs")


def missing_file(path, chance):
    path.unlink()
    return "is missing"


def missing_cell(path, chance):
    frame = pd.read_csv(path, dtype=str)
    column = chance.choice(frame.columns)
    row = chance.randrange(len(frame))
    frame.loc[row, column] = ""
    frame.to_csv(path, index=False)
    return column


def no_number(path, chance):
    frame = pd.read_csv(path, dtype=str)
    numbers = [name for name in frame if pd.to_numeric(frame[name], errors="coerce").notna().all()]
    column = chance.choice(numbers)
    row = chance.randrange(len(frame))
    frame.loc[row, column] = chance.choice(["nan", "inf", "-inf", "NaN", "x", "1e999"])
    frame.to_csv(path, index=False)
    return f"in row {row + 1}; it must be a finite number"


def twice(path, chance):
    frame = pd.read_csv(path, dtype=str)
    pd.concat([frame, frame.sample(1, random_state=chance.randrange(99))]).to_csv(path, index=False)
    return "stands there twice"


def cut_off(path, chance):
    path.write_text(path.read_text().rpartition(",")[0])
    return "must be a finite number"


def header_only(path, chance):
    path.write_text(path.read_text().partition("\n")[0])
    return "holds no rows"


def no_csv(path, chance):
    path.write_bytes(bytes(chance.randrange(256) for _ in range(100)))
    return ""


DAMAGES = [missing_file, missing_cell, no_number, twice, cut_off, header_only, no_csv]
TABLES = [file for file in RUN_FILES.values() if file.endswith(".csv")]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("table", TABLES)
def test_aggregation_refuses_and_names(damage, table, runs, tmp_path):
    path = runs / "indian_pines/soft_cgt/2" / table
    expected = damage(path, random.Random(f"{damage.__name__} {table}"))
    with pytest.raises(ValueError) as error:
        aggregate(runs, RUNS, tmp_path / "out")
    assert f"indian_pines/soft_cgt/2/{table}" in str(error.value)
    assert expected in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", json.dumps({"wall_seconds": None}), '{"wall_seconds": NaN}']
)
def test_aggregation_refuses_a_damaged_manifest(content, runs, tmp_path):
    path = runs / "indian_pines/soft_cgt/2/manifest.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"indian_pines/soft_cgt/2/manifest\.json: "):
        aggregate(runs, RUNS, tmp_path / "out")
    assert not (tmp_path / "out").exists()
