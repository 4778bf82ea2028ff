"""What `make` does to environments: it clears its own alone."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path):
    """What setting up needs, and a Python that says how it was called in place of doing it."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase "$*" in *venv*--clear*) rm -rf .venv/*; exit 1;; esac\n')
    python.chmod(0o755)
    return folder, python


def make(folder, python):
    return subprocess.run(
        ["make", f"PYTHON={python}", ".venv/.ready"], cwd=folder, capture_output=True, text=True
    )


def someones(folder, *names):
    folder.mkdir()
    for name in ("precious", *names):
        (folder / name).touch()
    for name in names:  # long out of date
        os.utime(folder / name, (0, 0))
    return folder


def test_an_environment_that_make_did_not_set_up_stays(checkout):
    folder, python = checkout
    environment = someones(folder / ".venv")
    done = make(folder, python)
    assert done.returncode != 0
    assert ".venv is not one that make has set up: move it away" in done.stderr
    assert (environment / "precious").exists()


def test_an_environment_behind_a_link_stays(checkout, tmp_path):
    folder, python = checkout
    environment = someones(tmp_path / "elsewhere", ".cgt", ".ready")
    (folder / ".venv").symlink_to(environment)
    done = make(folder, python)
    assert done.returncode != 0
    assert ".venv is a link, and what it leads to is out of date" in done.stderr
    assert (environment / "precious").exists()


def test_its_own_is_made_anew_when_the_list_of_packages_is_newer(checkout):
    folder, python = checkout
    environment = someones(folder / ".venv", ".cgt", ".ready")
    make(folder, python)
    assert not (environment / "precious").exists()
