"""A full disk: the message says so, nothing looks finished that is not, and there is a next time.

On a file system of a few megabytes where the tests may mount one, else under a limit on the size
of files, which the system enforces at the same calls.
"""

import contextlib
import os
import signal
import subprocess

import pytest
from faults.conftest import EPOCHS, Place

SIZE = 16 << 20
PAGE = 4096


class SmallDisk:
    """A mounted file system; `leave` fills it up to a rest of free bytes."""

    def __init__(self, folder):
        self.folder, self.filler = folder, folder / "filler"

    def leave(self, size):
        self.free()
        state = os.statvfs(self.folder)
        room = state.f_bavail * state.f_frsize
        with open(self.filler, "wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, room - size // PAGE * PAGE)
        return {}

    def free(self):
        self.filler.unlink(missing_ok=True)


class SmallFiles:
    """An ordinary folder; `leave` gives what makes a process unable to write larger files."""

    def __init__(self, folder):
        self.folder = folder

    def leave(self, size):
        return {"most_bytes": max(size, PAGE)}  # the log is a file, too

    def free(self):
        pass


@pytest.fixture(scope="module", params=["a small disk", "a limit on files"])
def disk(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    if request.param == "a limit on files":
        yield SmallFiles(folder)
        return
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    with contextlib.suppress(OSError):
        if subprocess.run(mount, capture_output=True).returncode == 0:
            yield SmallDisk(folder)
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
            return
    # Without the right to mount, the same tests run once more under the limit.
    yield SmallFiles(folder)


def refused(output, folder):
    """Does the message say what could not be written, why, and what to do?"""
    (line,) = [line for line in output.splitlines() if line.startswith("cgt ")]
    full = f"No space left on device: {folder}" in line and "; free some space and run" in line
    return full or f"File too large: {folder}" in line


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.75, 0.9])
def test_training(share, disk, data, forks, whole, tmp_path):
    place = Place(disk.folder / str(share), data)
    sizes = [len(content) for content in whole().values() if isinstance(content, bytes)]
    limits = disk.leave(int(share * max(sizes)))
    code, output = forks.run(*place.arguments, log=tmp_path / "full.log", **limits)
    assert code == 2, output
    assert refused(output, place.folder)
    assert place.files().items() <= whole().items()
    assert [name for name in place.leftovers() if name.startswith(".")] == []

    disk.free()
    code, output = forks.run(*place.arguments, log=tmp_path / "again.log")
    assert (code, place.unlike(whole())) == (0, []), output
    assert place.leftovers() == []


def test_the_end_of_training(disk, data, forks, whole, tmp_path):
    """There was room for all checkpoints, and there is none for the results."""
    place = Place(disk.folder / "end", data)
    first = (EPOCHS + 1, signal.SIGKILL)  # the first write after the checkpoints
    forks.run(*place.arguments, log=tmp_path / "killed.log", at_write=first)
    limits = disk.leave(0)
    code, output = forks.run(*place.arguments, log=tmp_path / "full.log", **limits)
    assert code == 2, output
    assert refused(output, place.folder)
    assert place.files().items() <= whole().items()
    assert "model.safetensors" not in place.files()
    disk.free()
    code, output = forks.run(*place.arguments, log=tmp_path / "again.log")
    assert (code, place.unlike(whole())) == (0, []), output
    assert " epoch " not in output  # nothing was trained again


def commands(folder, data, predictions, reference):
    """Other stages: arguments, and the file that must not be there afterwards."""
    run = ["--dataset", "indian_pines", "--method", "soft_cgt", "--seed", 1]
    return {
        "download": (["indian_pines", "--out", folder / "raw"], folder / "raw/cube.npy"),
        "prepare": (
            ["indian_pines", "--seed", 1, "--raw", data / "raw", "--out", folder / "p.npz"],
            folder / "p.npz",
        ),
        "evaluate": (
            [predictions, *run, "--reference", reference, "--out", folder / "e"],
            folder / "e/curves.csv",
        ),
    }


@pytest.mark.parametrize("command", ["download", "prepare", "evaluate"])
def test_other_stages(command, disk, data, reference, forks, whole, tmp_path):
    (tmp_path / "predictions.npz").write_bytes(whole()["predictions.npz"])
    folder = disk.folder / command
    predictions = tmp_path / "predictions.npz"
    arguments, result = commands(folder, data, predictions, reference)[command]
    limits = disk.leave(0)
    code, output = forks.run(command, *arguments, log=tmp_path / "full.log", **limits)
    assert code == 2, output
    assert refused(output, folder)
    assert not result.exists()
    assert [path for path in folder.rglob(".*")] == []

    disk.free()
    code, output = forks.run(command, *arguments, log=tmp_path / "again.log")
    assert code == 0, output
    assert result.stat().st_size > 0
