"""Every subcommand, in process, in the order of the workflow, on a slice of real data."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cgt.analysis.audit import read_audit
from cgt.analysis.figures import FIGURES
from cgt.analysis.pictures.data import THRESHOLD
from cgt.commands.cli import main
from cgt.data.patches import cut_patches
from cgt.deploy.runtime import Deployed
from cgt.operate.area import validation_area
from cgt.operate.routing import exit_index, select
from cgt.records.csv_columns import POINTS
from cgt.records.predictions import load_predictions
from cgt.records.reference import load_reference

SETTINGS = {"network": "compact_scene", "epochs": 1, "batch_size": 32, "lr": 0.05}
RUNS = [("single_exit", 1), ("branchynet", 1), ("single_exit", 2), ("branchynet", 2)]
NAMES = [f"indian_pines/{method}/{seed}" for method, seed in RUNS]


def run(*arguments):
    assert main([str(argument) for argument in arguments]) == 0


def job(root, method, seed, hyperparameters="{}", settings=SETTINGS):
    """Arguments that say what to train."""
    return [
        *("--dataset", "indian_pines", "--method", method, "--seed", seed),
        *("--prepared", root / f"prepared/{seed}.npz", "--raw", root / "raw"),
        *("--settings", json.dumps(settings), "--hyperparameters", hyperparameters),
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Raw and prepared Indian Pines; the download comes from the installed package."""
    root = tmp_path_factory.mktemp("data")
    run("download", "indian_pines", "--out", root / "raw")
    for seed in (1, 2):
        run(
            *("prepare", "indian_pines", "--seed", seed, "--raw", root / "raw"),
            *("--out", root / f"prepared/{seed}.npz"),
            *("--limit", 160, "--patch", 5, "--components", 4),
        )
    run(
        *("reference", "indian_pines", "--prepared", root / "prepared/1.npz"),
        *("--raw", root / "raw", "--network", SETTINGS["network"]),
        *("--out", root / "reference.json"),
    )
    return root


@pytest.fixture(scope="module")
def results(data):
    """Results of four runs, from training to figures."""
    results = data / "results"
    for (method, seed), name in zip(RUNS, NAMES, strict=True):
        folder = results / "runs" / name
        checkpoints = data / "checkpoints" / name
        run("train", *job(data, method, seed), "--out", folder, "--checkpoints", checkpoints)
        run(
            *("evaluate", folder / "predictions.npz", "--dataset", "indian_pines"),
            *("--method", method, "--seed", seed, "--out", folder),
            *("--reference", data / "reference.json"),
        )
    run("aggregate", *NAMES, "--runs", results / "runs", "--out", results / "summary")
    run("conclude", "--summary", results / "summary", "--out", results / "summary")
    run("tables", "--summary", results / "summary", "--out", results / "tables")
    run("figures", "--summary", results / "summary", "--out", results / "figures")
    return results


def test_training_writes_the_run_and_its_manifest(results):
    folder = results / "runs" / NAMES[1]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["job"] == {
        "dataset": "indian_pines",
        "method": "branchynet",
        "implementation": "branchynet",
        "seed": 1,
        "settings": SETTINGS,
        "hyperparameters": {},
    }
    assert manifest["wall_seconds"] > 0
    assert manifest["threads"] == 1
    assert set(manifest["data"]) == {"cube.npy", "ground_truth.npy", "prepared"}
    assert load_predictions(folder / "predictions.npz").macs.shape == (3,)
    assert (folder / "model.safetensors").stat().st_size > 0


def test_results_hold_every_run(results):
    lines = (results / "summary/exits.csv").read_text().splitlines()
    # One exit of single_exit and three of branchynet, at two seeds, below the header.
    assert len(lines) == 1 + 2 * (1 + 3)
    assert (results / "tables/table_1.md").stat().st_size > 0
    assert len(list((results / "figures").glob("*.svg"))) == len(FIGURES)


