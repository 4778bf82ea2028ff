"""Methods from elsewhere: the example runs, and predictions of other samples are refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from checkout import TINY, Checkout

from cgt.analysis.frames import read_summary
from cgt.commands.cli import main
from cgt.data.verify import verify_predictions
from cgt.records.files import load_npz, save_npz
from cgt.records.predictions import load_predictions
from cgt.study.config import merge

RUN = "runs/indian_pines/sklearn_cascade/1/predictions.npz"


@pytest.fixture(scope="module")
def ran(finished, tmp_path_factory):
    """A checkout in which the example has run beside our methods."""
    folder = tmp_path_factory.mktemp("external") / "copy"
    checkout = Checkout(Path(shutil.copytree(finished.folder, folder, symlinks=True)))
    checkout.configure(merge(TINY, {"external": ["sklearn_cascade"]}))
    planned = checkout.planned()
    assert planned["sklearn_cascade"] == planned["verify_external"] == planned["evaluate"] == 1
    assert "train" not in planned
    run = checkout.snakemake()
    assert run.returncode == 0, run.stdout
    assert "discouraged" not in run.stdout  # how Snakemake begins its advice on paths
    return checkout.folder


@pytest.fixture(scope="module")
def asked(ran):
    return (
        "indian_pines",
        1,
        ran / "data/prepared/tiny/indian_pines/1.npz",
        ran / "data/raw/indian_pines",
    )


def test_the_example_is_a_method_like_any_other(ran):
    results = ran / "results/tiny"
    predictions = load_predictions(results / RUN)
    network = load_predictions(results / RUN.replace("sklearn_cascade", "single_exit"))
    assert predictions.macs.shape == (3,)
    assert predictions.macs[1] < network.macs[0] < predictions.macs[2]
    assert np.array_equal(predictions.test.prediction[2], network.test.prediction[0])
    right = (predictions.test.prediction == predictions.test.target).mean(axis=1)
    assert right[0] > 2 / 16  # better than chance
    exits = read_summary(results / "summary")["exits"]
    assert exits.groupby("method")["exit"].max()["sklearn_cascade"] == 3
    assert "sklearn_cascade" in (results / "tables/results.md").read_text()


def test_honest_predictions_are_accepted(ran, asked, capsys):
    runs = ran / "results/tiny/runs/indian_pines"
    for method in ("sklearn_cascade", "single_exit", "soft_cgt"):
        verify_predictions(runs / method / "1/predictions.npz", *asked)
    dataset, seed, prepared, raw = map(str, asked)
    where = ["--dataset", dataset, "--seed", seed, "--prepared", prepared, "--raw", raw]
    path = str(runs / "soft_cgt/1/predictions.npz")
    assert main(["verify-predictions", path, *where]) == 0
    assert capsys.readouterr().out == f"{path} answers indian_pines, seed 1\n"


def only(arrays, split, count):
    part = {name: array for name, array in arrays.items() if name.startswith(split)}
    for name, array in part.items():
        arrays[name] = array[:count] if array.ndim == 1 else array[:, :count]


def copied(arrays, source, target):
    for name in [name for name in arrays if name.startswith(source)]:
        arrays[name.replace(source, target)] = arrays[name]


def other_logits(arrays):
    arrays["test_logits"] = np.roll(arrays["test_logits"], 1, axis=2)


DAMAGES = {
    "shifted targets": (
        lambda a: a.update(test_target=np.roll(a["test_target"], 1)),
        "test_target is .* differ",
    ),
    "targets all zero": (
        lambda a: a.update(val_target=0 * a["val_target"], test_target=0 * a["test_target"]),
        "val_target is 0 at position",
    ),
    "another dataset's samples": (
        lambda a: a.update(test_index=np.arange(len(a["test_index"]))),
        "test_index is 0 at position 0",
    ),
    "ten samples": (lambda a: only(a, "test", 10), "test_index has 10 samples; the split has"),
    "test copied into validation": (lambda a: copied(a, "test", "val"), "val_index is"),
    "validation copied into test": (lambda a: copied(a, "val", "test"), "test_index is"),
    "one target": (lambda a: a["test_target"].__setitem__(7, 0), "target is 0 at position 7"),
    "samples in another order": (
        lambda a: a.update(test_index=a["test_index"][::-1].copy()),
        "test_index is",
    ),
    "logits of other classes": (other_logits, "is not the class of the largest logit at exit 1"),
    "a class too many": (
        lambda a: (a.pop("val_logits"), a.pop("test_logits"), a["test_prediction"].fill(16)),
        "test_prediction holds class 16; there are 16, from 0",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_other_samples_are_refused(name, ran, asked, tmp_path):
    damage, message = DAMAGES[name]
    arrays = load_npz(ran / "results/tiny/runs/indian_pines/soft_cgt/1/predictions.npz")
    damage(arrays)
    path = tmp_path / "predictions.npz"
    save_npz(path, **arrays)
    with pytest.raises(ValueError, match=message) as error:
        verify_predictions(path, *asked)
    assert str(error.value).startswith(f"{path}: ")


def test_a_prepared_file_of_another_seed_is_refused(ran, asked):
    dataset, _, prepared, raw = asked
    with pytest.raises(ValueError, match=r"prepared/tiny/indian_pines/1\.npz: .*at another seed"):
        verify_predictions(ran / "results/tiny" / RUN, dataset, 2, prepared, raw)


def test_the_workflow_stops_at_predictions_of_other_samples(ran):
    checkout, path = Checkout(ran), ran / "results/tiny/runs/indian_pines/mine/1/predictions.npz"
    arrays = load_npz(ran / "results/tiny" / RUN)
    arrays["test_target"] = np.roll(arrays["test_target"], 1)
    save_npz(path, **arrays)
    checkout.configure(merge(TINY, {"external": ["mine"]}))
    run = checkout.snakemake("results/tiny/runs/indian_pines/mine/1/exits.csv")
    assert run.returncode != 0
    assert "mine/1/predictions.npz: test_target is" in run.stdout
    assert not path.with_name("exits.csv").exists()


@pytest.fixture
def handed(ran, tmp_path):
    """What somebody hands in: one run, alone in a folder; and how it is verified."""
    place = tmp_path / "indian_pines/sklearn_cascade/1"
    place.mkdir(parents=True)
    shutil.copy(ran / "results/tiny" / RUN, place)
    where = {
        "prepared": "data/prepared/tiny",
        "raw": "data/raw",
        "references": "results/tiny/reference",
    }
    options = [part for name, path in where.items() for part in (f"--{name}", str(ran / path))]
    return place / "predictions.npz", ["verify", str(tmp_path), *options]


def test_a_folder_of_predictions_is_verified_and_described(handed, capsys):
    assert main(handed[1]) == 0
    said = capsys.readouterr().out
    assert said.startswith("indian_pines/sklearn_cascade\n")
    assert "% of the dataset's network without exits (compact_scene" in said
    assert said.endswith("all 1 files answer their splits\n")


def test_a_folder_with_wrong_predictions_is_refused(handed, capsys):
    path, command = handed
    arrays = load_npz(path)
    arrays["test_target"] = np.roll(arrays["test_target"], 1)
    save_npz(path, **arrays)
    assert main(command) == 2
    said = capsys.readouterr()
    assert "1 of 1 files are refused:" in said.err and f"{path}: test_target is" in said.err
    assert said.out == ""
