"""The archive has what is committed and what the runs gave, and checks out."""

import hashlib
import subprocess
import tarfile

import pytest
from tiny import tiny_run

import cgt
from cgt.study.archive import archive

NAME = f"cgt-{cgt.__version__}"


def git(root, *arguments):
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "checkout"
    root.mkdir()
    git(root, "init", "-q")
    (root / "code.py").write_text("print(1)\n")
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / "notes.txt").write_text("not tracked\n")
    git(root, "add", "code.py", "run")
    git(root, "commit", "-qm", "start")
    return root


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("trained") / "runs"
    tiny_run("branchynet", root / "indian_pines/branchynet/1")
    return root


def contents(path):
    with tarfile.open(path) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}


def test_it_holds_tracked_files_and_runs_with_checksums(checkout, runs, tmp_path):
    found = contents(archive(checkout, runs, tmp_path / "out"))
    run = f"{NAME}/results/runs/indian_pines/branchynet/1"
    files = ("predictions.npz", "history.csv", "gradients.csv", "manifest.json")
    expected = {f"{NAME}/code.py", f"{NAME}/run", *(f"{run}/{file}" for file in files)}
    assert set(found) == {*expected, f"{NAME}/SHA256SUMS"}
    sums = found[f"{NAME}/SHA256SUMS"].decode().splitlines()
    listed = {f"{NAME}/{line[66:]}": line[:64] for line in sums}
    assert listed == {name: hashlib.sha256(found[name]).hexdigest() for name in expected}


def test_it_gives_the_same_bytes_whenever_it_is_made(checkout, runs, tmp_path):
    first = archive(checkout, runs, tmp_path / "one").read_bytes()
    (checkout / "code.py").touch()
    assert archive(checkout, runs, tmp_path / "two").read_bytes() == first


def test_programs_stay_programs(checkout, runs, tmp_path):
    with tarfile.open(archive(checkout, tmp_path / "none", tmp_path / "out")) as tar:
        modes = {entry.name.removeprefix(f"{NAME}/"): entry.mode for entry in tar}
    assert (modes["run"], modes["code.py"]) == (0o755, 0o644)


def test_what_is_not_committed_is_refused(checkout, tmp_path):
    (checkout / "code.py").write_text("print(2)\n")
    with pytest.raises(ValueError, match=r"code\.py is not as committed; commit or undo"):
        archive(checkout, tmp_path / "none", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_run_is_refused(checkout, tmp_path):
    run = tiny_run("branchynet", tmp_path / "runs/indian_pines/branchynet/1")
    (run / "history.csv").write_text("epoch\n")
    with pytest.raises(ValueError, match=r"history\.csv: its sha256 is"):
        archive(checkout, tmp_path / "runs", tmp_path / "out")


def test_a_folder_that_is_no_clone_is_refused(tmp_path):
    (tmp_path / "plain").mkdir()
    with pytest.raises(ValueError, match="git cannot list its files"):
        archive(tmp_path / "plain", tmp_path / "runs", tmp_path / "out")
