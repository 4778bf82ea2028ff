"""The files a module runs, found without importing it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cgt.study.code_inputs import PACKAGE, _file_of, code_digest, module_files

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
        "analysis/frames.py",
        "analysis/summary.py",
        "records/__init__.py",
        "records/files.py",
    }


def test_imports_inside_functions_count():
    assert PACKAGE / "training/loop.py" in module_files("cgt.commands.cli")


def test_unknown_module_is_refused():
    with pytest.raises(ValueError, match=r"no module 'cgt\.nothing'"):
        module_files("cgt.nothing")


def test_digest_changes_with_the_files_that_run_and_no_others(tmp_path, monkeypatch):
    copy = shutil.copytree(PACKAGE, tmp_path / "cgt", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("cgt.study.code_inputs.PACKAGE", copy)
    # Names are looked up once in a process, which has one package.
    monkeypatch.setattr("cgt.study.code_inputs._file_of", _file_of.__wrapped__)
    before = code_digest("cgt.training.loop")
    with (copy / "analysis/style.py").open("a") as stream:
        stream.write("# edited\n")
    assert code_digest("cgt.training.loop") == before
    with (copy / "methods/soft_cgt.py").open("a") as stream:
        stream.write("# edited\n")
    assert code_digest("cgt.training.loop") != before
