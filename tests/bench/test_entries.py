"""What entries cost: factors within rounds, memory of a process, answers beside the reference."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import tiny_dataset, tiny_run

from cgt.bench import entries, loops
from cgt.bench.entries import COLUMNS, bench_entries, fewest_epochs, one_se_threshold, way_of
from cgt.commands.cli import build_parser
from cgt.records.csv_columns import POINTS
from cgt.records.csv_schema import write_csv
from cgt.records.predictions import load_predictions
from cgt.training.job import Job
from cgt.training.runs import open_run

METHODS = ("single_exit", "static", "branchynet", "cascade")
SETTINGS = {"network": "compact_scene", "augmentation": "dihedral", "epochs": 9}
SETTINGS |= {"batch_size": 32, "lr": 0.05}
THRESHOLD = 0.6


def job(method, **changes):
    places = {"prepared": Path("prepared"), "raw_dir": Path("raw")}
    about = {"dataset": "indian_pines", "method": method, "implementation": method, "seed": 1}
    return Job(**{**about, **places, "settings": SETTINGS, "hyperparameters": {}, **changes})


def points(folder, method):
    """Operating points of a run as the evaluation leaves them; the one-SE point has `THRESHOLD`."""
    scores = dict.fromkeys(("accuracy", "f1_macro", "precision_macro", "recall_macro"), 0.5)
    own = {"dataset": "indian_pines", "method": method, "seed": 1}
    rows = [
        {
            **{**own, "point": point, "threshold": THRESHOLD if point == "one_se" else 0.9},
            **{**scores, "mean_macs": 10.0, "relative_cost": 0.5, "met": 1},
            **{"exit_1": 1.0, "exit_2": 0.0, "exit_3": 0.0},
        }
        for point in POINTS
    ]
    write_csv(pd.DataFrame(rows), folder / "operating_points.csv")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    runs = tmp_path_factory.mktemp("entries") / "runs"
    for method in METHODS:
        folder = tiny_run(method, runs / "indian_pines" / method / "1")
        points(folder, method)
    return runs


@pytest.fixture
def small(monkeypatch):
    """The tiny dataset, few answers; memory is not measured."""
    monkeypatch.setattr("cgt.data.load", lambda dataset, prepared, raw: tiny_dataset())
    monkeypatch.setattr(entries, "SAMPLES", {1: 8, 64: 128})
    monkeypatch.setattr(entries, "ROUNDS", 2)
    asked = []

    def peak(job, folder, epochs):
        asked.append((job.method, epochs))
        return 100.0 + len(asked)

    monkeypatch.setattr(entries, "peak_mib", peak)
    return asked


def test_every_entry_has_a_row_and_its_machine_beside(runs, small, tmp_path):
    out = tmp_path / "entries_indian_pines.csv"
    bench_entries([job(m) for m in METHODS], runs, epochs=3, steps=1, rounds=1, out=out)
    found = pd.read_csv(out).set_index("method")
    assert ("dataset", "method", *found.columns[1:]) == COLUMNS
    assert tuple(found.index) == METHODS
    assert set(found["seed"]) == {1} and set(found["epochs"]) == {3} and set(found["steps"]) == {1}
    factors = ["epoch_factor_low", "epoch_factor", "epoch_factor_high"]
    assert found.loc["branchynet", factors].tolist() == [1, 1, 1]
    assert (found[["epoch_seconds", "ms_1", "ms_64", "reference_ms_1"]] > 0).all(axis=None)
    assert found["peak_mib"].tolist() == [101, 102, 103, 104]
    # The cascade trains its three stages one after the other, the others all at once.
    assert dict(small) == {"single_exit": 1, "static": 1, "branchynet": 1, "cascade": 3}
    assert found["reference_ms_64"].nunique() == 1
    machine = json.loads(out.with_suffix(".json").read_text())
    assert machine["threads"] == 1 and machine["versions"]["torch"] == torch.__version__


def test_numbers_are_medians_over_rounds_and_factors_are_taken_within_a_round():
    trained = {"cascade": [6.0, 2.0, 5.0], "branchynet": [2.0, 1.0, 5.0]}
    times = {"": [1.0, 4.0], "cascade": [3.0, 4.0], "branchynet": [0.5, 3.0]}
    answers = {1: {name: np.array(of) for name, of in times.items()}}
    cascade, branchynet = entries.table(trained, {"cascade": 7, "branchynet": 8}, answers)
    factors = ("epoch_factor_low", "epoch_factor", "epoch_factor_high")
    assert [cascade[name] for name in factors] == [1, 2, 3]
    assert [branchynet[name] for name in factors] == [1, 1, 1]
    assert (cascade["epoch_seconds"], cascade["peak_mib"]) == (5, 7)
    assert (cascade["ms_1"], cascade["reference_ms_1"]) == (3.5, 2.5)
    assert cascade["relative_time_1"] == 2  # of 3 and 1
    assert branchynet["relative_time_1"] == 0.625  # of 0.5 and 0.75


def test_a_training_that_is_cut_short_goes_through_all_phases(tmp_path):
    trained = loops._cut_short(tiny_dataset(), job("cascade"), 4, 2, tmp_path)
    epochs = sorted({int(row[0]) for row in trained.history})
    assert epochs == [1, 2, 3, 4] and len(trained.phases) == 3
    assert (trained.steps, trained.full_steps) == (2, 4)  # 128 samples in batches of 32
    assert trained.in_epochs > 0 and trained.between > 0
    assert list(tmp_path.iterdir()) == []


def test_an_epoch_counts_the_steps_that_were_left_out(tmp_path, monkeypatch):
    trained = SimpleNamespace(in_epochs=30.0, between=6.0, steps=2, full_steps=4)
    monkeypatch.setattr(loops, "_cut_short", lambda *given: trained)
    found = loops.epoch_seconds(None, job("cascade"), epochs=3, steps=2, folder=tmp_path)
    assert found == (2 * 30 + 6) / 3


def test_too_few_epochs_for_an_entrys_phases_are_refused():
    data = tiny_dataset()
    assert [fewest_epochs(data, job(m), 5) for m in METHODS] == [1, 1, 1, 3]
    with pytest.raises(ValueError, match="epochs is 2, too few to train cascade on indian_pines"):
        fewest_epochs(data, job("cascade"), 2)


def test_jobs_are_of_one_dataset_and_seed(tmp_path):
    jobs = [job("branchynet"), job("cascade", seed=2)]
    with pytest.raises(ValueError, match=r"at seed 1 and also of \('indian_pines', 2\)"):
        bench_entries(jobs, tmp_path, epochs=3, steps=1, rounds=1, out=tmp_path / "out.csv")


def test_what_is_timed_answers_as_the_run_at_its_one_se_point(runs):
    """Exits and classes worked out from the run's predictions, by hand."""
    data = tiny_dataset()
    x = torch.from_numpy(data.test.x)
    for method in METHODS:
        folder = runs / "indian_pines" / method / "1"
        test = load_predictions(folder / "predictions.npz").test
        exit = np.full(len(test.target), len(test.prediction) - 1)
        for e in reversed(range(len(test.prediction) - 1)):
            exit[test.confidence[e] >= np.float32(THRESHOLD)] = e
        answer = way_of(open_run(folder, data), folder).answer(x)
        if isinstance(answer, tuple):
            assert answer[0].tolist() == exit.tolist()
            answer = answer[1]
        expected = test.prediction[exit, np.arange(len(exit))]
        assert answer.tolist() == expected.tolist(), method


def test_a_run_without_the_point_is_named(runs, tmp_path):
    table = pd.read_csv(runs / "indian_pines/branchynet/1/operating_points.csv")
    write_csv(table[table["point"] != "one_se"], tmp_path / "operating_points.csv")
    with pytest.raises(ValueError, match="one_se"):
        one_se_threshold(tmp_path)


def test_the_reference_is_the_network_with_its_last_exit_alone():
    data = tiny_dataset()
    reference = entries.reference_network(data, job("branchynet"))
    assert reference.num_exits == 1 and not reference.training
    (logits,) = reference(torch.from_numpy(data.test.x[:2]))
    assert logits.shape == (2, 3)


def test_the_command_takes_what_the_rule_gives():
    words = ("dataset", "method", "implementation", "prepared", "raw_dir")
    jobs = [{**dict.fromkeys(words, "a"), "seed": 1, "settings": {}, "hyperparameters": {}}]
    given = ["bench", "entries", "--jobs", json.dumps(jobs), "--runs", "r", "--out", "o.csv"]
    parsed = build_parser().parse_args(given)
    assert parsed.jobs == jobs
    assert (parsed.epochs, parsed.steps, parsed.rounds) == (6, 40, 3)
