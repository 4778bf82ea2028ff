"""Both protocols on the real scene, which comes with an installed dependency."""

import numpy as np
import pytest

from cgt.data import download, load, prepare
from cgt.data.audit import audit
from cgt.data.patches import cut_patches
from cgt.data.scene import backdrop, false_color, reduced_scene


@pytest.fixture(scope="module")
def raw_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("indian_pines")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CGT_DATA_MIRROR", raising=False)
        download("indian_pines", folder)
    return folder


@pytest.fixture(scope="module", params=["indian_pines", "indian_pines_disjoint"])
def prepared(request, raw_dir):
    path = raw_dir / f"{request.param}.npz"
    prepare(request.param, 1, raw_dir, path, components=4)
    return request.param, path


def test_audit_finds_the_leak_of_one_protocol_and_none_in_the_other(prepared, raw_dir):
    dataset, path = prepared
    rows = audit(dataset, path, raw_dir)
    overlaps = {row["test_overlap"] for row in rows if row["in_macro_average"]}
    assert overlaps == {{"indian_pines": 1, "indian_pines_disjoint": 0}[dataset]}
    assert sum(row["in_macro_average"] for row in rows) == {"indian_pines": 16}.get(dataset, 12)
    assert sum(row["pixels"] for row in rows) == 10_249


def test_scene_is_what_the_samples_are_cut_from(prepared, raw_dir):
    dataset, path = prepared
    scene, patch = reduced_scene(dataset, path, raw_dir)
    test = load(dataset, path, raw_dir).test
    assert np.array_equal(cut_patches(scene, test.index[:50], patch), test.x[:50])


def test_backdrop_shows_labels_and_split(prepared, raw_dir):
    dataset, path = prepared
    known = backdrop(dataset, path, raw_dir)
    data = load(dataset, path, raw_dir)
    for number, split in enumerate((data.train, data.val, data.test), start=1):
        assert np.array_equal(np.flatnonzero(known["split"] == number), split.index)
        assert np.array_equal(known["truth"].flat[split.index] - 1, split.y)
    assert known["color"].shape == (145, 145, 3)
    assert list(known["class_names"]) == list(data.class_names)


def test_coarser_backdrop_holds_every_third_row_and_column(prepared, raw_dir):
    whole = backdrop(*prepared, raw_dir)
    coarse = backdrop(*prepared, raw_dir, step=3)
    for name in ("color", "truth", "split"):
        assert np.array_equal(coarse[name], whole[name][0::3, 0::3])
    with pytest.raises(ValueError, match="step is 0; it must be at least 1"):
        backdrop(*prepared, raw_dir, step=0)


def test_false_colours_are_stretched_band_by_band():
    bands = np.arange(101).reshape(101, 1, 1) * np.array([1, 50, 1000])
    color = false_color(bands)
    assert color[0, 0].tolist() == color[2, 0].tolist() == [0, 0, 0]
    assert color[50, 0].tolist() == [128, 128, 128]  # 48 of 96 steps
    assert color[98, 0].tolist() == color[100, 0].tolist() == [255, 255, 255]
