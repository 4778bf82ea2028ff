"""Random damage to every kind of file that is read: refused with a message, or nothing has changed.

14,000 cases, the same ones in every run. Files are small, so that a damaged byte is often a byte
that matters, and in memory where the reader takes bytes.
"""

import gzip
import hashlib
import io
import pickle
import random

import numpy as np
import pytest
import scipy.io

from cgt.data import DataError
from cgt.data.formats import gunzip, npy_bytes, parse_npy
from cgt.data.matlab import parse_mat
from cgt.data.prepared import load_prepared, save_prepared
from cgt.data.raw import IdxFile, NpyFile
from cgt.records.files import save_npz
from cgt.records.predictions import (
    Predictions,
    SplitPredictions,
    load_predictions,
    save_predictions,
)

SHAPE = (3, 4, 5)
CUBE = np.random.default_rng(0).integers(0, 65536, SHAPE).astype("<u2")
IMAGES = np.random.default_rng(1).integers(0, 256, SHAPE).astype("u1")
IDX = b"\0\0\x08\x03" + np.array(SHAPE, ">u4").tobytes() + IMAGES.tobytes()
IDX_FILE = IdxFile("images", SHAPE, "u1", hashlib.sha256(IDX).hexdigest())
NPY_FILE = NpyFile("cube.npy", SHAPE, "<u2", hashlib.sha256(CUBE.tobytes()).hexdigest())


def damaged(good, chance):
    """`good` after one to three accidents of a disk, a network or a person."""
    data = bytearray(good)
    for _ in range(chance.choice([1, 1, 2, 3])):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice([1, 1, 2, 4, 16, 100]))
        match chance.randrange(8):
            case 0 | 1 if data:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            case 2:
                data[start:end] = chance.randbytes(end - start)
            case 3:
                del data[start:]
            case 4:
                del data[start:end]
            case 5:
                data[start:start] = chance.randbytes(chance.choice([1, 4, 64]))
            case 6:
                data[start:end] = chance.choice([b"\0", b"\xff"]) * (end - start)
            case 7:
                data[start:start] = data[start:end]
    return bytes(data) if chance.random() > 0.005 else b"<!DOCTYPE html><title>404</title>"


def matlab(compressed):
    stream = io.BytesIO()
    scipy.io.savemat(stream, {"indian_pines": CUBE}, do_compression=compressed)
    return stream.getvalue()


def read_mat(data):
    return NPY_FILE.parse(npy_bytes(parse_mat(data, SHAPE, "<u2")))


def read_packed_npy(data):
    return NPY_FILE.parse(npy_bytes(parse_npy(data, SHAPE, "<u2").astype("<u2", order="C")))


# Name: a sound file, the way it is read and verified, what it holds, and the number of cases.
IN_MEMORY = {
    "IDX": (IDX, IDX_FILE.parse, IMAGES, 2500),
    "gzipped IDX": (
        gzip.compress(IDX, mtime=0),
        lambda data: IDX_FILE.parse(gunzip(data, IDX_FILE.max_bytes)),
        IMAGES,
        1500,
    ),
    "npy": (npy_bytes(CUBE), NPY_FILE.parse, CUBE, 2500),
    "npy of a package": (npy_bytes(np.asfortranarray(CUBE)), read_packed_npy, CUBE, 500),
    "mat": (matlab(False), read_mat, CUBE, 2000),
    "compressed mat": (matlab(True), read_mat, CUBE, 2000),
}


@pytest.fixture(autouse=True)
def no_pickles(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("something was unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)


@pytest.mark.parametrize("kind", IN_MEMORY)
def test_damaged_raw_files(kind):
    good, read, content, cases = IN_MEMORY[kind]
    assert np.array_equal(read(good), content)
    refused = 0
    for number in range(cases):
        data = damaged(good, random.Random(f"{kind} {number}"))
        try:
            accepted = read(data)
        except ValueError as error:
            refused += 1
            assert len(str(error)) > 10, (number, error)
        else:
            assert np.array_equal(accepted, content), number
    assert refused > 0.75 * cases


def some_predictions():
    random = np.random.default_rng(2)

    def split(start):
        return SplitPredictions(
            prediction=random.integers(0, 4, (3, 6)),
            confidence=random.random((3, 6), dtype=np.float32),
            target=random.integers(0, 4, 6),
            index=np.arange(start, start + 6),
            logits=random.random((3, 6, 4), dtype=np.float32),
        )

    return Predictions(split(0), split(6), np.array([10, 20, 30]))


def contents_of_predictions(path):
    loaded = load_predictions(path)
    parts = [loaded.macs, *vars(loaded.val).values(), *vars(loaded.test).values()]
    return b"".join(part.dtype.str.encode() + part.tobytes() for part in parts)


def contents_of_prepared(path):
    return load_prepared(path, "again")["digest"].tobytes()


def refusals(path, read, cases):
    """Read the damaged file again and again; the number of times it was refused."""
    good, content = path.read_bytes(), read(path)
    refused = 0
    for number in range(cases):
        path.write_bytes(damaged(good, random.Random(f"{path.name} {number}")))
        try:
            accepted = read(path)
        except (ValueError, DataError) as error:
            refused += 1
            assert str(path) in str(error)
        else:
            assert accepted == content, number
    return refused


def test_damaged_predictions(tmp_path):
    save_predictions(tmp_path / "predictions.npz", some_predictions())
    refused = refusals(tmp_path / "predictions.npz", contents_of_predictions, 2000)
    assert refused > 1000


def test_damaged_prepared_files(tmp_path):
    arrays = {"train_index": np.arange(20), "mean": np.array(0.25), "dataset": np.array("pines")}
    save_prepared(tmp_path / "prepared.npz", arrays)
    refused = refusals(tmp_path / "prepared.npz", contents_of_prepared, 1000)
    assert refused > 500


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("key", ["val_confidence", "test_logits"])
def test_numbers_that_are_none(key, value, tmp_path):
    path = tmp_path / "predictions.npz"
    save_predictions(path, some_predictions())
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    arrays[key].flat[3] = value
    save_npz(path, **arrays)
    with pytest.raises(ValueError, match=f"{key} must be finite"):
        load_predictions(path)


def test_a_shortened_header_does_not_hide_what_follows(tmp_path):
    # numpy.load reads the first half of the numbers and never reaches the checksum.
    path = tmp_path / "predictions.npz"
    save_npz(path, macs=np.arange(20000))
    path.write_bytes(path.read_bytes().replace(b"'shape': (20000,)", b"'shape': (10000,)"))
    with np.load(path, allow_pickle=False) as archive:
        assert len(archive["macs"]) == 10000
    with pytest.raises(ValueError, match=r"Bad CRC-32"):
        load_predictions(path)
