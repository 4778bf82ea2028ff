"""The published results are complete, and the configuration holds what tuning chose."""

import csv
import json

from checkout import ROOT

from cgt.analysis.figures import FIGURES
from cgt.analysis.frames import TABLES
from cgt.study.config import load_config, seeds_of
from cgt.study.tuning import trials

PUBLISHED = ROOT / "results/published"
CONFIG = load_config(ROOT / "config/config.yaml")

DO_NOT_ROUTE = {"single_exit", "static"}


def rows(name):
    with (PUBLISHED / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def settings(row):
    return {"lr": float(row["lr"]), **json.loads(row["hyperparameters"])}


def test_configuration_holds_the_chosen_trials():
    chosen = [row for row in rows("tuning.csv") if row["chosen"] == "1"]
    published = {(row["method"], row["dataset"]): settings(row) for row in chosen}
    assert len(published) == len(chosen)
    assert published == {
        (method, dataset): of
        for method, datasets in CONFIG["methods"].items()
        for dataset, of in datasets.items()
        if dataset in CONFIG["tuning"]["datasets"]
    }


def test_both_protocols_of_indian_pines_share_their_hyperparameters():
    for datasets in CONFIG["methods"].values():
        assert datasets["indian_pines_disjoint"] == datasets["indian_pines"]


def test_trials_are_those_of_the_configuration():
    published = {}
    for row in rows("tuning.csv"):
        published.setdefault((row["dataset"], row["method"]), []).append(settings(row))
    assert published == {
        (dataset, method): trials(CONFIG, dataset, method)
        for dataset in CONFIG["tuning"]["datasets"]
        for method in CONFIG["methods"]
    }


def test_chosen_trial_has_the_best_score():
    best = {}
    for row in rows("tuning.csv"):
        key = row["dataset"], row["method"]
        best[key] = max(best.get(key, 0.0), float(row["score"]))
    for row in rows("tuning.csv"):
        if row["chosen"] == "1":
            assert float(row["score"]) == best[row["dataset"], row["method"]]


def test_summary_holds_every_run_of_the_configuration():
    expected = {
        (dataset, method, str(seed))
        for dataset in CONFIG["datasets"]
        for method in CONFIG["methods"]
        for seed in seeds_of(CONFIG, dataset)
    }
    for table, spec in TABLES.items():
        published = {
            (row["dataset"], row["method"], row["seed"]) for row in rows(f"summary/{table}.csv")
        }
        assert published <= expected, table
        silent = {method for _, method, _ in expected - published}
        assert silent <= (DO_NOT_ROUTE if spec.may_be_empty else set()), table


def test_manifest_describes_the_runs_of_the_configuration():
    manifest = json.loads((PUBLISHED / "manifest.json").read_text(encoding="utf-8"))
    for job in manifest["jobs"]:
        own = CONFIG["methods"][job["method"]][job["dataset"]]
        assert {"lr": job["settings"]["lr"], **job["hyperparameters"]} == own
        assert job["settings"]["epochs"] == CONFIG["datasets"][job["dataset"]]["epochs"]
    assert len(manifest["jobs"]) == len(manifest["wall_seconds"])


def test_figures_are_there_in_both_forms():
    published = {path.name for path in (PUBLISHED / "figures").iterdir()}
    assert {f"{name}.{form}" for name in FIGURES for form in ("svg", "png")} <= published


def test_the_networks_that_were_timed_are_the_published_ones():
    points = {
        (row["dataset"], row["method"], row["seed"], row["point"]): row
        for row in rows("summary/operating_points.csv")
    }
    for dataset in CONFIG["datasets"]:
        stopping = [
            row for row in rows(f"benchmarks/infer_{dataset}.csv") if row["variant"] == "infer"
        ]
        assert stopping
        for row in stopping:
            point = points[row["dataset"], row["method"], row["seed"], row["point"]]
            assert float(row["threshold"]) == float(point["threshold"])
            assert row["accuracy"] == f"{float(point['accuracy']):.4g}"
