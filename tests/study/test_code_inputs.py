"""The files a module runs, found without importing it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cgt.study.code_inputs import (
    PACKAGE,
    _file_of,
    _imported_by,
    data_files,
    digest_of,
    job_files,
    module_files,
)

ROOT = PACKAGE.parent


@pytest.mark.parametrize(
    "module", ["cgt.training.loop", "cgt.analysis.figures", "cgt.analysis.summary", "cgt.data"]
)
def test_files_are_at_least_those_that_importing_loads(module):
    code = (
        f"import sys, {module}\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('cgt.')), sep='\\n')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = {Path(line) for line in run.stdout.splitlines()}
    assert loaded <= set(module_files(module))


def test_nothing_is_listed_that_has_no_part():
    names = {path.relative_to(PACKAGE).as_posix() for path in module_files("cgt.analysis.summary")}
    assert names == {
        "analysis/__init__.py",
        "analysis/sources.py",
        "analysis/summary.py",
        "operate/__init__.py",
        "operate/sweep.py",
        "records/__init__.py",
        "records/csv_columns.py",
        "records/csv_rules.py",
        "records/csv_schema.py",
        "records/files.py",
        "records/manifest.py",
        "records/predictions.py",
    }


def test_imports_inside_functions_count():
    assert PACKAGE / "training/loop.py" in module_files("cgt.commands.cli")


def test_unknown_module_is_refused():
    with pytest.raises(ValueError, match=r"no module 'cgt\.nothing'"):
        module_files("cgt.nothing")


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The package in a place of its own, where it can be edited."""
    ignored = shutil.ignore_patterns("__pycache__")
    found = shutil.copytree(PACKAGE, tmp_path / "cgt", ignore=ignored)
    monkeypatch.setattr("cgt.study.code_inputs.PACKAGE", found)
    # Names are looked up once in a process, which has one package.
    monkeypatch.setattr("cgt.study.code_inputs._file_of", _file_of.__wrapped__)
    return found


JOB = ("soft_cgt", "compact_scene", "indian_pines", "scene")


def append(path, text="# edited\n"):
    with path.open("a") as stream:
        stream.write(text)


@pytest.mark.parametrize(
    "edited",
    [
        "methods/soft_cgt.py",
        "methods/base.py",
        "networks/compact_scene.py",
        "networks/blocks.py",
        "data/indian_pines.py",
        "training/loop.py",
        "nn/losses.py",
    ],
)
def test_a_jobs_digest_changes_with_its_own_files(edited, copy):
    before = digest_of(job_files(*JOB))
    append(copy / edited)
    assert digest_of(job_files(*JOB)) != before


@pytest.mark.parametrize(
    "edited",
    [
        "methods/branchynet.py",
        "networks/resnet18.py",
        "data/fashion_mnist.py",
        "data/kinds/images.py",
        "analysis/style.py",
    ],
)
def test_a_jobs_digest_does_not_change_with_files_of_others(edited, copy):
    before = digest_of(job_files(*JOB))
    append(copy / edited)
    assert digest_of(job_files(*JOB)) == before


def test_a_helper_that_only_one_method_imports_is_an_input_of_its_jobs_alone(copy):
    other = ("branchynet", *JOB[1:])
    before = digest_of(job_files(*JOB)), digest_of(job_files(*other))
    (copy / "methods/helper.py").write_text("TWO = 2\n")
    append(copy / "methods/soft_cgt.py", "from cgt.methods.helper import TWO  # noqa\n")
    _imported_by.cache_clear()
    with_helper = digest_of(job_files(*JOB))
    assert with_helper != before[0]
    append(copy / "methods/helper.py")
    assert digest_of(job_files(*JOB)) != with_helper
    assert digest_of(job_files(*other)) == before[1]


def test_one_more_method_is_no_input_of_the_others(copy):
    before = digest_of(job_files(*JOB))
    (copy / "methods/one_more.py").write_text('CARD = {"family": "ours"}\n')
    assert digest_of(job_files(*JOB)) == before


def test_a_dataset_without_a_file_is_read_by_its_kinds():
    names = {path.relative_to(PACKAGE).as_posix() for path in data_files("mine", "signals")}
    assert "data/kinds/signals.py" in names
    assert "data/indian_pines.py" not in names
