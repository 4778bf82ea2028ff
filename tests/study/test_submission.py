"""Predictions that are handed in: where they lie, and what is said of them."""

import numpy as np
import pytest
from made_rows import SHA, made_row, write_row

from cgt.records.files import save_npz
from cgt.records.manifest import hash_of
from cgt.records.predictions import Predictions, SplitPredictions, save_predictions
from cgt.records.reference import Reference, save_reference
from cgt.study.protocol import data_digest, network_of
from cgt.study.submission import find_predictions, submission_report

REFERENCE = Reference("mnist1d", "roomy_signals", 3, 1000, 20, "signals", ("0", "1"))


def predictions(exits=2):
    """Exit 1 (cost 20 %) is sure of three in four and right there; the last is always right."""
    confidence = np.ones((exits, 4), dtype=np.float32)
    confidence[:-1, 0] = 0.2
    right = np.ones((exits, 4), dtype=bool)
    right[:-1, 0] = False
    target = np.array([0, 1, 0, 1])
    part = SplitPredictions(np.where(right, target, 1 - target), confidence, target, np.arange(4))
    return Predictions(part, part, np.array([200, 600, 1000][-exits:]) if exits == 3 else MACS)


MACS = np.array([200, 1000])


@pytest.fixture
def folder(tmp_path):
    save_reference(tmp_path / "reference/mnist1d.json", REFERENCE)
    for seed in (1, 2):
        path = tmp_path / f"handed/mnist1d/theirs/{seed}/predictions.npz"
        save_predictions(path, predictions())
        split = tmp_path / f"prepared/mnist1d/{seed}.npz"
        save_npz(split, test_index=np.arange(4) + seed, digest=np.array("x"))
    return tmp_path


def report(folder, rows=None):
    found = find_predictions(folder / "handed")
    return submission_report(found, folder / "prepared", folder / "reference", rows)


def test_what_a_maintainer_needs(folder):
    text = report(folder)
    said = dict(line.strip().split("  ", 1) for line in text.splitlines()[1:])
    said = {name: value.strip() for name, value in said.items()}
    assert text.startswith("mnist1d/theirs\n")
    assert said["seeds"] == "1, 2"
    assert said["test samples"] == "4 at each seed"
    assert said["costs"].startswith("20.00, 100.00 % of the dataset's network without exits")
    # One in four goes on: 0.75 · 20 % + 0.25 · 100 %.
    assert said["one-SE point"] == "100.00 % right at 40.00 % of the cost"
    assert said["budget 25 %"] == "75.00 % right at 20.00 % of the cost"
    assert said["budget 10 %"].endswith("not met at 2 of 2 seeds")
    assert said["all at the last exit"] == "100.00 % right at 100.00 % of the cost"
    assert said["data, seed 2"] == data_digest(folder / "prepared/mnist1d/2.npz")
    assert said["network"] == hash_of(network_of(REFERENCE))


def published(folder, seeds=(1, 2, 3), **digests):
    data = {str(s): f"{s:064x}" for s in seeds}
    data |= {str(s): data_digest(folder / f"prepared/mnist1d/{s}.npz") for s in (1, 2)}
    own = {**SHA, "network": hash_of(network_of(REFERENCE)), "data": data, **digests}
    row = made_row("mnist1d", "branchynet", dict.fromkeys(seeds, 0.5), digests=own)
    write_row(folder / "rows", row)
    return folder / "rows"


def test_missing_seeds_are_named(folder):
    text = report(folder, published(folder))
    assert "seeds                 1, 2 (published rows have these, too: 3)" in text


def test_other_networks_and_data_than_the_published_are_refused(folder):
    rows = published(folder, network="c" * 64)
    with pytest.raises(ValueError, match="costs would be relative to another network"):
        report(folder, rows)
    rows = published(folder, data={str(s): "d" * 64 for s in (1, 2, 3)})
    with pytest.raises(ValueError, match="theirs/1: the split of seed 1 is not that of the publis"):
        report(folder, rows)


def test_a_method_has_as_many_exits_at_every_seed(folder):
    save_predictions(folder / "handed/mnist1d/theirs/2/predictions.npz", predictions(3))
    with pytest.raises(ValueError, match=r"mnist1d/theirs: exits by seed are \{1: 2, 2: 3\}"):
        report(folder)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("mnist1d/theirs", "not a place of predictions; it must be .*DATASET/METHOD/SEED"),
        ("mnist1d/theirs/one", "with a seed that is a whole number"),
        ("mnist1d/theirs/01", "with a seed that is a whole number"),
        ("mnist2d/theirs/1", "no dataset 'mnist2d'; allowed are fashion_mnist"),
        ("mnist1d/Theirs/1", "'Theirs' is not allowed; a method from elsewhere has a name"),
        ("mnist1d/soft_cgt/1", "'soft_cgt' is not allowed; .* none of single_exit"),
    ],
)
def test_files_in_other_places_are_refused(place, message, tmp_path):
    save_predictions(tmp_path / place / "predictions.npz", predictions())
    with pytest.raises(ValueError, match=message):
        find_predictions(tmp_path)


def test_an_empty_folder_says_where_files_belong(tmp_path):
    with pytest.raises(ValueError, match=r"files must lie at DATASET/METHOD/SEED/predictions.npz"):
        find_predictions(tmp_path)
