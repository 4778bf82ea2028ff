"""The disjoint split of the real scene, which comes with an installed dependency."""

from pathlib import Path

import numpy as np
import pytest

from cgt.data import DataError, disjoint, download, load, prepare
from cgt.data.disjoint import near, training_area
from cgt.data.indian_pines import CLASS_NAMES, GROUND_TRUTH
from cgt.data.indian_pines_disjoint import disjoint_split, pairwise_split
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


@pytest.fixture(scope="module", params=[1, 2, 3])
def pairwise(request, labels):
    return pairwise_split(labels, 16, generator(NAME, request.param, "split"))


def covered(index, patch):
    """Every pixel of the patches around these, of the mirrored border too, on the real scene."""
    numbers = np.pad(np.arange(145 * 145).reshape(145, 145), patch // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(numbers, (patch, patch))
    return set(windows[index // 145, index % 145].ravel().tolist())


def test_pairwise_no_patch_shares_a_pixel_with_one_of_another_split(pairwise):
    train, val, test = (covered(pairwise[name], 7) for name in ("train", "val", "test"))
    assert not train & val
    assert not train & test
    assert not val & test


def test_without_a_second_band_validation_and_test_share_pixels(split):
    assert covered(split["val"], 7) & covered(split["test"], 7)


def test_pairwise_has_the_classes_and_the_counts_of_one_band(pairwise, labels):
    totals = np.bincount(labels[labels >= 0], minlength=16)
    kept = np.array([name not in LEFT_OUT for name in CLASS_NAMES])
    train, val, _ = split_counts(totals)
    counts = {n: np.bincount(labels.flat[index], minlength=16) for n, index in pairwise.items()}
    assert counts["train"].tolist() == np.where(kept, train, 0).tolist()
    assert counts["val"].tolist() == np.where(kept, val, 0).tolist()
    assert (counts["test"][kept] >= val[kept]).all()
    assert (counts["test"][~kept] == 0).all()
    assert all((np.diff(index) > 0).all() for index in pairwise.values())


def test_pairwise_counts_are_those_of_the_readme(labels):
    readme = (Path(__file__).parents[2] / "data/README.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in readme.splitlines() if line.startswith("| ")]
    said = {row[0]: list(map(int, row[1:])) for row in rows if len(row) == 5 and row[1].isdigit()}
    splits = [pairwise_split(labels, 16, generator(NAME, s, "split")) for s in (1, 2, 3)]
    counts = [
        [np.bincount(labels.flat[of[name]], minlength=16) for name in ("train", "val", "test")]
        for of in splits
    ]
    train, val = counts[0][:2]
    tests = np.array([of[2] for of in counts])
    for number in np.flatnonzero(train):
        expected = [train[number], val[number], tests[:, number].min(), tests[:, number].max()]
        assert said.pop(CLASS_NAMES[number]) == expected
    sums = tests.sum(axis=1)
    assert said == {"all": [train.sum(), val.sum(), sums.min(), sums.max()]}


def test_a_prepared_file_says_which_bands_its_split_has(raw_dir, tmp_path):
    for guard in ("training", "pairwise"):
        path = tmp_path / f"{guard}.npz"
        prepare(NAME, 1, raw_dir, path, patch=7, components=5, guard=guard)
        assert load(NAME, path, raw_dir, seed=1).train.x.shape == (1008, 5, 7, 7)
        with pytest.raises(DataError, match="of seed 2"):
            load(NAME, path, raw_dir, seed=2)
        with np.load(path) as arrays:
            assert ("guard" in arrays) == (guard == "pairwise")
    plain = tmp_path / "plain.npz"
    prepare(NAME, 1, raw_dir, plain, patch=7, components=5)
    assert plain.read_bytes() == (tmp_path / "training.npz").read_bytes()


def test_impossible_guards_are_refused(raw_dir, tmp_path):
    with pytest.raises(ValueError, match=r"patch is 9, allowed are up to 7: .* 6 pixels wide"):
        prepare(NAME, 1, raw_dir, tmp_path / "p.npz", patch=9, guard="pairwise")
    with pytest.raises(ValueError, match="guard is 'wide', allowed are: training, pairwise"):
        prepare(NAME, 1, raw_dir, tmp_path / "p.npz", guard="wide")
    with pytest.raises(ValueError, match="indian_pines has no setting 'guard'"):
        prepare("indian_pines", 1, raw_dir, tmp_path / "p.npz", guard="pairwise")


def test_no_layout_for_three_sides_is_said(monkeypatch):
    """A field of 12 x 12 pixels has no room for two bands of 6."""
    monkeypatch.setattr("cgt.data.indian_pines_disjoint._LAYOUTS", 1)
    monkeypatch.setattr(disjoint, "_STEPS", 50)
    with pytest.raises(ValueError, match="no layout with a band of 6 pixels"):
        pairwise_split(np.zeros((12, 12), dtype=np.int64), 1, generator("d", 1, "split"))


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
