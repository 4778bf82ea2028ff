"""A real, tiny run from raw data to figures, and what reruns after a change."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest
from checkout import TINY, Checkout

from cgt.analysis.conclusions import CONCLUSIONS
from cgt.analysis.figures import FIGURES
from cgt.analysis.frames import SAMPLED, TABLES
from cgt.study.config import merge

AFTER_ONE_RUN = {
    **{"evaluate": 1, "aggregate": 1, "sample_intervals": 1, "conclude": 1},
    **{"plots": 1, "tables": 1},
}
PICTURES = {"scene": 1, "confusion": 1, "pictures": 1}


@contextlib.contextmanager
def edited(path):
    """Append a comment to a file for the length of the block."""
    before = path.read_bytes()
    path.write_bytes(before + b"\n# edited\n")
    try:
        yield
    finally:
        path.write_bytes(before)


@contextlib.contextmanager
def configured(checkout, change):
    checkout.configure(merge(TINY, change))
    try:
        yield
    finally:
        checkout.configure(TINY)


def test_a_fresh_checkout_plans_every_stage(fresh):
    assert fresh.planned() == {
        "download_indian_pines": 1,
        "prepare": 1,
        "reference": 1,
        "train": 2,
        "evaluate": 2,
        "aggregate": 1,
        "sample_intervals": 1,
        "conclude": 1,
        "tables": 1,
        "plots": 1,
        "audit": 1,
        **PICTURES,
    }


def test_everything_promised_is_there(finished):
    results = finished.folder / "results/tiny"
    assert {path.stem for path in (results / "summary").iterdir()} == {
        *TABLES,
        *CONCLUSIONS,
        SAMPLED,
        "audit",
        "class_names",
        "confusion",
        "scene_indian_pines",
    }
    pictures = {"scene_indian_pines", "confusion_indian_pines"}
    assert {path.stem for path in (results / "figures").iterdir()} == {*FIGURES, *pictures}
    assert (results / "tables/table_1.tex").is_file()
    assert (results / "benchmarks/train/indian_pines/soft_cgt/1.tsv").is_file()
    log = results / "logs/train/indian_pines/soft_cgt/1.log"
    assert "epoch 1/1" in log.read_text()


def test_jobs_get_their_settings(finished):
    run = finished.folder / "results/tiny/runs/indian_pines/soft_cgt/1"
    job = json.loads((run / "manifest.json").read_text())["job"]
    assert job["hyperparameters"] == {"scale": 4.0}
    assert job["settings"] == {
        "augmentation": "dihedral",
        "batch_size": 32,
        "device": "cpu",
        "epochs": 1,
        "label_smoothing": 0.0,
        "lr": 0.05,
        "momentum": 0.9,
        "network": "compact_scene",
        "weight_decay": 0.0,
    }


def test_a_second_run_does_nothing(finished):
    assert finished.planned() == {}


def test_the_train_rule_can_be_named(fresh, finished):
    assert fresh.planned("--until", "train") == {
        "download_indian_pines": 1,
        "prepare": 1,
        "train": 2,
    }
    again = {**AFTER_ONE_RUN, **PICTURES, "train": 2, "evaluate": 2}
    assert finished.planned("--forcerun", "train") == again


def test_an_edited_method_reruns_that_method_only(finished):
    with edited(finished.folder / "cgt/methods/soft_cgt.py"):
        assert finished.planned() == {"train": 1, **AFTER_ONE_RUN, **PICTURES}


def test_an_edited_loop_reruns_all_training(finished):
    with edited(finished.folder / "cgt/training/loop.py"):
        planned = finished.planned()
    trained = {"train": 2}
    assert planned == {**trained, **AFTER_ONE_RUN, **PICTURES, "evaluate": 2}


def test_an_edited_plot_reruns_the_plots_only(finished):
    with edited(finished.folder / "cgt/analysis/figures/accuracy_cost.py"):
        assert finished.planned() == {"plots": 1}


def test_a_changed_hyperparameter_reruns_that_method_only(finished):
    with configured(finished, {"methods": {"soft_cgt": {"indian_pines": {"scale": 2.0}}}}):
        assert finished.planned() == {"train": 1, **AFTER_ONE_RUN, **PICTURES}


@pytest.mark.parametrize(
    ("change", "besides"),
    [
        ({"epochs": 2}, {}),
        ({"components": 5}, {"prepare": 1, "audit": 1, "reference": 1}),
        ({"exits": 2}, {"reference": 1}),
    ],
)
def test_a_changed_setting_of_a_dataset_reruns_what_depends_on_it(finished, change, besides):
    with configured(finished, {"datasets": {"indian_pines": change}}):
        planned = finished.planned()
    trained = {"train": 2}
    again = {**trained, **AFTER_ONE_RUN, **PICTURES, "evaluate": 2}
    assert planned == {**again, **besides}


def test_touching_without_editing_reruns_nothing(finished):
    for name in ("methods/soft_cgt.py", "training/loop.py", "analysis/figures/accuracy_cost.py"):
        (finished.folder / "cgt" / name).touch()
    (finished.folder / "tiny.yaml").touch()
    assert finished.planned() == {}


def test_a_new_seed_adds_its_runs_only(finished):
    with configured(finished, {"seeds": [1, 2]}):
        assert finished.planned() == {
            "prepare": 1,
            "train": 2,
            **AFTER_ONE_RUN,
            "evaluate": 2,
        }


def test_tuning_plans_the_same_number_of_trials_for_every_method(finished):
    assert finished.planned("tune") == {
        **{"prepare": 2, "tune_trial": 8},
        **{"tune_entry": 2, "tune": 1},
    }


def test_a_trial_is_scored_at_its_seed(fresh):
    path = "results/tiny/tuning/indian_pines/soft_cgt/1/seed-1001.json"
    run = fresh.snakemake(path)
    assert run.returncode == 0, run.stdout
    record = json.loads((fresh.folder / path).read_text())
    assert (record["trial"], record["seed"]) == (1, 1001)
    assert 0 < record["score"] <= 1


def test_an_ablation_is_run_and_published(finished, tmp_path):
    checkout = Checkout(Path(shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)))
    study = {"methods": ["soft_cgt"], "datasets": ["indian_pines"], "vary": {"tau": [0.5, 0.9]}}
    ablation = {"seeds": {"indian_pines": [1]}, "studies": [study]}
    checkout.configure(merge(TINY, {"ablation": ablation}))
    run = checkout.snakemake("publish_ablation")
    assert run.returncode == 0, run.stdout
    published = checkout.folder / "results/published/ablation"
    rows = (published / "summary/effects.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 3  # two values, three metrics
    assert (published / "figures/ablation_indian_pines.svg").is_file()
    assert "τ = 0.5" in (published / "tables/ablation.md").read_text()
    assert not (published / "summary/curves.csv").exists()


def test_benchmarks_are_planned_for_a_finished_run(finished):
    assert finished.planned("bench") == {
        "bench_infer": 1,
        "bench_train": 1,
        "bench_entries": 1,
        "bench_scaling": 1,
        "bench_device": 1,
        "bench_pipeline": 1,
        "draw_latency": 1,
        "bench": 1,
    }


def test_check_accepts_the_finished_run(finished):
    run = finished.snakemake("check")
    assert run.returncode == 0, run.stdout
    assert "follows from all 2 runs" in run.stdout


def test_check_names_what_is_missing_where_snakemake_sees_nothing_to_do(finished):
    path = finished.folder / "results/tiny/runs/indian_pines/soft_cgt/1/curves.csv"
    content = path.read_bytes()
    path.unlink()
    run = finished.snakemake("check")
    path.write_bytes(content)
    assert run.returncode != 0
    assert "indian_pines/soft_cgt/1/curves.csv" in run.stdout


def test_predictions_from_elsewhere_are_a_method(finished, tmp_path):
    checkout = Checkout(Path(shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)))
    runs = checkout.folder / "results/tiny/runs/indian_pines"
    (runs / "mine/1").mkdir(parents=True)
    shutil.copy(runs / "soft_cgt/1/predictions.npz", runs / "mine/1")
    checkout.configure(merge(TINY, {"external": ["mine"]}))
    run = checkout.snakemake()
    assert run.returncode == 0, run.stdout
    results = checkout.folder / "results/tiny"
    exits = [line.split(",") for line in (results / "summary/exits.csv").read_text().splitlines()]
    ours, theirs = ([row[3:] for row in exits if row[1] == name] for name in ("soft_cgt", "mine"))
    assert ours == theirs != []
    assert "| mine |" in (results / "tables/results.md").read_text()
    assert checkout.snakemake("check").returncode == 0


def test_figures_are_redrawn_from_published_csvs(finished):
    results = finished.folder / "results"
    published = finished.snakemake("publish")
    assert published.returncode == 0, published.stdout
    figure = results / "published/figures/accuracy_cost.svg"
    before = figure.read_bytes()
    figure.unlink()
    redrawn = finished.snakemake("figures")
    assert redrawn.returncode == 0, redrawn.stdout
    assert figure.read_bytes() == before


# A wrong configuration, and what the message must say.
MISTAKES = {
    "typo": ({"datasets": {"indian_pines": {"epoch": 2}}}, "(did you mean 'epochs'?)"),
    "method": ({"methods": {"sotf_cgt": {}}}, "(did you mean 'soft_cgt'?)"),
    "dataset": ({"datasets": {"indian_pine": {}}}, "(did you mean 'indian_pines'?)"),
    "seeds": ({"seeds": [1, 1]}, "seeds: [1, 1]"),
    "epochs": ({"datasets": {"indian_pines": {"epochs": -1}}}, "epochs: -1"),
    "tau": ({"methods": {"soft_cgt": {"indian_pines": {"tau": 1.5}}}}, "tau: 1.5"),
    "tuning seed": ({"seeds": [1, 1000]}, "tuning.datasets.indian_pines.seeds: 1000"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_configuration_never_starts_a_job(fresh, mistake):
    change, message = MISTAKES[mistake]
    fresh.configure(merge(TINY, change))
    run = fresh.snakemake()
    assert run.returncode != 0
    assert message in run.stdout
    assert not (fresh.folder / "results").exists()
    assert not (fresh.folder / "data").exists()
