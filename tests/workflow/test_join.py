"""Rows are published from finished runs, and a method joins them: for real, in seconds."""

import json
import os

import pytest
import torch
from checkout import copy_of_repository

from cgt.commands.cli import main
from cgt.records.rows import read_rows
from cgt.study.plan import as_json

SHARED = {"epochs": 1, "batch_size": 32, "momentum": 0.9, "weight_decay": 0.0}
SHARED |= {"label_smoothing": 0.0, "network": "roomy_signals"}
SMALL = {
    "results": "results/tiny",
    "data": {"raw": "data/raw", "prepared": "data/prepared/tiny"},
    "seeds": [1, 2],
    "datasets": {"mnist1d": {**SHARED, "limit": 200}},
    "methods": {"branchynet": {"mnist1d": {"lr": 0.05}}},
    "pictures": {"seed": 1, "method": "branchynet", "scene_step": 4},
    "tuning": {
        "datasets": {},
        "space": {"lr": [0.02, 0.1], "label_smoothing": [0.0]},
        "first": {"lr": 0.02, "label_smoothing": 0.0},
    },
}
JOIN = ("join", "--config", "join=soft_cgt", "join_seeds=1")
PAGE = "results/tiny/join/soft_cgt/join.md"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout with the rows of one method, trained in this process to save time."""
    checkout = copy_of_repository(tmp_path_factory.mktemp("join"))
    checkout.configure(SMALL)
    before, threads = os.getcwd(), torch.get_num_threads()
    os.chdir(checkout.folder)
    torch.set_num_threads(1)
    try:
        for seed in (1, 2):
            prepared = f"data/prepared/tiny/mnist1d/{seed}.npz"
            raw = ["--raw", "data/raw/mnist1d"]
            run = ["--dataset", "mnist1d", "--method", "branchynet", "--seed", str(seed)]
            folder = f"results/tiny/runs/mnist1d/branchynet/{seed}"
            settings = as_json({**SHARED, "lr": 0.05, "augmentation": "none", "device": "cpu"})
            places = ["--out", folder, "--checkpoints", f"checkpoints/{seed}"]
            split = ["prepare", "mnist1d", "--seed", str(seed), *raw, "--limit", "200"]
            assert main([*split, "--out", prepared]) == 0
            job = ["train", *run, "--prepared", prepared, *raw, "--settings", settings]
            assert main([*job, *places]) == 0
    finally:
        os.chdir(before)
        torch.set_num_threads(threads)
    published = checkout.snakemake("publish_rows", "--config", "publish_mark=trial")
    assert published.returncode == 0, published.stdout
    assert "published: mnist1d/branchynet" in published.stdout
    assert checkout.planned("publish_rows") == {"publish_rows": 1}
    return checkout


@pytest.fixture(scope="module")
def joined(checkout):
    run = checkout.snakemake(*JOIN)
    assert run.returncode == 0, run.stdout
    return checkout.folder


def test_rows_hold_what_the_runs_give(checkout):
    frames = read_rows(checkout.folder / "results/published/rows")
    assert frames["marks"].to_dict("records") == [
        {
            **{"dataset": "mnist1d", "method": "branchynet"},
            **{"tuned": "no: no search was made", "marked": "trial"},
        }
    ]
    assert frames["areas"]["seed"].tolist() == [1, 2]


def test_the_method_trains_alone_and_one_published_run_is_repeated(joined):
    runs = joined / "results/tiny/join/soft_cgt/runs"
    assert {path.parent.relative_to(runs).as_posix() for path in runs.rglob("predictions.npz")} == {
        "mnist1d/soft_cgt/1",
        "mnist1d/branchynet/1",
    }
    job = json.loads((runs / "mnist1d/soft_cgt/1/manifest.json").read_text())["job"]
    assert job["settings"]["lr"] == 0.02
    assert job["hyperparameters"] == {}


def test_the_page_compares_with_the_published_rows(joined):
    text = (joined / PAGE).read_text(encoding="utf-8")
    assert "This machine repeats mnist1d/branchynet/1 to the digit" in text
    assert "**SoftCGT (joining) is untuned**" in text
    assert "of 2** by area, over 1 seed" in text
    assert (joined / PAGE).with_suffix(".html").read_text(encoding="utf-8").count("<svg") == 2


def test_nothing_is_done_again(joined, checkout):
    assert checkout.planned(*JOIN) == {}


def test_settings_that_are_not_the_published_ones_are_refused_before_training(joined, checkout):
    settings = {**SMALL["datasets"]["mnist1d"], "epochs": 2}
    checkout.configure({**SMALL, "results": "results/other", "datasets": {"mnist1d": settings}})
    try:
        run = checkout.snakemake(*JOIN, "join_settings=own")
    finally:
        checkout.configure(SMALL)
    assert run.returncode != 0
    assert "the protocol is not that of the published rows" in run.stdout
    assert "epochs is 2.0, published 1.0" in run.stdout
    assert not (checkout.folder / "results/other/join/soft_cgt/runs").exists()


def test_join_asks_for_the_method(checkout):
    run = checkout.snakemake("join")
    assert run.returncode != 0
    assert "which method joins? Name it: make join METHOD=name" in run.stdout
