"""Damaged data never get in: not at the download, and not later if a file changes on the disk."""

import io
import re

import numpy as np
import pytest
import scipy.io

from cgt.commands.cli import main
from cgt.data import DataError
from cgt.data.formats import npy_bytes
from cgt.data.indian_pines import FILES, GROUND_TRUTH, IndianPines
from cgt.data.sources import Location, download_files

HTML = b"<!DOCTYPE html><title>Sign in to the hotel's network</title>"
TRUTH = FILES[1]


@pytest.fixture(scope="module")
def truth(data):
    return np.load(data / "raw" / GROUND_TRUTH, allow_pickle=False)


def matlab(array):
    stream = io.BytesIO()
    scipy.io.savemat(stream, {"indian_pines_gt": array}, do_compression=True)
    return stream.getvalue()


def flipped(data):
    changed = bytearray(data)
    changed[len(data) * 2 // 3] ^= 4
    return bytes(changed)


def extra_class(array):
    changed = array.copy()
    changed[array == 16] = 17
    return changed


# Kind of damage: what the sound array becomes, given how arrays are packed; what the message says.
DAMAGES = {
    "truncated": (lambda array, pack: pack(array)[:-50], r"truncated|needs 21025 bytes"),
    "a flipped bit": (lambda array, pack: flipped(pack(array)), r"damaged|sha256 of the content"),
    "a web page": (lambda array, pack: HTML, r"it starts with b'<!DOCTYPE|not a \.npy file"),
    "nothing": (lambda array, pack: b"", r"it starts with b''|not a \.npy file"),
    "wrong shape": (
        lambda array, pack: pack(array[:, 1:]),
        r"expected shape \(145, 145\) of uint8, got \(145, 144\) of uint8",
    ),
    "wrong dtype": (
        lambda array, pack: pack(array.astype("<u2")),
        r"expected shape \(145, 145\) of uint8, got \(145, 145\) of uint16",
    ),
    "an extra class": (
        lambda array, pack: pack(extra_class(array)),
        rf"sha256 of the content is [0-9a-f]+, expected {TRUTH.sha256}",
    ),
    "NaN": (
        lambda array, pack: pack(np.where(array == 0, np.nan, array)),
        r"expected shape \(145, 145\) of uint8, got \(145, 145\) of float64",
    ),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_at_the_download(kind, truth, tmp_path):
    damage, message = DAMAGES[kind]
    packing = IndianPines.mirror_format
    (tmp_path / packing.name(TRUTH)).write_bytes(damage(truth, matlab))
    with pytest.raises(DataError, match=message) as error:
        download_files(
            "indian_pines", [TRUTH], [Location(str(tmp_path), packing)], tmp_path / "raw", packing
        )
    assert f"no source gave {GROUND_TRUTH}" in str(error.value)
    assert not (tmp_path / "raw").exists()


def test_a_damaged_mirror_is_told_where_the_next_source_is_sound(
    truth, tmp_path, monkeypatch, capsys
):
    mirror = tmp_path / "indian_pines"
    mirror.mkdir()
    (mirror / "Indian_pines_gt.mat").write_bytes(matlab(extra_class(truth)))
    monkeypatch.setenv("CGT_DATA_MIRROR", str(tmp_path))
    assert main(["download", "indian_pines", "--out", str(tmp_path / "raw")]) == 0
    assert np.array_equal(np.load(tmp_path / "raw" / GROUND_TRUTH), truth)
    said = capsys.readouterr().err
    assert f"mirror {mirror}: {GROUND_TRUTH}: sha256 of the content is" in said
    assert f"expected {TRUTH.sha256}" in said


@pytest.fixture
def changed(data, truth, tmp_path):
    """A raw folder of its own, and a function that damages the labels in it."""
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "cube.npy").symlink_to(data / "raw/cube.npy")

    def change(kind):
        (folder / GROUND_TRUTH).write_bytes(DAMAGES[kind][0](truth, npy_bytes))
        return folder

    return change


@pytest.mark.parametrize("kind", DAMAGES)
def test_later_on_the_disk(kind, changed, tmp_path, capsys):
    raw, out = changed(kind), tmp_path / "prepared.npz"
    arguments = ["--seed", "1", "--raw", str(raw), "--out", str(out), "--limit", "160"]
    assert main(["prepare", "indian_pines", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"cgt prepare: {raw / GROUND_TRUTH}: ")
    assert f"Delete the file and run `cgt download indian_pines --out {raw}` again." in said
    assert re.search(DAMAGES[kind][1], said)
    assert not out.exists()


def test_training_looks_again(changed, place, forks, tmp_path):
    raw = changed("an extra class")
    code, output = forks.run(*place.changed(raw=raw), log=tmp_path / "log")
    assert code == 2
    assert f"{raw / GROUND_TRUTH}: sha256 of the content is" in output
    assert place.files() == {}


def test_training_looks_at_the_prepared_file(data, place, forks, tmp_path):
    good = (data / "prepared.npz").read_bytes()
    prepared = tmp_path / "prepared.npz"
    prepared.write_bytes(flipped(good))
    code, output = forks.run(*place.changed(prepared=prepared), log=tmp_path / "log")
    assert code == 2
    assert f"{prepared}: unreadable" in output
    assert "Delete the file and run `cgt prepare indian_pines" in output
    assert place.files() == {}
