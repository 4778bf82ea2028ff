"""The published results are complete, and the configuration holds what tuning chose."""

import csv
import json

from checkout import ROOT

from cgt.analysis.figures import FIGURES
from cgt.analysis.first_publication import LACKS
from cgt.analysis.frames import TABLES
from cgt.analysis.statistics import estimate, paired_difference
from cgt.study.config import load_config, seeds_of

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
        if table in LACKS:
            continue
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


def by_seed(name, column, method):
    """Values in % on Indian Pines, in order of seeds; at threshold 0.9 where there are points."""
    wanted = {"dataset": "indian_pines", "method": method, "point": "threshold_0.9"}
    found = [row for row in rows(name) if {**wanted, **row}.items() >= wanted.items()]
    return [100 * float(row[column]) for row in sorted(found, key=lambda row: int(row["seed"]))]


def cells(name):
    """Rows of all tables of a Markdown file, by first cell; no two alike."""
    lines = (PUBLISHED / name).read_text(encoding="utf-8").splitlines()
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    numbers = {name: row for name, *row in found if "±" in row[0]}
    assert len(numbers) == sum("±" in row[1] for row in found)
    return numbers


def interval(of, sign=""):
    half = (of.ci_high - of.ci_low) / 2
    return f"{of.mean:{sign}.2f} ± {half:.2f}".replace("-", "\N{MINUS SIGN}")


def test_the_table_of_learning_rates_follows_from_its_runs():
    new, old = "learning_rate/areas.csv", "summary/areas.csv"
    area = {
        f"{name}, {lr}": by_seed(file, "mean_budget_accuracy", method)
        for name, method, tried in (
            ("BranchyNet", "branchynet", "0.2"),
            ("HardCGT", "hard_cgt", "0.3"),
        )
        for lr, file in (("0.1 (published)", old), (tried, new))
    }
    expected = {name: [interval(estimate(values)), "10"] for name, values in area.items()}
    for other in ("BranchyNet, 0.2", "BranchyNet, 0.1 (published)", "HardCGT, 0.1 (published)"):
        difference = paired_difference(area["HardCGT, 0.3"], area[other])
        expected[f"HardCGT, 0.3 \N{MINUS SIGN} {other}"] = [interval(difference, "+"), "10"]
    assert cells("learning_rate/learning_rate.md") == expected


def test_the_manifest_of_the_learning_rates_describes_their_runs():
    manifest = json.loads((PUBLISHED / "learning_rate/manifest.json").read_text(encoding="utf-8"))
    of_rows = {
        (row["method"], row["seed"], float(row["lr"])) for row in rows("learning_rate/areas.csv")
    }
    assert of_rows == {
        (job["method"], str(job["seed"]), job["settings"]["lr"]) for job in manifest["jobs"]
    }
    overlay = load_config(ROOT / "config/config.yaml", ROOT / "config/learning_rate.yaml")
    for job in manifest["jobs"]:
        own = overlay["methods"][job["method"]]["indian_pines"]
        assert {"lr": job["settings"]["lr"], **job["hyperparameters"]} == own
    tried = {
        (row["method"], float(row["lr"]))
        for row in rows("tuning.csv")
        if row["dataset"] == "indian_pines"
    }
    assert not tried & {(method, lr) for method, _, lr in of_rows}


def test_the_table_of_early_exits_follows_from_the_operating_points():
    name = "summary/operating_points.csv"
    methods = {
        "BranchyNet": "branchynet",
        "CO": "cascade",
        "ClassyNet": "classynet",
        "HardCGT": "hard_cgt",
        "SoftCGT": "soft_cgt",
    }
    first = {label: by_seed(name, "exit_1", of) for label, of in methods.items()}
    last = {label: by_seed(name, "exit_3", of) for label, of in methods.items()}
    before = {label: [100 - share for share in shares] for label, shares in last.items()}
    expected = {
        f"{a} \N{MINUS SIGN} {b}": [
            *(interval(paired_difference(shares[a], shares[b]), "+") for shares in (first, before)),
            "10",
        ]
        for a in ("HardCGT", "SoftCGT")
        for b in ("BranchyNet", "CO", "ClassyNet")
    }
    assert cells("learning_rate/exit_1.md") == expected
