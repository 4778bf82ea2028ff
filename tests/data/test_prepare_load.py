"""prepare and load on tiny stand-ins for both datasets, in the real formats."""

import numpy as np
import pytest

from cgt.data import DataError, load, prepare
from cgt.data.formats import parse_idx, parse_npy
from cgt.data.indian_pines import CUBE, GROUND_TRUTH
from cgt.data.prepared import load_prepared, save_prepared
from cgt.records.files import save_npz

SMALL = {"fashion_mnist": {}, "indian_pines": {"components": 4, "patch": 3}}
SPLITS = ("train", "val", "test")


@pytest.fixture(params=list(SMALL))
def dataset(request, tiny_fashion, tiny_pines):
    """(name, raw folder) of either tiny dataset; both lie in one folder."""
    return request.param, tiny_pines[1]


def prepared_arrays(path):
    return load_prepared(path, "again")


def make(name, raw_dir, out, seed=1, **options):
    prepare(name, seed, raw_dir, out, **{**SMALL[name], **options})
    return out


def test_samples_have_the_promised_types_and_sizes(dataset, tmp_path):
    name, raw_dir = dataset
    data = load(name, make(name, raw_dir, tmp_path / "p.npz"), raw_dir)
    shape = {"fashion_mnist": (1, 4, 4), "indian_pines": (4, 3, 3)}[name]
    for split in (data.train, data.val, data.test):
        assert split.x.dtype == np.float32
        assert split.x.flags.c_contiguous
        assert split.x.shape == (len(split.y), *shape)
        assert split.y.dtype == split.index.dtype == np.int64
        assert set(split.y) == set(range(data.num_classes))
        assert np.isfinite(split.x).all()
    assert data.name == name
    assert data.num_classes == len(data.class_names) == (10 if name == "fashion_mnist" else 16)
    assert len(data.checksums["prepared"]) == 64


def test_same_seed_same_bytes_other_seed_other_split(dataset, tmp_path):
    name, raw_dir = dataset
    first = make(name, raw_dir, tmp_path / "a.npz").read_bytes()
    assert make(name, raw_dir, tmp_path / "b.npz").read_bytes() == first
    other = prepared_arrays(make(name, raw_dir, tmp_path / "c.npz", seed=2))
    same = prepared_arrays(tmp_path / "a.npz")
    assert set(other["train_index"]) != set(same["train_index"])


def test_no_sample_is_in_two_splits(dataset, tmp_path):
    name, raw_dir = dataset
    arrays = prepared_arrays(make(name, raw_dir, tmp_path / "p.npz"))
    train, val, test = (set(arrays[f"{split}_index"]) for split in SPLITS)
    assert not train & val
    if name == "indian_pines":  # in Fashion-MNIST the test images are numbered separately
        assert not (train | val) & test
        assert len(train | val | test) == np.count_nonzero(np.arange(1200) % 17)


def test_fashion_mnist_split_is_stratified_and_scaled_by_training_pixels(tiny_fashion, tmp_path):
    _, raw_dir, contents = tiny_fashion
    data = load("fashion_mnist", make("fashion_mnist", raw_dir, tmp_path / "p.npz"), raw_dir)
    assert np.bincount(data.train.y).tolist() == [18] * 10
    assert np.bincount(data.val.y).tolist() == [2] * 10
    assert data.test.index.tolist() == list(range(50))

    images = parse_idx(contents["train-images-idx3-ubyte"]).astype(float) / 255
    labels = parse_idx(contents["train-labels-idx1-ubyte"])
    seen = images[data.train.index]
    for split in (data.train, data.val):
        expected = (images[split.index] - seen.mean()) / seen.std()
        np.testing.assert_allclose(split.x[:, 0], expected, atol=1e-5)
        assert np.array_equal(split.y, labels[split.index])
    unseen = parse_idx(contents["t10k-images-idx3-ubyte"]).astype(float) / 255
    np.testing.assert_allclose(data.test.x[:, 0], (unseen - seen.mean()) / seen.std(), atol=1e-5)


