"""A scene in an `.npz` file becomes a dataset without a line of code."""

import numpy as np
import pytest

from cgt.commands.cli import main
from cgt.data import DataError, load, prepare
from cgt.data.audit import audit
from cgt.data.patches import cut_patches
from cgt.data.scaling import scaling
from cgt.data.scene import backdrop, reduced_scene

H, W, B = 12, 10, 6
SMALL = {"components": 2, "patch": 3}
CUBE = np.random.RandomState(0).normal(500, 90, (H, W, B)).astype(np.float32)
TRUTH = (np.arange(H * W) % 4).reshape(H, W)
SPLIT = np.where(TRUTH > 0, np.repeat([1, 1, 1, 2, 2, 3], 2)[:, None], 0)


def scene(**changes):
    arrays = {"cube": CUBE, "ground_truth": TRUTH, **changes}
    return {key: value for key, value in arrays.items() if value is not None}


@pytest.fixture
def made(tmp_path):
    def make(arrays, seed=1, **settings):
        raw, out = tmp_path / "field.npz", tmp_path / f"{seed}.npz"
        np.savez(raw, **arrays)
        prepare("field", seed, raw, out, kind="scene", **{**SMALL, **settings})
        return "field", out, raw

    return make


def test_pixels_are_drawn_within_each_class(made):
    data = load(*made(scene()))
    assert (data.kind, data.class_names) == ("scene", ("class 0", "class 1", "class 2"))
    for name, each in {"train": 3, "val": 3, "test": 24}.items():
        split = getattr(data, name)
        assert np.bincount(split.y).tolist() == [each] * 3
        assert np.array_equal(split.y, TRUTH.flat[split.index] - 1)
        assert split.x.shape == (3 * each, 2, 3, 3)


def test_a_given_split_is_that_of_all_seeds(made):
    for seed in (1, 2):
        data = load(*made(scene(split=SPLIT), seed=seed))
        for number, name in enumerate(("train", "val", "test"), start=1):
            assert np.array_equal(getattr(data, name).index, np.flatnonzero(number == SPLIT))


def test_training_pixels_become_white(made):
    data = load(*made(scene(split=SPLIT)))
    centres = data.train.x[:, :, 1, 1].astype(float)
    np.testing.assert_allclose(centres.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(centres.T), np.eye(2), atol=1e-5)


def test_whole_scene_backdrop_audit_and_scaling(made):
    given = made(scene(split=SPLIT, class_names=np.array(["oat", "rye", "wheat"])))
    data, (pixels, patch) = load(*given), reduced_scene(*given)
    assert np.array_equal(cut_patches(pixels, data.test.index, patch), data.test.x)
    known = backdrop(*given)
    assert known["color"].shape == (H, W, 3)
    assert known["truth"].dtype == known["split"].dtype == np.uint8
    assert np.array_equal(known["truth"], TRUTH)
    assert np.array_equal(known["split"], SPLIT)
    assert list(known["class_names"]) == ["oat", "rye", "wheat"]
    rows = audit(*given)
    assert [row["class"] for row in rows] == ["oat", "rye", "wheat"]
    assert sum(row["train"] for row in rows) == (SPLIT == 1).sum()
    numbers = scaling(given[1])
    by_hand = (CUBE - numbers["mean"]) / numbers["std"] @ numbers["projection"]
    np.testing.assert_allclose(by_hand, pixels, atol=1e-4)


@pytest.mark.parametrize(("bands", "shown"), [(1, [0, 0, 0]), (2, [1, 1, 0]), (6, [5, 3, 1])])
def test_false_colours_of_few_bands(made, bands, shown):
    cube = np.arange(H * W * B).reshape(H, W, B)[..., :bands] ** 2
    color = backdrop(*made(scene(cube=cube), components=1))["color"]
    whole = np.stack([cube[..., band] for band in shown], axis=-1)
    low, high = np.percentile(whole, (2, 98), axis=(0, 1))
    expected = (255 * np.clip((whole - low) / (high - low), 0, 1)).round()
    assert np.array_equal(color, expected)


def test_a_band_of_one_value_is_black(made):
    cube = CUBE.copy()
    cube[..., 5] = 7
    assert not backdrop(*made(scene(cube=cube)))["color"][..., 0].any()


