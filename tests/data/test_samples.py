"""Test samples as people look at them: unscaled, and nothing where there is none."""

import numpy as np
import pytest

from cgt.data import prepare
from cgt.data.samples import test_samples as samples_of

INDEX = np.array([[2, -1], [0, 4]])
Y = np.array([0, 1, 2] * 10)


@pytest.fixture
def shown(tmp_path):
    """A function from a kind and test samples to what is shown of them at INDEX."""

    def show(kind, x_test, index=INDEX):
        raw, out = tmp_path / "raw.npz", tmp_path / "p.npz"
        x = np.concatenate([x_test] * 6)[:30]
        np.savez(raw, x=x, y=Y, x_test=x_test, y_test=Y[: len(x_test)])
        prepare("mine", 1, raw, out, kind=kind)
        return samples_of("mine", out, raw, index)

    return show


def pixels(*shape):
    return np.random.RandomState(0).randint(0, 256, (5, *shape)).astype(np.uint8)


def test_images_of_the_official_test_set(tiny_fashion, tmp_path):
    _, raw_dir, contents = tiny_fashion
    prepare("fashion_mnist", 1, raw_dir, tmp_path / "p.npz")
    images = np.frombuffer(contents["t10k-images-idx3-ubyte"][16:], np.uint8).reshape(50, 4, 4)
    got = samples_of("fashion_mnist", tmp_path / "p.npz", raw_dir, np.array([[7, -1], [0, 49]]))
    assert got.dtype == np.uint8
    assert np.array_equal(got[0, 0], images[7])
    assert not got[0, 1].any()
    assert np.array_equal(got[1], images[[0, 49]])


def test_grey_images_are_as_they_are(shown):
    x = pixels(3, 4)
    got = shown("images", x)
    assert (got.shape, got.dtype) == ((2, 2, 3, 4), np.uint8)
    assert np.array_equal(got[0, 0], x[2])
    assert not got[0, 1].any()
    assert np.array_equal(got[1], x[[0, 4]])


def test_three_channels_are_colours_and_others_are_averaged(shown):
    x = pixels(3, 2, 4)
    got = shown("images", x)
    assert got.shape == (2, 2, 2, 4, 3)
    assert np.array_equal(got[1, 1], x[4].transpose(1, 2, 0))
    assert not got[0, 1].any()
    two = shown("images", x[:, :2])
    assert np.array_equal(two[0, 0], x[2, :2].mean(0).round())


def test_real_numbers_are_stretched_over_all_test_images(shown):
    x = pixels(3, 4) / 100 - 1
    got = shown("images", x)
    expected = 255 * (x - x.min()) / (x.max() - x.min())
    assert np.array_equal(got[0, 0], expected[2].round())


def test_signals_are_as_they_are_and_absent_ones_no_number(shown):
    x = pixels(6).astype(np.float64) * 3
    got = shown("signals", x)
    assert (got.shape, got.dtype) == ((2, 2, 6), np.float32)
    assert np.array_equal(got[[0, 1, 1], [0, 0, 1]], x[[2, 0, 4]])
    assert np.isnan(got[0, 1]).all()
    both = shown("signals", x.reshape(5, 2, 3))
    assert np.array_equal(both[0, 0], x[2].reshape(2, 3).mean(0).astype(np.float32))


def test_positions_that_there_are_not(shown):
    for wrong in (-2, 5):
        with pytest.raises(ValueError, match=f"index holds {wrong} to {wrong}, allowed are -1"):
            shown("images", pixels(3, 4), np.array([wrong]))
    assert shown("images", pixels(3, 4), np.zeros((0, 2), int)).shape == (0, 2, 3, 4)


def test_a_scene_has_no_samples_to_show(tiny_pines, tmp_path):
    with pytest.raises(ValueError, match="of kind scene; allowed here: images, signals"):
        samples_of("indian_pines", tmp_path / "p.npz", tiny_pines[1], INDEX)
