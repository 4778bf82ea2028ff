"""The three training loops do the same work, and the table compares them."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from tiny import tiny_dataset

from cgt.bench.loops import (
    Rates,
    bound,
    conventional,
    conventional_batches,
    looks_per_epoch,
    ours,
)
from cgt.bench.train import COLUMNS, bench_train, table
from cgt.training.job import Job, TrainingSettings, build_method
from cgt.training.loop import Trainer

STEPS = 3
SETTINGS = {"network": "compact_scene", "augmentation": "dihedral", "epochs": 4}
SETTINGS |= {"batch_size": 32, "lr": 0.05}
PLACES = Path("prepared"), Path("raw")
JOB = Job("indian_pines", "branchynet", "branchynet", 1, *PLACES, SETTINGS, {})


@pytest.fixture
def data():
    return tiny_dataset()


def pixels(x):
    """The values of each sample, whatever way it is turned."""
    return x.flatten(1).sort(dim=1).values


def test_the_conventional_loop_sees_the_samples_of_ours_in_the_same_order(data, tmp_path):
    settings = TrainingSettings(**SETTINGS)
    trainer = Trainer(data, build_method(JOB), JOB.seed, settings, tmp_path / "none.pt")
    theirs = list(conventional_batches(data, JOB, STEPS))
    assert len(theirs) == STEPS < trainer.steps
    for (x, chosen), (other_x, other_y) in zip(trainer._batches(0), theirs, strict=False):
        assert torch.equal(trainer.train_y[chosen], other_y)
        assert torch.equal(pixels(x), pixels(other_x))


def test_the_conventional_loop_augments_each_sample_anew(data):
    loader = conventional_batches(data, JOB, STEPS)
    (first, _), (again, _) = next(iter(loader)), next(iter(loader))
    assert not torch.equal(first, again)


def test_our_loop_is_measured_with_and_without_what_follows_the_steps(data, tmp_path):
    rates = ours(data, JOB, STEPS, tmp_path)
    assert 0 < rates.epoch < rates.steps
    assert list(tmp_path.iterdir()) == []
    assert torch.get_deterministic_debug_mode() == 0


def test_what_follows_the_steps_is_shared_by_the_epochs_of_a_full_job():
    def share(method, **changes):
        return looks_per_epoch(replace(JOB, implementation=method, settings=SETTINGS | changes), 3)

    assert share("branchynet") == 1
    # Epochs 5, 9, 10, 11 and 12.
    assert share("branchynet", epochs=12, validate_every=5) == 5 / 12
    # 3 and 4 of each of three phases.
    assert share("cascade", epochs=12, validate_every=3) == 6 / 12


def test_the_bound_and_the_conventional_loop_have_rates(data):
    assert bound(data, JOB, STEPS) > 0
    assert conventional(data, JOB, STEPS) > 0


def test_rates_are_put_in_proportion():
    measured = {
        ("bound", ""): [100.0, 200.0, 400.0],
        ("conventional", ""): [25.0, 50.0, 100.0],
        ("ours", "branchynet"): [Rates(90.0, 50.0), Rates(180.0, 100.0), Rates(360.0, 200.0)],
    }
    rows = table(JOB, STEPS, measured)
    assert [(row["loop"], row["method"]) for row in rows] == [
        ("bound", ""),
        ("conventional", ""),
        ("ours", "branchynet"),
        ("ours, whole epochs", "branchynet"),
    ]
    columns = ("samples_per_second", "relative_to_bound", "relative_to_conventional")
    assert [[row[column] for column in columns] for row in rows] == [
        [200.0, 1.0, 4.0],
        [50.0, 0.25, 1.0],
        [180.0, 0.9, 3.6],
        [100.0, 0.5, ""],
    ]


def test_the_table_holds_every_loop_of_every_dataset(data, tmp_path, monkeypatch):
    monkeypatch.setattr("cgt.data.load", lambda name, *_: replace(data, name=name))
    others = [JOB, replace(JOB, method="soft_cgt"), replace(JOB, dataset="indian_pines_disjoint")]
    bench_train(others, steps=1000, repeats=1, out=tmp_path / "train.csv")
    found = pd.read_csv(tmp_path / "train.csv", keep_default_na=False)
    assert tuple(found.columns) == COLUMNS
    assert found.groupby("dataset").size().to_dict() == {
        "indian_pines": 2 + 2 * 2,
        "indian_pines_disjoint": 2 + 2,
    }
    assert (found["samples_per_second"] > 0).all()
    # No more than an epoch has.
    assert set(found["steps"]) == {len(data.train.y) // SETTINGS["batch_size"]}
    assert (tmp_path / "train.json").is_file()
