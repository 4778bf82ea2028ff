import errno
import json
import os
import time
import zipfile

import numpy as np
import pytest

from cgt.records.files import (
    atomic_path,
    load_npz,
    move,
    remove_leftovers,
    save_npz,
    write_bytes,
    write_json,
    write_text,
)


def test_atomic_path_moves_the_file_when_the_block_ends(tmp_path):
    target = tmp_path / "new" / "figure.svg"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".svg"
        temporary.write_text("drawn")
        assert not target.exists()
    assert target.read_text() == "drawn"
    assert os.listdir(target.parent) == ["figure.svg"]


def test_atomic_path_keeps_the_old_file_when_the_block_fails(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")

    def fail_half_way():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_atomic_path_refuses_a_block_that_wrote_nothing(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "f"):
        pass
    assert os.listdir(tmp_path) == []


def test_permissions_are_those_of_an_ordinary_new_file(tmp_path):
    (tmp_path / "ordinary").write_text("x")
    write_text(tmp_path / "ours", "x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_text_is_written_as_it_is(tmp_path):
    write_text(tmp_path / "f", "τ\r\n\n")
    assert (tmp_path / "f").read_bytes() == b"\xcf\x84\r\n\n"
    write_bytes(tmp_path / "f", b"\x00\xff")
    assert (tmp_path / "f").read_bytes() == b"\x00\xff"


def test_json_is_sorted_indented_and_ends_with_a_newline(tmp_path):
    write_json(tmp_path / "f", {"b": [1], "a": "τ"})
    text = (tmp_path / "f").read_text(encoding="utf-8")
    assert text == '{\n  "a": "τ",\n  "b": [\n    1\n  ]\n}\n'
    assert json.loads(text) == {"a": "τ", "b": [1]}


def test_json_refuses_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "f", {"accuracy": float("nan")})
    assert os.listdir(tmp_path) == []


def test_npz_round_trip_and_stable_bytes(tmp_path, monkeypatch):
    arrays = {"index": np.arange(5), "name": np.array("pines"), "x": np.ones((2, 3), np.float32)}
    save_npz(tmp_path / "a.npz", **arrays)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    save_npz(tmp_path / "b.npz", **arrays)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz") as archive:
        assert archive.files == list(arrays)
        for name, array in arrays.items():
            assert archive[name].dtype == array.dtype
            assert np.array_equal(archive[name], array)
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_npz_is_packed_if_asked_for(tmp_path):
    zeros = np.zeros(10_000)
    save_npz(tmp_path / "a.npz", compression=zipfile.ZIP_DEFLATED, x=zeros)
    assert (tmp_path / "a.npz").stat().st_size < 1000
    assert np.array_equal(load_npz(tmp_path / "a.npz")["x"], zeros)


def test_npz_does_not_depend_on_the_memory_order(tmp_path):
    x = np.arange(6).reshape(2, 3)
    save_npz(tmp_path / "c.npz", x=x)
    save_npz(tmp_path / "f.npz", x=np.asfortranarray(x))
    assert (tmp_path / "c.npz").read_bytes() == (tmp_path / "f.npz").read_bytes()


def test_npz_refuses_objects(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        save_npz(tmp_path / "a.npz", x=np.array([None]))
    assert os.listdir(tmp_path) == []


def test_a_refusal_of_the_system_names_the_file_that_was_to_be(tmp_path):
    with (
        pytest.raises(OSError, match="No space left on device") as error,
        atomic_path(tmp_path / "table.csv"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert error.value.filename == str(tmp_path / "table.csv")
    with pytest.raises(FileNotFoundError) as error, atomic_path(tmp_path / "table.csv"):
        (tmp_path / "other").read_text()
    assert error.value.filename == str(tmp_path / "other")


def test_leftovers_of_a_killed_process_are_removed_and_nothing_else(tmp_path):
    context = atomic_path(tmp_path / "a.b.csv")
    temporary = context.__enter__()
    temporary.write_text("half")
    kept = [".hidden", "a.b.csv", ".snakemake_timestamp", ".a.b.csv", "lock"]
    for name in kept:
        (tmp_path / name).write_text("kept")
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(kept)
    remove_leftovers(tmp_path / "absent")


def test_npz_is_read_back_and_damage_is_named(tmp_path):
    path = tmp_path / "a.npz"
    arrays = {"x": np.ones((2, 3), np.float32), "name": np.array("pines")}
    save_npz(path, **arrays)
    loaded = load_npz(path)
    assert list(loaded) == list(arrays)
    assert all(np.array_equal(loaded[name], arrays[name]) for name in arrays)
    path.write_bytes(path.read_bytes().replace(b"pines", b"pinus"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more.npy", b"")
    with pytest.raises(ValueError, match=r"a\.npz: not a readable \.npz file without pickles"):
        load_npz(path)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF])
def test_a_folder_that_cannot_be_synced_is_no_error(number, tmp_path, monkeypatch):
    """As on Lustre, CIFS and shared folders of virtual machines."""
    sync = os.fsync

    def only_files(descriptor):
        if os.path.isdir(f"/dev/fd/{descriptor}"):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    write_text(tmp_path / "new/a.txt", "a")
    move(tmp_path / "new/a.txt", tmp_path / "b.txt")
    assert (tmp_path / "b.txt").read_text() == "a"


def test_a_disk_that_fails_while_syncing_is_an_error(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        write_text(tmp_path / "a.txt", "a")
    assert list(tmp_path.iterdir()) == []