def test_a_changed_file_is_refused_by_all(made):
    given = made(scene())
    np.savez(given[2], **scene(cube=CUBE + 1))
    for read in (load, backdrop, audit):
        with pytest.raises(DataError, match="is not the file that field was prepared from"):
            read(*given)


def test_maps_are_of_scenes_only(made, tmp_path):
    raw, out = tmp_path / "raw.npz", tmp_path / "p.npz"
    np.savez(raw, x=CUBE.reshape(H * W, B), y=TRUTH.ravel())
    prepare("bees", 1, raw, out, kind="signals")
    with pytest.raises(ValueError, match="'bees', of kind signals; allowed here: scene"):
        backdrop("bees", out, raw)


NAN = CUBE.copy()
NAN[0, 0, 0] = np.inf
RARE = np.where(np.arange(H * W).reshape(H, W) < 4, 4, TRUTH % 4)
COPIES = np.repeat(CUBE[..., :1], B, axis=2)
WRONG = {
    "no cube": (scene(cube=None), "has no array 'cube'; a dataset of kind scene has cube, ground_"),
    "unknown": (scene(x=CUBE), "has an unknown array 'x'; a dataset of kind scene has cube"),
    "flat": (scene(cube=CUBE[..., 0]), r"cube has shape \(12, 10\), expected \[H, W, B\]"),
    "infinite": (scene(cube=NAN), "cube holds NaN or infinity"),
    "text": (scene(cube=CUBE.astype(str)), "cube holds <U32, expected integer or float"),
    "size": (scene(ground_truth=TRUTH.T), r"ground_truth has shape \(10, 12\), expected .12, 10"),
    "real": (scene(ground_truth=TRUTH / 1), "ground_truth holds float64, expected integers: one c"),
    "minus": (scene(ground_truth=TRUTH - 1), "ground_truth holds -1 to 2, allowed are 0 to 255"),
    "none": (scene(ground_truth=TRUTH * 0), "ground_truth holds fewer than two classes"),
    "gap": (scene(ground_truth=TRUTH * 2), "ground_truth holds too few samples of class 1: 0"),
    "rare": (scene(ground_truth=RARE), "ground_truth holds too few samples of class 4: 4, needed"),
    "names": (scene(class_names=np.array(["a"])), "ground_truth holds class 3, but class_names ha"),
    "split 4": (scene(split=SPLIT + 1), "split holds 1 to 4, allowed are 0 to 3: 0 none, 1 train"),
    "unlabelled": (scene(split=SPLIT * 0 + 1), "split names pixels that have no label in ground"),
    "no test": (scene(split=SPLIT % 3), "split has no 3: there is no sample for test"),
    "untrained": (
        scene(split=np.where((TRUTH == 3) & (SPLIT == 1), 2, SPLIT)),
        "split has no training sample of class 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_told_in_one_sentence(case, made, tmp_path):
    arrays, message = WRONG[case]
    with pytest.raises(DataError, match=message) as error:
        made(arrays)
    assert str(error.value).startswith(f"{tmp_path / 'field.npz'}: ")
    assert not (tmp_path / "1.npz").exists()


@pytest.mark.parametrize(
    ("arrays", "settings", "message"),
    [
        (scene(), {"components": 7}, "components is 7, allowed are 1 to 6"),
        (scene(), {"patch": 21}, "patch is 21, allowed are odd numbers from 1 to 19"),
        (scene(cube=COPIES), {}, "components is 2, but the training pixels vary in 1 directions"),
    ],
)
def test_settings_that_the_scene_cannot_have(made, arrays, settings, message):
    with pytest.raises(ValueError, match=message):
        made(arrays, **settings)


def test_from_the_command_line(tmp_path):
    raw, out, table = (tmp_path / name for name in ("field.npz", "1.npz", "audit.csv"))
    np.savez(raw, **scene())
    options = ["--kind", "scene", "--patch", "3", "--components", "2", "--seed", "1"]
    assert main(["prepare", "field", "--raw", str(raw), "--out", str(out), *options]) == 0
    pairs = [f"field={out}", f"field={out}"]
    assert main(["audit", *pairs, "--raw", str(raw), str(raw), "--out", str(table)]) == 0
    assert len(table.read_text().splitlines()) == 1 + 2 * 3
    assert main(["audit", *pairs[:1], "--raw", str(raw), str(raw), "--out", str(table)]) == 2
