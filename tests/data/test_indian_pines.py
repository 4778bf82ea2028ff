"""The real scene, which comes with an installed dependency: no network needed."""

import numpy as np
import pytest

from cgt.data import download, load, prepare
from cgt.data.patches import cut_patches, patch_overlap

# Pixels a class; the published counts of the scene.
TOTAL = [46, 1428, 830, 237, 483, 730, 28, 478, 20, 972, 2455, 593, 205, 1265, 386, 93]
TRAIN = [5, 143, 83, 24, 48, 73, 3, 48, 3, 97, 246, 59, 21, 127, 39, 9]
VAL = [5, 143, 83, 24, 48, 73, 3, 48, 2, 97, 246, 59, 21, 127, 39, 9]


@pytest.fixture(scope="module")
def raw_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("indian_pines")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CGT_DATA_MIRROR", raising=False)
        download("indian_pines", folder)
    return folder


@pytest.fixture(scope="module")
def prepared(raw_dir):
    out = raw_dir / "prepared" / "1.npz"
    prepare("indian_pines", 1, raw_dir, out, patch=5, components=10)
    return out


def test_counts_per_class_are_the_documented_ones(raw_dir, prepared):
    data = load("indian_pines", prepared, raw_dir)
    train, val, test = (np.bincount(s.y).tolist() for s in (data.train, data.val, data.test))
    assert train == TRAIN
    assert val == VAL
    assert np.sum([train, val, test], axis=0).tolist() == TOTAL
    assert (len(data.train.y), len(data.val.y), len(data.test.y)) == (1028, 1027, 8194)
    assert data.test.x.shape == (8194, 10, 5, 5)


def test_overlap_of_the_random_split_is_what_the_documentation_says(prepared):
    with np.load(prepared) as arrays:
        train, test = arrays["train_index"], arrays["test_index"]
    assert patch_overlap(train, test, 1, (145, 145)) == 0
    assert patch_overlap(train, test, 11, (145, 145)) == 1


def test_overlap_counts_patches_that_share_a_pixel():
    # One row of 9 pixels, patches of 3 x 3, training centre at column 4: centres 2 … 6 touch it.
    assert patch_overlap(np.array([4]), np.array([0, 1, 2, 6, 7]), 3, (1, 9)) == 2 / 5
    assert patch_overlap(np.array([4]), np.array([3, 5]), 1, (1, 9)) == 0


def test_patches_are_centred_and_mirrored_at_the_border():
    scene = np.arange(9, dtype=np.float32).reshape(3, 3, 1)
    centre, corner = cut_patches(scene, np.array([4, 0]), 3)[:, 0]
    assert centre.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert corner.tolist() == [[4, 3, 4], [1, 0, 1], [4, 3, 4]]


def test_patch_of_one_pixel_is_its_spectrum():
    scene = np.random.RandomState(0).rand(4, 5, 3).astype(np.float32)
    patches = cut_patches(scene, np.array([0, 7, 19]), 1)
    assert np.array_equal(patches[:, :, 0, 0], scene.reshape(-1, 3)[[0, 7, 19]])