def test_indian_pines_training_pixels_become_white(tiny_pines, tmp_path):
    _, raw_dir, contents = tiny_pines
    data = load("indian_pines", make("indian_pines", raw_dir, tmp_path / "p.npz"), raw_dir)
    centres = data.train.x[:, :, 1, 1].astype(float)
    np.testing.assert_allclose(centres.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(centres.T), np.eye(4), atol=1e-5)
    truth = parse_npy(contents[GROUND_TRUTH], (40, 30), "u1").ravel()
    assert np.array_equal(data.test.y, truth[data.test.index].astype(int) - 1)


def test_nothing_outside_the_training_pixels_touches_the_fit(tiny_pines, tmp_path, install_pines):
    _, raw_dir, contents = tiny_pines
    before = prepared_arrays(make("indian_pines", raw_dir, tmp_path / "a.npz"))
    cube = parse_npy(contents[CUBE], (40, 30, 12), "<u2").copy()
    truth = parse_npy(contents[GROUND_TRUTH], (40, 30), "u1")

    untouched = np.zeros(1200, dtype=bool)
    untouched[before["train_index"]] = True
    cube.reshape(1200, 12)[~untouched] += 77
    install_pines(cube, truth)
    after = prepared_arrays(make("indian_pines", raw_dir, tmp_path / "b.npz"))
    assert after["digest"] == before["digest"]

    cube.reshape(1200, 12)[before["train_index"][0]] += 77
    install_pines(cube, truth)
    moved = prepared_arrays(make("indian_pines", raw_dir, tmp_path / "c.npz"))
    assert moved["digest"] != before["digest"]


def test_limit_takes_a_stratified_slice_of_the_full_split(dataset, tmp_path):
    name, raw_dir = dataset
    full = load(name, make(name, raw_dir, tmp_path / "full.npz"), raw_dir)
    small = load(name, make(name, raw_dir, tmp_path / "small.npz", limit=50), raw_dir)
    classes = full.num_classes
    assert len(small.train.y) == 50
    assert len(small.val.y) == len(small.test.y) == max(10, classes)
    for split in SPLITS:
        assert set(getattr(small, split).index) < set(getattr(full, split).index)
        counts = np.bincount(getattr(small, split).y, minlength=classes)
        assert counts.min() >= 1
        assert counts.max() - counts.min() <= 1  # the stand-ins' classes are equally frequent


def test_limit_above_the_size_changes_nothing(dataset, tmp_path):
    name, raw_dir = dataset
    full = make(name, raw_dir, tmp_path / "full.npz").read_bytes()
    assert make(name, raw_dir, tmp_path / "same.npz", limit=10_000).read_bytes() == full


def test_wrong_arguments_are_explained(dataset, tmp_path):
    name, raw_dir = dataset
    out = tmp_path / "p.npz"
    with pytest.raises(ValueError, match=r"limit is 9, allowed are 1[06]"):
        make(name, raw_dir, out, limit=9)
    with pytest.raises(ValueError, match=f"{name} has no setting 'patches'; it has: "):
        make(name, raw_dir, out, patches=3)
    with pytest.raises(ValueError, match="unknown dataset 'pavia', allowed are: fashion_mnist"):
        prepare("pavia", 1, raw_dir, out)
    with pytest.raises(ValueError, match="unknown dataset 'pavia'"):
        load("pavia", out, raw_dir)
    assert not out.exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"components": 0}, "components is 0, allowed are 1 to 12"),
        ({"components": 13}, "components is 13, allowed are 1 to 12"),
        ({"patch": 4}, "patch is 4, allowed are odd numbers from 1 to 59"),
        ({"patch": 61}, "patch is 61, allowed are odd numbers from 1 to 59"),
        ({"patch": -1}, "patch is -1, allowed are odd"),
    ],
)
def test_indian_pines_settings_out_of_range(tiny_pines, tmp_path, setting, message):
    with pytest.raises(ValueError, match=message):
        make("indian_pines", tiny_pines[1], tmp_path / "p.npz", **setting)


def test_slice_too_small_for_the_components(tiny_pines, tmp_path):
    with pytest.raises(ValueError, match="components is 20, allowed are 1 to 12"):
        make("indian_pines", tiny_pines[1], tmp_path / "p.npz", components=20, limit=16)


