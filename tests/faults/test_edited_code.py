"""Half a run by other code is not half of this one: edits between a kill and the next try."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HELPER = '"""A part of one method."""\n\nFACTOR = 1.0\n'
LINE = "from cgt.methods.own_part import FACTOR  # noqa: E402, F401\n"


@pytest.fixture
def package(tmp_path):
    """A copy of the package in which SoftCGT has a helper of its own."""
    copy = shutil.copytree(
        ROOT / "cgt", tmp_path / "code/cgt", ignore=shutil.ignore_patterns("__pycache__")
    )
    (copy / "methods/own_part.py").write_text(HELPER)
    with (copy / "methods/soft_cgt.py").open("a") as stream:
        stream.write(LINE)
    return copy


def start(package, place):
    return subprocess.Popen(
        [sys.executable, "-m", "cgt", *map(str, place.arguments)],
        env={**os.environ, "PYTHONPATH": str(package.parent)},
        cwd=package.parent,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_after_an_epoch(package, place):
    process = start(package, place)
    deadline = time.monotonic() + 60
    while not list(place.checkpoints.glob("[!.]*.pt")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGSTOP)
    assert list(place.checkpoints.glob("[!.]*.pt"))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize(
    ("edited", "starts_over"),
    [
        ("methods/own_part.py", True),
        ("methods/soft_cgt.py", True),
        ("networks/compact_scene.py", True),
        ("data/indian_pines.py", True),
        ("methods/hard_cgt.py", False),
        ("networks/resnet18.py", False),
        ("data/fashion_mnist.py", False),
    ],
)
def test_an_edit_of_its_own_files_starts_a_run_over(edited, starts_over, package, place):
    killed_after_an_epoch(package, place)
    with (package / edited).open("a") as stream:
        stream.write("# edited\n")
    process = start(package, place)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert ("epoch 1/" in said) == starts_over


def test_one_more_method_discards_nobodys_checkpoint(package, place):
    killed_after_an_epoch(package, place)
    text = (package / "methods/branchynet.py").read_text()
    (package / "methods/one_more.py").write_text(text)
    process = start(package, place)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert "epoch 1/" not in said
