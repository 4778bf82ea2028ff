"""Images and signals in an `.npz` file become a dataset without a line of code."""

import hashlib

import numpy as np
import pytest

from cgt.commands.cli import main
from cgt.data import DataError, load, prepare
from cgt.data.prepared import load_prepared
from cgt.data.scaling import scaling

SPLITS = ("train", "val", "test")
SIZE, CLASSES = 100, 4


def images(**changes):
    """100 images of 2 channels, 3 x 5 pixels, 4 classes of 25; changed, or without what is None."""
    random = np.random.RandomState(0)
    arrays = {
        "x": random.randint(0, 256, (SIZE, 2, 3, 5)).astype(np.uint8),
        "y": np.arange(SIZE) % CLASSES,
    }
    return {key: value for key, value in {**arrays, **changes}.items() if value is not None}


def signals(**changes):
    random = np.random.RandomState(1)
    return images(**{"x": 1e6 + random.normal(size=(SIZE, 8)), **changes})


def held_out(size=12):
    return {"x_test": images()["x"][:size] // 2, "y_test": np.arange(size) % CLASSES}


def fixed(sizes=(60, 20, 20)):
    return np.repeat(np.arange(3), sizes)


@pytest.fixture
def made(tmp_path):
    """A function that saves arrays and prepares them: (the .npz file, the prepared one)."""

    def make(kind, arrays, seed=1, **options):
        raw, out = tmp_path / "raw.npz", tmp_path / f"{seed}.npz"
        np.savez(raw, **arrays)
        prepare("mine", seed, raw, out, kind=kind, **options)
        return raw, out

    return make


def loaded(made, *given, **options):
    raw, out = made(*given, **options)
    return load("mine", out, raw)


CASES = {
    "images": ("images", images(), (2, 3, 5)),
    "grey": ("images", images(x=images()["x"][:, 0]), (1, 3, 5)),
    "real": ("images", images(x=(images()["x"] / 255).astype(np.float16)), (2, 3, 5)),
    "signals": ("signals", signals(), (1, 8)),
    "channels": ("signals", signals(x=signals()["x"].reshape(SIZE, 2, 4)), (2, 4)),
    "whole": ("signals", signals(x=np.arange(SIZE * 8).reshape(SIZE, 8) - 50), (1, 8)),
}


@pytest.mark.parametrize("case", CASES)
def test_samples_are_standardised_by_channel_on_training_samples(case, made):
    kind, arrays, shape = CASES[case]
    data = loaded(made, kind, arrays)
    assert (data.name, data.kind) == ("mine", kind)
    assert data.class_names == ("class 0", "class 1", "class 2", "class 3")
    raw = arrays["x"].astype(np.float64).reshape(SIZE, *shape)
    rest = tuple(axis for axis in range(raw.ndim) if axis != 1)
    seen = raw[data.train.index]
    mean, std = seen.mean(rest, keepdims=True)[0], seen.std(rest, keepdims=True)[0]
    for name in SPLITS:
        split = getattr(data, name)
        assert split.x.dtype == np.float32
        assert split.x.flags.c_contiguous
        assert split.index.dtype == split.y.dtype == np.int64
        np.testing.assert_allclose(split.x, (raw[split.index] - mean) / std, atol=1e-5)
        assert np.array_equal(split.y, arrays["y"][split.index])


def test_without_a_split_it_is_60_20_20_in_each_class_and_of_the_seed(made):
    first, again, other = (loaded(made, "images", images(), seed=seed) for seed in (1, 1, 2))
    for name, each in {"train": 15, "val": 5, "test": 5}.items():
        assert np.bincount(getattr(first, name).y).tolist() == [each] * CLASSES
        assert np.array_equal(getattr(first, name).index, getattr(again, name).index)
        assert not np.array_equal(getattr(first, name).index, getattr(other, name).index)
    together = np.concatenate([getattr(first, name).index for name in SPLITS])
    assert sorted(together) == list(range(SIZE))


def test_a_given_split_is_that_of_all_seeds(made):
    arrays = images(split=fixed())
    for seed in (1, 2):
        data = loaded(made, "images", arrays, seed=seed)
        for number, name in enumerate(SPLITS):
            assert np.array_equal(getattr(data, name).index, np.flatnonzero(fixed() == number))


def test_a_given_test_set_stays_and_a_tenth_validates(made):
    arrays = images(**held_out())
    first, other = (loaded(made, "images", arrays, seed=seed) for seed in (1, 2))
    assert np.bincount(first.val.y).tolist() == [3] * CLASSES  # 2.5 rounded half up
    assert np.bincount(first.train.y).tolist() == [22] * CLASSES
    assert not np.array_equal(first.val.index, other.val.index)
    for data in (first, other):
        assert data.test.index.tolist() == list(range(12))
        assert np.array_equal(data.test.y, arrays["y_test"])
    mean, std = (np.array(scaling_of)[:, None, None] for scaling_of in moments(arrays, first))
    np.testing.assert_allclose(first.test.x, (arrays["x_test"] - mean) / std, atol=1e-5)


def moments(arrays, data):
    seen = arrays["x"][data.train.index].astype(np.float64)
    return seen.mean((0, 2, 3)), seen.std((0, 2, 3))


def test_a_slice_keeps_every_class(made):
    data = loaded(made, "images", images(**held_out()), limit=10)
    assert [len(getattr(data, name).y) for name in SPLITS] == [10, 4, 4]
    assert set(data.test.y) == set(range(CLASSES))


def test_class_names_are_those_of_the_file(made):
    names = ("ant", "bee", "fly", "wasp")
    assert loaded(made, "images", images(class_names=np.array(names))).class_names == names


def test_a_channel_that_never_changes_becomes_zero(made):
    x = images()["x"] / 7
    x[:, 1] = 0.1
    data = loaded(made, "images", images(x=x))
    assert not data.test.x[:, 1].any()


def test_scaling_is_that_of_the_samples(made):
    raw, out = made("images", images())
    data, known = load("mine", out, raw), scaling(out)
    mean, std = (np.array(known[name])[:, None, None] for name in ("mean", "std"))
    np.testing.assert_allclose((images()["x"][data.val.index] - mean) / std, data.val.x, atol=1e-5)
    assert known["projection"] is None


def test_same_file_and_seed_give_the_same_bytes(made):
    first = made("signals", signals())[1].read_bytes()
    assert made("signals", signals())[1].read_bytes() == first


def test_the_prepared_file_says_what_it_was_made_from(made):
    raw, out = made("images", images())
    arrays, digest = load_prepared(out, "again"), hashlib.sha256(raw.read_bytes()).hexdigest()
    assert (str(arrays["kind"]), str(arrays["raw_sha256"])) == ("images", digest)
    data = load("mine", out, raw)
    assert data.checksums == {"npz": digest, "prepared": str(arrays["digest"])}


def test_a_changed_file_is_refused(made):
    raw, out = made("images", images())
    x = images()["x"]
    x[0, 0, 0, 0] ^= 1
    np.savez(raw, **images(x=x))
    with pytest.raises(
        DataError, match=r"raw\.npz is not the file that mine was prepared from.*--"
    ):
        load("mine", out, raw)
    raw.unlink()
    with pytest.raises(
        DataError, match=r"raw\.npz does not exist; mine is made from an \.npz file"
    ):
        load("mine", out, raw)


def test_prepared_files_of_others_are_refused(made, tmp_path):
    raw, out = made("images", images())
    with pytest.raises(DataError, match=r"made for dataset mine, expected other.*--kind images"):
        load("other", out, raw)
    with pytest.raises(ValueError, match="unknown dataset 'mine', allowed are: fashion_mnist"):
        load("mine", tmp_path / "absent.npz", raw)
    with pytest.raises(DataError, match=r"holds the arrays .*Delete .*`cgt prepare fashion_mnist"):
        load("fashion_mnist", out, raw)
    out.write_bytes(out.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"unreadable.*`cgt prepare mine --kind KIND --raw"):
        load("mine", out, raw)


def test_a_coded_dataset_is_not_a_configured_one(tiny_fashion, tmp_path):
    out = tmp_path / "p.npz"
    prepare("fashion_mnist", 1, tiny_fashion[1], out)
    with pytest.raises(DataError, match="was made for dataset fashion_mnist, expected mine"):
        load("mine", out, tmp_path / "raw.npz")


X = images()["x"]
NAN = X / 255
NAN[3, 0, 0, 0] = np.nan
WRONG = {
    "no x": (images(x=None), r"has no array 'x'; a dataset of kind images has x, y, and may have"),
    "no y": (images(y=None), "has no array 'y'"),
    "unknown": (images(X=X), "has an unknown array 'X'; a dataset of kind images has x, y, and"),
    "shape": (images(x=X[:, 0, 0]), r"x has shape \(100, 5\), expected \[N, H, W\] or \[N, C, H, "),
    "empty": (images(x=X[:0], y=np.arange(0)), r"x has shape \(0, 2, 3, 5\).* none of them 0"),
    "dtype": (images(x=X.astype(np.int64)), "x holds int64, expected uint8 or float"),
    "complex": (images(x=X * 1j), "x holds complex128, expected uint8 or float"),
    "text": (images(x=X.astype(str)), "x holds <U3, expected uint8 or float"),
    "NaN": (images(x=NAN), "x holds NaN or infinity; fill in or leave out what is not known"),
    "constant": (images(x=np.ones_like(X)), "x holds nothing but 1; there is nothing to learn"),
    "labels short": (images(y=np.arange(9)), r"y has shape \(9,\), expected \(100,\): one class"),
    "labels real": (images(y=np.arange(SIZE) / 4), "y holds float64, expected integers: one class"),
    "labels below": (images(y=np.arange(SIZE) % 4 - 1), r"y holds -1 to 2, allowed are 0 to 99"),
    "labels far": (images(y=np.arange(SIZE) + 1), r"y holds 1 to 100, allowed are 0 to 99"),
    "gap": (images(y=np.arange(SIZE) % 4 * 2), "y holds too few samples of class 1: 0"),
    "from 1": (images(y=np.arange(SIZE) % 4 + 1), "y holds too few samples of class 0: 0"),
    "one class": (images(y=np.zeros(SIZE, int)), "y holds one class only"),
    "rare": (
        images(y=np.minimum(np.arange(SIZE), 2) % 2 + (np.arange(SIZE) > 1)),
        "y holds too few samples of class 0: 1, needed are 3 .1 each for training",
    ),
    "rare, held out": (
        images(y=np.where(np.arange(SIZE) == 0, 4, np.arange(SIZE) % 4), **held_out()),
        "y holds too few samples of class 4: 1, needed are 2 .1 for training and 1 for validation",
    ),
    "few names": (images(class_names=np.array(["a"])), "y holds class 3, but class_names has 1 na"),
    "many names": (images(class_names=np.array(list("abcde"))), "too few samples of class 4"),
    "no text": (images(class_names=np.arange(4)), r"class_names holds int64 of shape \(4,\), exp"),
    "names alike": (images(class_names=np.array(list("abca"))), "class_names names two classes al"),
    "name empty": (images(class_names=np.array(["a", "b", "c", ""])), "or one of them not at all"),
    "split 3": (images(split=fixed() + 1), "split holds 1 to 3, allowed are 0 to 2: 0 train, 1"),
    "split real": (images(split=fixed() / 1), "split holds float64, expected integers"),
    "split shape": (images(split=fixed()[:9]), r"split has shape \(9,\), expected \(100,\): 0 tr"),
    "no val": (images(split=fixed((80, 0, 20))), "split has no 1: there is no sample for val"),
    "untrained": (
        images(split=fixed(), y=np.minimum(np.arange(SIZE) // 20, 3)),
        "split has no training sample of class 3",
    ),
    "both": (images(split=fixed(), **held_out()), "has both split and x_test or y_test; leave out"),
    "no y_test": (images(x_test=X), "has no array 'y_test', but the other of x_test and y_test"),
    "no x_test": (images(y_test=np.arange(4)), "has no array 'x_test', but the other"),
    "test shape": (
        images(x_test=X[:, :1], y_test=np.arange(SIZE) % 4),
        r"x_test holds samples of shape \(1, 3, 5\) and uint8, those of x are \(2, 3, 5\) and",
    ),
    "test dtype": (images(**{**held_out(), "x_test": X[:12] / 9}), "and float64, those of x are"),
    "test labels": (images(**{**held_out(), "y_test": np.arange(12)}), "y_test holds 0 to 11, all"),
    "pickle": (images(y=np.array([None] * SIZE)), "not a readable .npz file without pickles"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_told_in_one_sentence(case, made, tmp_path):
    arrays, message = WRONG[case]
    with pytest.raises(ValueError, match=message) as error:
        made("images", arrays)
    assert str(error.value).startswith(f"{tmp_path / 'raw.npz'}: ")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "1.npz").exists()


def test_signals_have_their_own_shapes(made):
    with pytest.raises(
        DataError, match=r"x has shape \(100, 2, 3, 5\), expected \[N, L\] or \[N, C"
    ):
        made("signals", images())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.npz", r"absent\.npz does not exist; mine is made from an \.npz file: name it"),
        (".", r" is a folder; mine is made from an \.npz file: name it \(--raw\)"),
        ("text.npz", r"text\.npz: not a readable \.npz file without pickles"),
    ],
)
def test_no_such_file(name, message, tmp_path):
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ValueError, match=message):
        prepare("mine", 1, tmp_path / name, tmp_path / "p.npz", kind="images")
    with pytest.raises(DataError, match=r"mine is made from an \.npz file: name it \(--raw\)"):
        prepare("mine", 1, None, tmp_path / "p.npz", kind="images")
    with pytest.raises(DataError, match=r"fashion_mnist is made from raw files; name their folder"):
        prepare("fashion_mnist", 1, None, tmp_path / "p.npz")


def test_from_the_command_line(tmp_path, capsys):
    raw, out = tmp_path / "bees.npz", tmp_path / "1.npz"
    np.savez(raw, **signals())
    command = ["prepare", "bees", "--raw", str(raw), "--seed", "1", "--out", str(out)]
    assert main([*command, "--kind", "signals", "--limit", "8"]) == 0
    assert len(load("bees", out, raw).train.y) == 8
    assert main([*command, "--kind", "signals", "--patch", "5"]) == 2
    assert "bees has no setting 'patch'; it has: none" in capsys.readouterr().err
    assert main(command) == 2
    assert "unknown dataset 'bees'" in capsys.readouterr().err
