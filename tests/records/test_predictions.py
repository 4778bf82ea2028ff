import dataclasses

import numpy as np
import pytest

from cgt.records.files import save_npz
from cgt.records.predictions import (
    Predictions,
    SplitPredictions,
    load_predictions,
    save_predictions,
)


def make(logits=False, exits=2, samples=3):
    def split(start):
        return SplitPredictions(
            prediction=np.arange(exits * samples).reshape(exits, samples) % 2,
            confidence=np.linspace(0, 1, exits * samples, dtype=np.float32).reshape(exits, samples),
            target=np.arange(samples) % 2,
            index=np.arange(start, start + samples),
            logits=np.ones((exits, samples, 2), np.float32) if logits else None,
        )

    return Predictions(split(0), split(10), np.arange(1, exits + 1) * 100)


def arrays(**changes):
    """The raw content of a sound file with some keys replaced, or left out where None."""
    sound = make()
    content = {"macs": sound.macs}
    for name in ("val", "test"):
        part = getattr(sound, name)
        for key in ("prediction", "confidence", "target", "index"):
            content[f"{name}_{key}"] = getattr(part, key)
    return {key: value for key, value in {**content, **changes}.items() if value is not None}


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("exits", [1, 2, 5])
def test_what_is_saved_is_loaded(tmp_path, logits, exits):
    saved = make(logits, exits)
    save_predictions(tmp_path / "p.npz", saved)
    loaded = load_predictions(tmp_path / "p.npz")
    np.testing.assert_array_equal(loaded.macs, saved.macs)
    for split in ("val", "test"):
        for field in dataclasses.fields(SplitPredictions):
            before = getattr(getattr(saved, split), field.name)
            after = getattr(getattr(loaded, split), field.name)
            if before is None:
                assert after is None
            else:
                assert after.dtype == before.dtype
                np.testing.assert_array_equal(after, before)


def test_equal_predictions_give_equal_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        save_predictions(tmp_path / name, make(logits=True))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def float32(*rows):
    return np.array(rows, np.float32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"macs": None}, "key 'macs' is missing"),
        ({"test_index": None}, "key 'test_index' is missing"),
        ({"val_labels": np.zeros(3)}, "unknown key 'val_labels'; allowed are"),
        ({"macs": np.array([100.0, 200.0])}, "macs has dtype float64; it must be int64"),
        ({"macs": np.array([[100, 200]])}, r"macs has shape \(1, 2\); it must be \[E\]"),
        ({"macs": np.array([200, 200])}, r"macs is \[200, 200\]; it must be positive and rise"),
        ({"macs": np.array([0, 200])}, r"macs is \[0, 200\]; it must be positive and rise"),
        ({"macs": np.array([1, 2, 3])}, r"val_prediction has shape \(2, 3\); it must be \(3, 3\)"),
        ({"val_target": np.zeros(0, np.int64)}, r"val_target has shape \(0,\)"),
        ({"test_index": np.arange(4)}, r"test_index has shape \(4,\); it must be \(3,\)"),
        ({"test_index": np.array([5, 5, 6])}, "test_index holds a position twice"),
        ({"test_target": np.array([0, -1, 1])}, "test_target holds -1; it must be >= 0"),
        ({"val_confidence": np.zeros((2, 3))}, "val_confidence has dtype float64"),
        ({"val_confidence": float32([0, 0, 0], [0, 0, 1.5])}, r"must be finite and in \[0, 1\]"),
        ({"val_confidence": float32([0, 0, 0], [0, 0, np.nan])}, r"must be finite and in \[0, 1\]"),
        ({"val_logits": float32([0, 0, 0])}, r"val_logits has shape \(1, 3\)"),
        ({"val_logits": np.full((2, 3, 2), np.inf, np.float32)}, "val_logits must be finite"),
    ],
)
def test_a_broken_file_is_refused_and_named(tmp_path, changes, message):
    path = tmp_path / "broken.npz"
    save_npz(path, **arrays(**changes))
    with pytest.raises(ValueError, match=message) as error:
        load_predictions(path)
    assert str(path) in str(error.value)


def test_broken_predictions_are_not_written(tmp_path):
    broken = dataclasses.replace(make(), macs=np.array([2, 1]))
    with pytest.raises(ValueError, match="rise from exit to exit"):
        save_predictions(tmp_path / "p.npz", broken)
    assert list(tmp_path.iterdir()) == []


def test_pickles_are_never_loaded(tmp_path):
    path = tmp_path / "pickled.npz"
    np.savez(path, **arrays(macs=np.array([1, "x"], dtype=object)))
    with pytest.raises(ValueError, match=r"not a readable \.npz file without pickles"):
        load_predictions(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "p.npz"
    save_predictions(path, make())
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"p\.npz: not a readable"):
        load_predictions(path)


def test_a_single_array_is_refused(tmp_path):
    path = tmp_path / "p.npz"
    with path.open("wb") as stream:
        np.save(stream, np.arange(3))
    with pytest.raises(ValueError, match=r"p\.npz: not a readable"):
        load_predictions(path)


def test_an_absent_file_is_reported_as_absent(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_predictions(tmp_path / "none.npz")
