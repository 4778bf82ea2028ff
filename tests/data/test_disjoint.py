"""The disjoint split of the real scene, which comes with an installed dependency."""

import numpy as np
import pytest

from cgt.data import disjoint, download, load, prepare
from cgt.data.disjoint import near, training_area
from cgt.data.indian_pines import CLASS_NAMES, GROUND_TRUTH
from cgt.data.indian_pines_disjoint import disjoint_split
from cgt.data.scene_builder import split_counts
from cgt.data.splits import generator

NAME = "indian_pines_disjoint"
LEFT_OUT = {"Alfalfa", "Grass-pasture-mowed", "Oats", "Stone-Steel-Towers"}


@pytest.fixture(scope="module")
def raw_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("indian_pines")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CGT_DATA_MIRROR", raising=False)
        download(NAME, folder)
    return folder


@pytest.fixture(scope="module")
def labels(raw_dir):
    return np.load(raw_dir / GROUND_TRUTH).astype(np.int64) - 1


@pytest.fixture(scope="module", params=[1, 2, 3])
def split(request, labels):
    return disjoint_split(labels, 16, generator(NAME, request.param, "split"))


def test_no_patch_shares_a_pixel_with_a_training_patch(split):
    train = np.stack(np.divmod(split["train"], 145), axis=1)
    for name in ("val", "test"):
        others = np.stack(np.divmod(split[name], 145), axis=1)
        # Patches of 11 x 11 meet if their centres are at most 10 apart, along both directions.
        apart = np.abs(train[:, None] - others[None]).max(axis=2)
        assert apart.min() > 10


def test_same_classes_and_training_pixels_as_the_random_split(split, labels):
    totals = np.bincount(labels[labels >= 0], minlength=16)
    kept = np.array([name not in LEFT_OUT for name in CLASS_NAMES])
    train, val, _ = split_counts(totals)
    counts = {name: np.bincount(labels.flat[index], minlength=16) for name, index in split.items()}
    assert counts["train"].tolist() == np.where(kept, train, 0).tolist()
    assert counts["val"].tolist() == np.where(kept, val, 0).tolist()
    assert (counts["test"][kept] >= 30).all()
    assert (counts["test"][~kept] == 0).all()
    assert 4200 < counts["test"].sum() < 4800


def test_splits_are_sorted_and_disjoint(split):
    together = np.concatenate([split[name] for name in ("train", "val", "test")])
    assert len(np.unique(together)) == len(together)
    assert all((np.diff(index) > 0).all() for index in split.values())


def test_same_seed_same_bytes_other_seed_other_test_set(raw_dir, tmp_path):
    paths = [tmp_path / name for name in ("a.npz", "b.npz", "c.npz")]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        prepare(NAME, seed, raw_dir, path, patch=5, components=10)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    first, other = (load(NAME, path, raw_dir) for path in (paths[0], paths[2]))
    assert set(first.test.index) != set(other.test.index)
    assert first.num_classes == 16
    assert first.test.x.shape[1:] == (10, 5, 5)


def test_slice_keeps_the_classes_that_are_split(raw_dir, tmp_path):
    prepare(NAME, 1, raw_dir, tmp_path / "p.npz", limit=50)
    data = load(NAME, tmp_path / "p.npz", raw_dir)
    assert len(data.train.y) == 50
    for part in (data.train, data.val, data.test):
        assert set(np.array(CLASS_NAMES)[part.y]) == set(CLASS_NAMES) - LEFT_OUT


def test_patch_wider_than_the_guard_band_is_refused(raw_dir, tmp_path):
    with pytest.raises(ValueError, match="patch is 13, allowed are up to 11"):
        prepare(NAME, 1, raw_dir, tmp_path / "p.npz", patch=13)


def test_training_area_leaves_room_on_both_sides_of_the_band():
    # Two fields of 3,000 pixels each; a band of 5 leaves ample room in 60 columns.
    classes = np.repeat([[0] * 30 + [1] * 30], 100, axis=0)
    area = training_area(classes, np.array([300, 300]), 5, generator("d", 1, "split"))
    held = ~near(area, 5)
    for number in (0, 1):
        assert (area & (classes == number)).sum() >= 300
        assert (held & (classes == number)).sum() >= 300


def test_training_area_says_when_there_is_no_room(monkeypatch):
    monkeypatch.setattr(disjoint, "_ATTEMPTS", 2)
    classes = np.full((12, 12), -1)
    classes[0, 0] = 0
    with pytest.raises(ValueError, match="no layout of training areas with a guard band of 3"):
        training_area(classes, np.array([2]), 3, generator("d", 1, "split"))


def test_near_is_a_square_around_each_pixel():
    marked = np.zeros((5, 6), dtype=bool)
    marked[0, 4] = True
    assert np.argwhere(near(marked, 1)).tolist() == [
        [0, 3], [0, 4], [0, 5], [1, 3], [1, 4], [1, 5],
    ]  # fmt: skip