def test_missing_raw_file_names_the_command(dataset, tmp_path):
    name, _ = dataset
    with pytest.raises(DataError, match=f"does not exist. Run `cgt download {name} --out .*empty`"):
        prepare(name, 1, tmp_path / "empty", tmp_path / "p.npz")


@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_flipped_byte_in_a_raw_file_is_refused(dataset, tmp_path, where):
    name, raw_dir = dataset
    prepared = make(name, raw_dir, tmp_path / "p.npz")
    for path in raw_dir.glob("*images*" if name == "fashion_mnist" else "*.npy"):
        good = path.read_bytes()
        path.write_bytes(flip(good, {"first": 0, "middle": len(good) // 2, "last": -1}[where]))
        with pytest.raises(DataError, match=f"{path.name}: .*Delete the file and run `cgt downl"):
            load(name, prepared, raw_dir)
        with pytest.raises(DataError, match=path.name):
            make(name, raw_dir, tmp_path / "q.npz")
        path.write_bytes(good)
    load(name, prepared, raw_dir)


def test_flipped_byte_in_the_prepared_file_is_refused(dataset, tmp_path):
    name, raw_dir = dataset
    path = make(name, raw_dir, tmp_path / "p.npz")
    good = path.read_bytes()
    for array in prepared_arrays(path).values():
        path.write_bytes(flip(good, good.index(array.tobytes())))
        with pytest.raises(DataError, match=r"p\.npz: .*Delete the file and run `cgt prepare"):
            load(name, path, raw_dir)
    for damaged in (b"", b"<html>", good[: len(good) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="unreadable"):
            load(name, path, raw_dir)
    path.unlink()
    with pytest.raises(DataError, match=f"does not exist. Run `cgt prepare {name}"):
        load(name, path, raw_dir)


def test_digest_guards_what_the_archive_itself_would_accept(dataset, tmp_path):
    name, raw_dir = dataset
    path = make(name, raw_dir, tmp_path / "p.npz")
    arrays = prepared_arrays(path)
    save_npz(path, **{**arrays, "train_index": arrays["train_index"][1:]})  # the old digest stays
    with pytest.raises(DataError, match="does not match its digest"):
        load(name, path, raw_dir)


def tampered(arrays, **changes):
    kept = {key: value for key, value in arrays.items() if key != "digest"}
    return {**kept, **{key: np.asarray(value) for key, value in changes.items()}}


def test_consistent_but_impossible_prepared_files_are_refused(dataset, tmp_path):
    name, raw_dir = dataset
    path = make(name, raw_dir, tmp_path / "p.npz")
    arrays = prepared_arrays(path)
    train, val = arrays["train_index"], arrays["val_index"]
    scaling = "mean" if name == "fashion_mnist" else "band_mean"
    unlabelled = tampered(arrays)
    unlabelled.pop("val_index")
    cases = [
        (tampered(arrays, val_index=np.append(val, train[0])), "val_index names a sample twice"),
        (tampered(arrays, train_index=np.append(train, train[0])), "train_index names a sample tw"),
        (tampered(arrays, test_index=[-1]), "test_index leaves the allowed range 0 to"),
        (tampered(arrays, test_index=[1200]), "test_index leaves the allowed range 0 to"),
        (tampered(arrays, test_index=[0.5]), "test_index must be a non-empty int64 vector"),
        (tampered(arrays, dataset="pavia"), f"made for dataset pavia, expected {name}"),
        (unlabelled, "holds the arrays"),
        (tampered(arrays, **{scaling: arrays[scaling] * np.nan}), f"{scaling} must hold finite"),
        (tampered(arrays, **{scaling: ["x"]}), f"{scaling} must hold finite numbers"),
    ]
    for content, message in cases:
        save_prepared(path, content)
        with pytest.raises(DataError, match=f"{message}.*Delete the file"):
            load(name, path, raw_dir)


def test_pixel_without_a_label_is_refused(tiny_pines, tmp_path):
    _, raw_dir, _ = tiny_pines
    path = make("indian_pines", raw_dir, tmp_path / "p.npz")
    save_prepared(path, tampered(prepared_arrays(path), test_index=[17]))  # class 0: no label
    with pytest.raises(DataError, match="test_index names positions without a label"):
        load("indian_pines", path, raw_dir)


def flip(data, position):
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)
