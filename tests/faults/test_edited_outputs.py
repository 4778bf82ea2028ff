"""Outputs that someone has edited, cut off or mixed up: each is refused with its place.

`RUN_EDITS` are of a run's folder, where gathering finds them; `SUMMARY_EDITS` of a summary, where
whoever draws from it does.
"""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from synthetic import make_run

from cgt.analysis.frames import read_summary
from cgt.analysis.summary import RUN_FILES, aggregate
from cgt.operate.sweep import POINTS, THRESHOLDS
from cgt.records import csv_columns
from cgt.records.files import load_npz, save_npz
from cgt.records.manifest import digests

DATASET = "indian_pines"
RUNS = [(DATASET, method, seed) for method in ("soft_cgt", "single_exit") for seed in (1, 2)]
EDITED = f"{DATASET}/soft_cgt/1"


def cell(file, column, value, row=1):
    """One number or name in one row, from 0; a callable gets what was there."""

    def edit(folder):
        frame = pd.read_csv(folder / file, dtype=str)
        old = frame.loc[row, column]
        frame.loc[row, column] = str(value(float(old)) if callable(value) else value)
        frame.to_csv(folder / file, index=False)

    return edit


def column(file, name, change):
    """A whole column."""

    def edit(folder):
        frame = pd.read_csv(folder / file)
        frame[name] = change(frame[name])
        frame.to_csv(folder / file, index=False)

    return edit


def without(file, rows):
    """Lines that are lost; a slice of those below the header."""

    def edit(folder):
        head, *lines = (folder / file).read_text().splitlines(keepends=True)
        kept = [line for line in lines if line not in lines[rows]]
        (folder / file).write_text("".join([head, *kept]))

    return edit


