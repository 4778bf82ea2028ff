"""MNIST-1D: drawn anew at each seed, the same everywhere."""

import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from cgt.commands.cli import main
from cgt.data import DataError, load, mnist1d, prepare
from cgt.data.mnist1d import draw
from cgt.data.prepared import digest_of, load_prepared, save_prepared
from cgt.data.scaling import scaling

README = (Path(__file__).parents[2] / "data/README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def drawn():
    """The samples of seeds 1 and 2; each takes seconds."""
    random.seed(5)
    np.random.seed(5)
    samples = {seed: draw(seed) for seed in (1, 2)}
    after = random.random(), np.random.rand()
    random.seed(5)
    np.random.seed(5)
    assert after == (random.random(), np.random.rand()), "global random numbers were used up"
    return samples


@pytest.fixture
def prepared(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(mnist1d, "draw", drawn.__getitem__)
    prepare("mnist1d", 1, None, tmp_path / "p.npz")
    return tmp_path / "p.npz"


@pytest.mark.parametrize("seed", [1, 2])
def test_samples_are_the_documented_ones(drawn, seed):
    assert f"| {seed} | `{digest_of(drawn[seed])}` |" in README


def test_seeds_share_no_sample(drawn):
    first, second = ({row.tobytes() for row in drawn[seed]["x"]} for seed in (1, 2))
    assert len(first) == len(second) == 15_000
    assert not first & second


def test_samples_are_rounded(drawn):
    x = drawn[1]["x"]
    assert x.dtype == np.float32
    assert np.array_equal(np.round(x.astype(np.float64), 6).astype(np.float32), x)


def test_training_needs_no_generator(prepared, drawn, monkeypatch, tmp_path):
    monkeypatch.setattr(mnist1d, "draw", None)
    data = load("mnist1d", prepared, tmp_path / "nowhere")
    assert (data.kind, data.num_classes, data.class_names[3]) == ("signals", 10, "3")
    assert data.checksums.keys() == {"prepared"}
    sizes = {"train": 400, "val": 100, "test": 1000}
    for name, each in sizes.items():
        split = getattr(data, name)
        assert np.bincount(split.y).tolist() == [each] * 10
        assert split.x.shape == (10 * each, 1, 40)
        assert split.x.dtype == np.float32
        assert np.array_equal(split.y, drawn[1]["y"][split.index])
    together = np.concatenate([data.train.index, data.val.index, data.test.index])
    assert sorted(together) == list(range(15_000))
    assert abs(data.train.x.mean()) < 1e-5
    assert abs(data.train.x.std() - 1) < 1e-5


def test_scaling_undoes_nothing_else(prepared, drawn, tmp_path):
    known, test = scaling(prepared), load("mnist1d", prepared, None).test
    assert known["projection"] is None
    raw = drawn[1]["x"][test.index].astype(np.float64)
    np.testing.assert_allclose((raw - known["mean"]) / known["std"], test.x[:, 0], atol=1e-6)


def test_a_slice_is_of_the_same_draw(prepared, tmp_path):
    prepare("mnist1d", 1, None, tmp_path / "small.npz", limit=50)
    small, full = (load("mnist1d", path, None) for path in (tmp_path / "small.npz", prepared))
    assert (len(small.train.y), len(small.val.y), len(small.test.y)) == (50, 10, 10)
    assert set(small.test.index) < set(full.test.index)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.zeros((3, 40), np.float32)}, "x must hold 15000 signals of 40 finite float32"),
        ({"x": np.full((15_000, 40), np.nan, np.float32)}, "x must hold 15000 signals of 40"),
        ({"y": np.full(15_000, 10)}, "y must hold 15000 int64 class numbers from 0 to 9"),
        ({"kind": np.array("signals")}, "holds the arrays"),
    ],
)
def test_impossible_prepared_files_are_refused(prepared, changes, message):
    arrays = load_prepared(prepared, "again")
    arrays.pop("digest")
    save_prepared(prepared, {**arrays, **changes})
    with pytest.raises(DataError, match=f"{message}.*Delete the file and run `cgt prepare mnist1d"):
        load("mnist1d", prepared, None)


def test_nothing_is_fetched(tmp_path, capsys):
    assert main(["download", "mnist1d", "--out", str(tmp_path / "raw")]) == 0
    said = "mnist1d has no raw files: nothing is to be fetched"
    assert said in capsys.readouterr().err
    assert not (tmp_path / "raw").exists()


def test_without_the_generator_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mnist1d", None)
    said = "mnist1d is not installed; it comes with the extra 'benchmark': in the folder of this pr"
    with pytest.raises(ModuleNotFoundError, match=re.escape(said)):
        prepare("mnist1d", 1, None, tmp_path / "p.npz")


def test_it_has_no_settings(tmp_path):
    with pytest.raises(ValueError, match="mnist1d has no setting 'patch'; it has: none"):
        prepare("mnist1d", 1, None, tmp_path / "p.npz", patch=5)