def test_maps_agree_with_the_predictions_and_become_pictures(data, results, tmp_path):
    methods, path = ("single_exit", "branchynet"), tmp_path / "summary/scene_indian_pines.npz"
    folders = [results / f"runs/indian_pines/{method}/1" for method in methods]
    run(
        *("scene", *folders, "--dataset", "indian_pines", "--shown", "branchynet"),
        *("--prepared", data / "prepared/1.npz", "--raw", data / "raw", "--out", path),
    )
    with np.load(path) as found:
        maps = dict(found)
    assert list(maps["methods"]) == list(methods) and list(maps["exits"]) == [1, 3]
    for number, folder in enumerate(folders):
        test = load_predictions(folder / "predictions.npz").test
        leaves = exit_index(test.confidence, THRESHOLD)
        assert np.array_equal(maps["exit"][number].flat[test.index], leaves + 1)
        answers = select(test.prediction, leaves)
        assert np.array_equal(maps["prediction"][number].flat[test.index], answers)
    run(
        *("scene", *folders, "--dataset", "indian_pines", "--shown", "branchynet", "--step", 4),
        *("--prepared", data / "prepared/1.npz", "--raw", data / "raw", "--out", path),
    )
    with np.load(path) as found:
        for name in ("prediction", "exit", "truth"):
            assert np.array_equal(found[name], maps[name][..., ::4, ::4]), name
    run(
        *("confusion", *NAMES[:2], "--runs", results / "runs"),
        *("--references", data / "reference.json", "--out", tmp_path / "summary"),
    )
    shown = ("--shown", "branchynet")
    run("pictures", "--summary", tmp_path / "summary", "--out", tmp_path / "figures", *shown)
    drawn = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert drawn == {"scene_indian_pines", "confusion_indian_pines"}


def test_an_exported_run_answers_as_its_predictions_do_from_raw_values_on(data, results, tmp_path):
    prepared, folder = data / "prepared/1.npz", results / "runs/indian_pines/branchynet/1"
    asked = ("--dataset", "indian_pines", "--prepared", prepared, "--raw", data / "raw")
    run("export", folder, *asked, "--threshold", 0.3, 0.2, "--out", tmp_path)
    deployed = Deployed(tmp_path / "indian_pines/branchynet/1")
    # But for the point at scaled confidences: a device has no temperatures.
    assert deployed.threshold == [0.3, 0.2] and set(deployed.points) == {*POINTS}
    test = load_predictions(folder / "predictions.npz").test
    patches = cut_patches(np.load(data / "raw/cube.npy"), test.index, 5)
    index, prediction = deployed.infer(deployed.scale(patches))
    expected = exit_index(test.confidence, [0.3, 0.2])
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_array_equal(prediction, select(test.prediction, expected))


def test_an_unknown_operating_point_is_refused(data, results, tmp_path, capsys):
    folder = results / "runs/indian_pines/branchynet/1"
    asked = ["--dataset", "indian_pines", "--prepared", data / "prepared/1.npz"]
    asked += ["--raw", data / "raw", "--point", "elbow", "--out", tmp_path]
    assert main([str(one) for one in ("export", folder, *asked)]) == 2
    assert "point is 'elbow'; allowed are" in capsys.readouterr().err


def test_audit_counts_the_slice(data, tmp_path):
    prepared = f"indian_pines={data / 'prepared/1.npz'}"
    run("audit", prepared, "--raw", data / "raw", "--out", tmp_path / "audit.csv")
    assert read_audit(tmp_path / "audit.csv")["train"].sum() == 160
    with pytest.raises(SystemExit):
        main(["audit", "prepared.npz", "--raw", "raw", "--out", "audit.csv"])


def test_check_accepts_what_is_complete(results, capsys):
    run("check", *NAMES, "--runs", results / "runs", "--summary", results / "summary")
    assert "follows from all 4 runs" in capsys.readouterr().out