def half(file):
    """The second half of the rows is lost."""

    def edit(folder):
        head, *lines = (folder / file).read_text().splitlines(keepends=True)
        (folder / file).write_text("".join([head, *lines[: len(lines) // 2]]))

    return edit


def where(file, text):
    """The rows that this holds of are lost."""

    def edit(folder):
        frame = pd.read_csv(folder / file, dtype={"seed": int})
        frame.drop(frame.query(text).index).to_csv(folder / file, index=False)

    return edit


def taken(file, other, source=None):
    """Another run's file in place of this one's."""

    def edit(folder):
        shutil.copy(folder.parents[2] / other / (source or file), folder / file)

    return edit


def manifest(*keys, value):
    """One entry of the manifest."""

    def edit(folder):
        whole = entry = json.loads((folder / "manifest.json").read_text())
        *outer, last = keys
        for key in outer:
            entry = entry[key]
        entry[last] = value
        (folder / "manifest.json").write_text(json.dumps(whole))

    return edit


def arrays(change):
    """The arrays of the predictions, and a manifest that lists the edited file."""

    def edit(folder):
        found = load_npz(folder / "predictions.npz")
        change(found)
        save_npz(folder / "predictions.npz", **found)
        manifest("files", value=digests(folder))(folder)

    return edit


def copied(found, source, target):
    found |= {name.replace(source, target): found[name] for name in found if source in name}


def measured_on_validation(folder):
    """Every table as it would be if the validation split were the test split."""
    from cgt.analysis.evaluation import evaluate
    from cgt.records.csv_schema import write_csv
    from cgt.records.predictions import Predictions, load_predictions
    from cgt.records.reference import load_reference

    found = load_predictions(folder / "predictions.npz")
    reference = load_reference(folder.parents[3] / "reference" / f"{DATASET}.json")
    swapped = Predictions(found.val, found.val, found.macs)
    for name, frame in evaluate(swapped, DATASET, "soft_cgt", 1, reference).items():
        write_csv(frame, folder / f"{name}.csv")


def other_exits(folder):
    """The two last exits are lost from what was measured of each."""
    where("exits.csv", "exit > 1")(folder)


# In words: what is edited, and what the message must say besides the file.
CELLS = {
    "operating_points": {
        "accuracy": (17, "accuracy is 17.0 in row 2; it must be in [0, 1]"),
        "accuracy ": (-3, "accuracy is -3.0 in row 2"),
        "f1_macro": (1.5, "f1_macro is 1.5 in row 2"),
        "precision_macro": (-0.1, "precision_macro is -0.1 in row 2"),
        "recall_macro": (2, "recall_macro is 2.0 in row 2"),
        "mean_macs": (-5, "mean_macs is -5.0 in row 2; it must be above 0"),
        "mean_macs ": (0, "mean_macs is 0.0 in row 2"),
        "relative_cost": (-1, "relative_cost is -1.0 in row 2"),
        "relative_cost ": (lambda old: old / 2, "relative_cost is not in proportion to mean_macs"),
        "threshold": (1.5, "threshold is 1.5 in row 2"),
        "exit_1": (0.9, "the shares of the exits do not sum to 1 in the row"),
        "exit_2": (-0.5, "exit_2 is -0.5 in row 2"),
        "point": ("elbow", "point is elbow in row 2; it must match"),
        "met": (2, "met is 2 in row 2; it must be in [0, 1]"),
        "accuracy  ": (lambda old: old - 0.05, "accuracy"),
    },
    "curves": {
        "accuracy": (17, "accuracy is 17.0 in row 2"),
        "exit_1": (0.2, "the shares of the exits do not sum to 1 in the row"),
        "relative_cost": (-1, "relative_cost is -1.0 in row 2"),
        "threshold": (0.0151, "threshold is 0.0151"),
        "accuracy ": (lambda old: old - 0.02, "accuracy"),
        "relative_cost ": (lambda old: old + 0.05, "relative_cost"),
    },
    "exits": {
        "accuracy": (17, "accuracy is 17.0 in row 2"),
        "accuracy ": (-3, "accuracy is -3.0 in row 2"),
        "macs": (-100, "macs is -100 in row 2"),
        "macs ": (10, "macs does not rise to the row exit=2"),
        "macs  ": (2**60, "macs must be below 2^53"),
        "relative_cost": (0, "relative_cost is 0.0 in row 2"),
        "relative_cost ": (lambda old: 2 * old, "relative_cost is not in proportion to macs"),
        "exit": (0, "exit is 0 in row 2"),
        "exit ": (4, "the row exit=2 is missing"),
        "accuracy  ": (lambda old: old - 0.01, "accuracy is"),
    },
    "classes": {
        "precision": (2, "precision is 2.0 in row 2"),
        "recall": (-1, "recall is -1.0 in row 2"),
        "support": (0, "support is 0 in row 2"),
        "support ": (lambda old: int(old) + 1, "support of class=1 is not the same at every point"),
        "class": (-1, "class is -1 in row 2"),
        "recall ": (lambda old: (old + 0.3) % 1, "the mean of recall is not recall_macro"),
    },
    "exit_rules": {
        "mean_budget_accuracy": (1.2, "mean_budget_accuracy is 1.2 in row 2"),
        "exit_rule": ("policy", "exit_rule is policy in row 2"),
    },
    "overthinking": {
        "wasteful": (1.2, "wasteful is 1.2 in row 2"),
        "destructive": (1, "destructive is more than wasteful in the row"),
    },
    "calibration": {
        "temperature": (-1, "temperature is -1.0 in row 2"),
        "ece": (2, "ece is 2.0 in row 2"),
        "ece ": (lambda old: old + 0.01, "ece is not that of reliability in the row"),
        "scaling": ("platt", "scaling is platt in row 2"),
    },
    "failure": {
        "auroc": (1.2, "auroc is 1.2 in row 2"),
        "aurc": (-0.1, "aurc is -0.1 in row 2"),
        "risk": (lambda old: (old + 0.01) / 2, "in exits.csv, in the row exit="),
        "risk ": (1, "auroc is not 0.5, though nothing can be told apart"),
        "excess_aurc": (1, "excess_aurc is more than aurc in the row"),
        "scaling": ("platt", "scaling is platt in row 2"),
        "exit": (7, "is missing"),
    },
    "reliability": {
        "share": (1.5, "share is 1.5 in row 2"),
        "share ": (lambda old: old + 0.3, "do not sum to 1"),
        "confidence": (lambda old: (old + 0.5) % 1, "confidence lies outside its bin in the row"),
        "bin": (99, "bin is 99 in row 2"),
    },
    "training": {
        "val_accuracy": (17, "val_accuracy is 17.0 in row 2"),
        "mean_weight": (-1, "mean_weight is -1.0 in row 2"),
        "mean_eligibility": (3, "mean_eligibility is 3.0 in row 2"),
        "val_mean_eligibility": (-0.2, "val_mean_eligibility is -0.2 in row 2"),
        "grad_norm": (-1, "grad_norm is -1.0 in row 2"),
        "epoch": (0, "epoch is 0 in row 2"),
        "exit": (9, "is missing"),
    },
    "gradients": {
        "norm": (-1, "norm is -1.0 in row 2"),
        "cosine": (1.7, "cosine is 1.7 in row 2; it must be in [-1, 1]"),
        "stage": (3, "the exit does not reach the stage in the row"),
    },
}

RUN_EDITS = {
    f"{table}: {name}, {number}": (
        RUN_FILES[table],
        cell(RUN_FILES[table], name.strip(), value),
        message,
    )
    for table, cells in CELLS.items()
    for number, (name, (value, message)) in enumerate(cells.items())
}
RUN_EDITS |= {
    f"{table}: the last row is lost": (
        # What is lost of the exits shows where the others still are.
        "history.csv" if table == "exits" else RUN_FILES[table],
        without(RUN_FILES[table], slice(-1, None)),
        "",
    )
    for table in CELLS
}
RUN_EDITS |= {
    f"{table}: half a file": (
        "history.csv" if table == "exits" else RUN_FILES[table],
        half(RUN_FILES[table]),
        "",
    )
    for table in CELLS
}
RUN_EDITS |= {
    "areas: above 1": ("areas.csv", cell("areas.csv", "mean_budget_accuracy", 1.2, 0), "1.2"),
    "areas: another": (
        "exit_rules.csv",
        cell("areas.csv", "mean_budget_accuracy", lambda old: old - 0.01, 0),
        "in areas",
    ),
    "oracle: above 1": ("oracle.csv", cell("oracle.csv", "accuracy", 1.7, 0), "accuracy is 1.7"),
    "oracle: shares": ("oracle.csv", cell("oracle.csv", "exit_3", 0.9, 0), "do not sum to 1"),
    "oracle: cost": (
        "oracle.csv",
        cell("oracle.csv", "relative_cost", lambda old: old + 0.1, 0),
        "relative_cost is not what the exits cost",
    ),
    "a point is lost": (
        "operating_points.csv",
        where("operating_points.csv", "point == 'one_se'"),
        "the row point=one_se is missing",
    ),
    "a budget is lost": (
        "operating_points.csv",
        where("operating_points.csv", "point == 'budget_10'"),
        "the row point=budget_10 is missing",
    ),
    "a point without a budget that is not met": (
        "operating_points.csv",
        column("operating_points.csv", "met", lambda old: 0 * old),
        "met is 0 of a point without a budget",
    ),
    "a budget that is not met, yet not the cheapest": (
        "operating_points.csv",
        lambda folder: (
            cell("operating_points.csv", "met", 0)(folder),
            cell("operating_points.csv", "threshold", 0.01)(folder),
        ),
        "met is 0, but the threshold is not that of the cheapest point",
    ),
    **{
        f"{table}: the scaled point is lost": (
            f"{table}.csv",
            where(f"{table}.csv", "point == 'threshold_0.9_scaled'"),
            "the row point=threshold_0.9_scaled is missing",
        )
        for table in ("operating_points", "overthinking")
    },
    "failure: scaling is lost": (
        "failure.csv",
        where("failure.csv", "scaling == 'temperature'"),
        "the row exit=1, scaling=temperature is missing",
    ),
    "an epoch is lost": ("history.csv", where("history.csv", "epoch == 3"), "sha256"),
    "an exit of an epoch is lost": (
        "history.csv",
        where("history.csv", "epoch == 3 and exit == 2"),
        "the row epoch=3, exit=2 is missing",
    ),
    "the last epoch is lost": ("history.csv", where("history.csv", "epoch == 12"), "sha256"),
    "an exit is lost in every epoch": ("history.csv", where("history.csv", "exit == 3"), ""),
    "gradients: an epoch is lost": ("gradients.csv", where("gradients.csv", "epoch == 3"), ""),
    "gradients: a pair is lost": (
        "gradients.csv",
        where("gradients.csv", "epoch == 3 and exit == 1 and other == 3"),
        "missing beside epoch=3",
    ),
    "exits are lost": ("history.csv", other_exits, "the last exit is 3, but 1 in exits"),
    "a class is lost at every point": ("classes.csv", where("classes.csv", "`class` == 3"), ""),
    "a threshold is lost": (
        "curves.csv",
        where("curves.csv", "threshold == 0.5"),
        "the row threshold=0.5 is missing",
    ),
    "a history of another method": (
        "history.csv",
        taken("history.csv", f"{DATASET}/single_exit/1"),
        "",
    ),
    "a history of another seed": (
        "history.csv",
        taken("history.csv", f"{DATASET}/soft_cgt/2"),
        "sha256",
    ),
    "gradients of another seed": (
        "gradients.csv",
        taken("gradients.csv", f"{DATASET}/soft_cgt/2"),
        "sha256",
    ),
    "predictions of another seed": (
        "predictions.npz",
        taken("predictions.npz", f"{DATASET}/soft_cgt/2"),
        "sha256",
    ),
    "weights cut off": (
        "model.safetensors",
        lambda folder: (folder / "model.safetensors").write_bytes(b"wei"),
        "sha256",
    ),
    "weights lost": ("model.safetensors", lambda f: (f / "model.safetensors").unlink(), "missing"),
    "a manifest of another method": (
        "manifest.json",
        taken("manifest.json", f"{DATASET}/single_exit/1"),
        "method is 'single_exit'; it must be 'soft_cgt'",
    ),
    "a manifest of another seed": (
        "manifest.json",
        taken("manifest.json", f"{DATASET}/soft_cgt/2"),
        "seed is 2; it must be 1",
    ),
    "manifest: method": (
        "manifest.json",
        manifest("job", "method", value="cascade"),
        "config_hash",
    ),
    "manifest: dataset": ("manifest.json", manifest("job", "dataset", value="x"), "config_hash"),
    "manifest: a path": (
        "manifest.json",
        manifest("job", "dataset", value="../../X"),
        "dataset is '../../X'; it must match",
    ),
    "manifest: seed": ("manifest.json", manifest("job", "seed", value=-1), "seed is -1"),
    "manifest: a seed in words": (
        "manifest.json",
        manifest("job", "seed", value="1"),
        "seed is '1'",
    ),
    "manifest: time": ("manifest.json", manifest("wall_seconds", value=-5), "wall_seconds is -5"),
    "manifest: no files": ("manifest.json", manifest("files", value={}), "files lists []"),
    "manifest: half": (
        "manifest.json",
        lambda f: (f / "manifest.json").write_text((f / "manifest.json").read_text()[:100]),
        "not a JSON object",
    ),
    "predictions: validation in place of test": (
        "exits.csv",
        arrays(lambda found: copied(found, "val_", "test_")),
        "predictions.npz beside it gives",
    ),
    "predictions: a target of 2^40": (
        "predictions.npz",
        arrays(lambda found: found["test_target"].__setitem__(3, 2**40)),
        "test_target holds 1099511627776; it must be below 16",
    ),
    "predictions: 2^40 without logits": (
        "predictions.npz",
        arrays(
            lambda found: (
                found.pop("val_logits"),
                found.pop("test_logits"),
                found["test_prediction"][0].__setitem__(3, 2**40),
            )
        ),
        "test_prediction holds 1099511627776; it must be below 65536",
    ),
    "predictions: costs": (
        "predictions.npz",
        arrays(lambda found: found["macs"].__setitem__(2, 2**60)),
        "macs holds 1152921504606846976; it must be at most",
    ),
    "predictions: other answers": (
        "exits.csv",
        arrays(lambda found: found["test_prediction"].__setitem__(2, 0)),
        "predictions.npz beside it gives",
    ),
    "predictions: half of the samples": (
        "exits.csv",
        arrays(
            lambda found: found.update(
                {n: a[:, :30] if a.ndim > 1 else a[:30] for n, a in found.items() if "test" in n}
            )
        ),
        "predictions.npz beside it gives",
    ),
    "tables of the validation split": (
        "classes.csv",
        measured_on_validation,
        "they must answer the same test samples",
    ),
    "exits of another seed": (
        "exits.csv",
        taken("exits.csv", f"{DATASET}/soft_cgt/2"),
        "seed is 2; it must be 1",
    ),
}

SUMMARY_EDITS = {
    f"{table}: {name}, {number}": (table, cell(f"{table}.csv", name.strip(), value), message)
    for table, cells in CELLS.items()
    for number, (name, (value, message)) in enumerate(cells.items())
    # What only the predictions tell is compared with them when runs are gathered.
    if (table, name) not in {("curves", "accuracy "), ("curves", "relative_cost ")}
}
SUMMARY_EDITS |= {
    f"{table}: the last row is lost": (table, without(f"{table}.csv", slice(-1, None)), "")
    for table in csv_columns.TABLES
    if table != "timings"
}
SUMMARY_EDITS |= {
    f"{table}: half a file": (table, half(f"{table}.csv"), "")
    for table in csv_columns.TABLES
    if table != "timings"
}
SUMMARY_EDITS |= {
    f"{table}: a run is lost": (
        table,
        where(f"{table}.csv", "method == 'soft_cgt' and seed == 2"),
        f"{DATASET}/soft_cgt/2",
    )
    for table in csv_columns.TABLES
    if table != "timings"
}
SUMMARY_EDITS |= {
    "an epoch of one seed is lost": (
        "training",
        where("training.csv", "method == 'soft_cgt' and seed == 2 and epoch == 5"),
        "epoch=5 is missing",
    ),
    "an epoch of all seeds is lost": (
        "training",
        where("training.csv", "method == 'soft_cgt' and epoch == 5"),
        "epoch=5 is missing",
    ),
    "gradients: an epoch of all seeds is lost": (
        "gradients",
        where("gradients.csv", "method == 'soft_cgt' and epoch == 5"),
        "epoch=5 between others is missing",
    ),
    "the last epoch is lost": (
        "training",
        where("training.csv", "method == 'soft_cgt' and seed == 2 and epoch == 12"),
        "epoch",
    ),
    "other test samples": (
        "classes",
        column("classes.csv", "support", lambda old: old.mask(old.index < 32, old + 1)),
        "",
    ),
    "a method's name is a path": ("exits", cell("exits.csv", "method", "../x"), "method is ../x"),
    "a seed below 0": ("exits", cell("exits.csv", "seed", -1), "seed is -1"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    root = tmp_path_factory.mktemp("sound")
    for run in RUNS:
        make_run(root / "runs", *run, samples=120)
    aggregate(root / "runs", RUNS, root / "summary")
    return root


@pytest.fixture
def copy(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "copy")


def test_honest_files_are_accepted(copy):
    aggregate(copy / "runs", RUNS, copy / "again")
    for path in (copy / "summary").iterdir():
        assert (copy / "again" / path.name).read_bytes() == path.read_bytes()
    assert set(read_summary(copy / "summary")) == {*csv_columns.TABLES} - {"timings"}


@pytest.mark.parametrize("name", RUN_EDITS)
def test_an_edited_run_is_not_gathered(name, copy):
    file, edit, message = RUN_EDITS[name]
    edit(copy / "runs" / EDITED)
    with pytest.raises(ValueError) as error:
        aggregate(copy / "runs", RUNS, copy / "out")
    said = str(error.value)
    assert message in said
    assert file in said
    assert EDITED in said
    assert "\n" not in said and len(said) < 500 + len(str(copy))
    assert not (copy / "out").exists()


@pytest.mark.parametrize("name", SUMMARY_EDITS)
def test_an_edited_summary_is_not_drawn(name, copy):
    _, edit, message = SUMMARY_EDITS[name]
    edit(copy / "summary")
    with pytest.raises(ValueError) as error:
        read_summary(copy / "summary")
    said = str(error.value)
    assert message in said
    assert re.search(r"summary/\w+\.csv: ", said)
    assert "\n" not in said


def test_what_is_published_is_accepted():
    from test_environment import ROOT

    read_summary(ROOT / "results/published/summary")


def test_only_a_summary_without_what_came_later_is_read_as_the_first_publication(copy):
    folder = copy / "summary"
    points = pd.read_csv(folder / "operating_points.csv")
    points.drop(columns="met").to_csv(folder / "operating_points.csv", index=False)
    with pytest.raises(ValueError, match=r"operating_points.csv: missing columns \['met'\]"):
        read_summary(folder)
    (folder / "failure.csv").unlink()
    frames = read_summary(folder)
    assert "failure" not in frames
    for table in ("operating_points", "overthinking"):
        there = set(frames[table]["point"]) - {"full"}
        assert there == {"one_se", "threshold_0.9", "threshold_0.9_scaled"}
    assert set(frames["operating_points"]["met"]) == {1}
    points.to_csv(folder / "operating_points.csv", index=False)
    with pytest.raises(FileNotFoundError, match=r"failure\.csv"):
        read_summary(folder)


def test_the_description_says_what_is_evaluated():
    assert csv_columns.POINTS == POINTS
    assert np.array_equal(csv_columns.GRID, THRESHOLDS)
