"""Folders that cannot be written are told in one sentence; any name of a folder works."""

import contextlib
import shutil
import subprocess

import pytest
from faults.conftest import Place


@pytest.fixture
def closed(tmp_path):
    """A folder that cannot be written."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    return folder


def refusal(command, path):
    return (
        f"cgt {command}: Permission denied: {path}; "
        "the folder must be readable and writable for you\n"
    )


def test_results_without_permission(closed, place, forks, tmp_path):
    arguments = place.changed(out=closed / "run", checkpoints=closed / "checkpoints")
    code, output = forks.run(*arguments, log=tmp_path / "log", powerless=True)
    assert (code, output) == (2, refusal("train", closed / "checkpoints"))
    assert list(closed.iterdir()) == []


def test_a_run_without_permission(closed, place, forks, whole, tmp_path):
    """The checkpoints can be written; the folder of the run cannot."""
    arguments = place.changed(out=closed)
    code, output = forks.run(*arguments, log=tmp_path / "log", powerless=True)
    assert code == 2
    assert output.endswith("\n" + refusal("train", closed / "history.csv"))
    assert list(closed.iterdir()) == []

    closed.chmod(0o755)
    code, output = forks.run(*arguments, log=tmp_path / "log", powerless=True)
    assert code == 0
    assert " epoch " not in output  # the training was kept
    assert (closed / "predictions.npz").read_bytes() == whole()["predictions.npz"]


@pytest.mark.parametrize("command", ["download", "prepare"])
def test_data_without_permission(command, closed, data, forks, tmp_path):
    arguments, path = {
        "download": (["--out", closed], closed / "cube.npy"),
        "prepare": (
            ["--seed", 1, "--raw", data / "raw", "--out", closed / "1.npz", "--limit", 160],
            closed / "1.npz",
        ),
    }[command]
    log = tmp_path / "log"
    code, output = forks.run(command, "indian_pines", *arguments, log=log, powerless=True)
    assert (code, output) == (2, refusal(command, path))
    assert list(closed.iterdir()) == []


def test_data_that_cannot_be_read(data, forks, tmp_path):
    raw, out = shutil.copytree(data / "raw", tmp_path / "raw"), tmp_path / "1.npz"
    (raw / "cube.npy").chmod(0)
    arguments = ["prepare", "indian_pines", "--seed", 1, "--raw", raw, "--out", out]
    code, output = forks.run(*arguments, log=tmp_path / "log", powerless=True)
    assert (code, output) == (2, refusal("prepare", raw / "cube.npy"))


def test_a_read_only_file_system(place, forks, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)]
    with contextlib.suppress(OSError):
        if subprocess.run(mount, capture_output=True).returncode == 0:
            arguments = place.changed(checkpoints=folder / "checkpoints")
            try:
                code, output = forks.run(*arguments, log=tmp_path / "log")
            finally:
                subprocess.run(["umount", "--lazy", str(folder)], check=True)
            assert (code, output) == (
                2,
                f"cgt train: Read-only file system: {folder / 'checkpoints'}; "
                "choose a folder that can be written\n",
            )
            return
    pytest.skip("this test needs the right to mount; the others here do not")


def test_a_folder_with_spaces_and_other_letters(data, forks, whole, tmp_path):
    place = Place(tmp_path / "Läufe & 'mehr' $HOME; 実験", data)
    code, output = forks.run(*place.arguments, log=tmp_path / "log")
    assert (code, place.unlike(whole())) == (0, []), output