def test_check_names_a_missing_run(results, capsys):
    arguments = ["--runs", str(results / "runs"), "--summary", str(results / "summary")]
    assert main(["check", *NAMES, "indian_pines/branchynet/3", *arguments]) == 2
    error = capsys.readouterr().err
    assert f"1 of 5 runs in {results / 'runs'} is missing or damaged" in error
    assert error.endswith("indian_pines/branchynet/3 is missing\n")


def test_check_finds_damaged_predictions_and_weights(results, tmp_path, capsys):
    runs = Path(shutil.copytree(results / "runs", tmp_path / "runs"))
    for name, file in zip(NAMES[:2], ("predictions.npz", "model.safetensors"), strict=True):
        path = runs / name / file
        path.write_bytes(path.read_bytes()[:-100])
    arguments = ["--runs", str(runs), "--summary", str(results / "summary")]
    assert main(["check", *NAMES, *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("cgt check: 2 of 4 runs in ") and error.count("\n") == 1
    assert "predictions.npz: not a readable" in error
    assert "model.safetensors: not a complete" in error


def test_check_of_a_benchmark_that_has_not_run_is_short(tmp_path, capsys):
    names = [f"indian_pines/branchynet/{seed}" for seed in range(175)]
    assert main(["check", *names, "--runs", "none/runs", "--summary", "none/summary"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("cgt check: 175 of 175 runs in none/runs are missing or damaged; ")
    assert error.endswith("; and 170 more\n") and len(error) < 500


def test_check_names_a_stale_table(results, tmp_path, capsys):
    for path in (results / "summary").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "exits.csv").write_text("edited by hand\n")
    (tmp_path / "curves.csv").unlink()
    arguments = ["--runs", str(results / "runs"), "--summary", str(tmp_path)]
    assert main(["check", *NAMES, *arguments]) == 2
    assert "curves.csv, exits.csv missing or not what the runs give" in capsys.readouterr().err


def test_compare_counts_agreement(results, capsys):
    run("compare", results / "summary", results / "summary")
    *_, numbers, verdicts = capsys.readouterr().out.splitlines()
    for line, what in ((numbers, "numbers"), (verdicts, "verdicts")):
        agreeing, _, total, *rest = line.split()
        assert agreeing == total and rest == [what, "agree"]


def test_compare_without_a_run_says_what_to_do_first(results, tmp_path, capsys):
    assert main(["compare", str(tmp_path / "summary"), str(results / "summary")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"cgt compare: {tmp_path}/summary holds no summary; run `make` first")
    assert error.count("\n") == 1


def test_publish_copies_what_people_read(results, tmp_path):
    root = tmp_path / "published"
    run("publish", *NAMES, "--results", results, "--out", root)
    published = {path.relative_to(root) for path in root.rglob("*.*")}
    assert Path("summary/operating_points.csv") in published
    assert Path("tables/table_1.tex") in published
    assert Path("figures/accuracy_cost.png") in published
    assert not [path for path in published if path.suffix == ".pdf"]
    manifest = json.loads((root / "manifest.json").read_text())
    assert set(manifest["wall_seconds"]) == set(NAMES)


def test_what_does_not_follow_from_the_runs_is_not_published(results, tmp_path, capsys):
    copy = tmp_path / "results"
    shutil.copytree(results, copy)
    claims = copy / "summary/claims.csv"
    claims.write_text(claims.read_text() + "a claim of one's own\n")
    arguments = ["publish", *NAMES, "--results", str(copy), "--out", str(tmp_path / "published")]
    assert main(arguments) == 2
    assert "claims.csv missing or not what the runs give" in capsys.readouterr().err
    assert not (tmp_path / "published").exists()


def test_what_is_left_out_is_not_published(results, tmp_path):
    out = tmp_path / "published"
    left_out = ("--without", "curves.csv", "claims.svg")
    run("publish", *NAMES, "--results", results, "--out", out, *left_out)
    assert (out / "summary/exits.csv").is_file() and (out / "figures/claims.png").is_file()
    assert not (out / "summary/curves.csv").exists()
    assert not (out / "figures/claims.svg").exists()


def test_tuning_scores_on_validation_and_selects(data, tmp_path):
    weights = {"exit_weights": "falling"}
    for trial, hyperparameters in enumerate(({"exit_weights": "equal"}, weights)):
        run(
            *("tune-trial", *job(data, "branchynet", 1, json.dumps(hyperparameters))),
            *("--trial", trial, "--work", tmp_path / f"work/{trial}"),
            *("--reference", data / "reference.json"),
            *("--out", tmp_path / f"{trial}.json"),
        )
    record = json.loads((tmp_path / "1.json").read_text())
    predictions = load_predictions(tmp_path / "work/1/predictions.npz")
    assert record == {
        "dataset": "indian_pines",
        "method": "branchynet",
        "trial": 1,
        "seed": 1,
        "settings": {"lr": 0.05, "label_smoothing": 0.0, **weights},
        "score": validation_area(predictions, load_reference(data / "reference.json")),
    }
    cell = ("--dataset", "indian_pines", "--method", "branchynet")
    config = json.dumps(
        {
            "datasets": {"indian_pines": {}},
            "methods": {"branchynet": {"indian_pines": {}}},
            "tuning": {
                "datasets": {"indian_pines": {"trials": 2}},
                "space": {"lr": [0.05], "label_smoothing": [0.0]},
                "first": {"lr": 0.05, "label_smoothing": 0.0},
            },
        }
    )
    table = tmp_path / "shards/indian_pines/branchynet.csv"
    results = (tmp_path / "0.json", tmp_path / "1.json")
    run("tune-entry", *results, *cell, "--config", config, "--out", table)
    assert len(table.read_text().splitlines()) == 3
    run("tune-show", tmp_path / "shards", "--config", config, "--out", tmp_path)
    assert "branchynet:\n    indian_pines: " in (tmp_path / "tuned.yaml").read_text()


def test_a_diverging_trial_scores_zero_and_does_not_stop_the_search(data, tmp_path, capsys):
    run(
        *("tune-trial", *job(data, "branchynet", 1, settings={**SETTINGS, "lr": 1e30})),
        *("--trial", 0, "--work", tmp_path / "work", "--out", tmp_path / "0.json"),
        *("--reference", data / "reference.json"),
    )
    assert json.loads((tmp_path / "0.json").read_text())["score"] == 0.0
    assert "training diverged at epoch 1" in capsys.readouterr().err


def test_a_missing_package_is_named_with_what_installs_it(tmp_path, monkeypatch, capsys):
    def without_pandas(arguments):
        raise ModuleNotFoundError("No module named 'pandas'", name="pandas")

    monkeypatch.setattr("cgt.commands.data.download", without_pandas)
    assert main(["download", "indian_pines", "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("cgt download: pandas is not installed in ")
    assert "pip install -e '.[benchmark]'" in error and error.count("\n") == 1


def test_errors_are_one_clean_message(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path / "none.npz"), *evaluated(), "--out", "x"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("cgt evaluate: ")
    assert "none.json" in error
    assert "Traceback" not in error


def test_debug_shows_the_traceback(tmp_path, capsys):
    predictions = str(tmp_path / "none.npz")
    assert main(["--debug", "evaluate", predictions, *evaluated(), "--out", "x"]) == 2
    assert "Traceback" in capsys.readouterr().err


def evaluated():
    run = ["--dataset", "indian_pines", "--method", "cascade", "--seed", "1"]
    return [*run, "--reference", "none.json"]


@pytest.mark.parametrize(
    "settings, expected", [("{", "is not JSON"), ("[1]", "is not a JSON object")]
)
def test_settings_must_be_a_json_object(settings, expected, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", *evaluated(), "--prepared", "p", "--raw", "r", "--settings", settings])
    assert stop.value.code == 2
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("name", ["indian_pines/cascade", "indian_pines/cascade/one"])
def test_runs_are_named_by_three_parts(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["aggregate", name, "--runs", "r", "--out", "o"])
    assert stop.value.code == 2
    assert name in capsys.readouterr().err


def test_a_command_is_required(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
