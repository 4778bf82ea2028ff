"""pyproject.toml, requirements.lock and environment.yml name the same packages."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cgt

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LIBRARY, EXTRAS = PROJECT["dependencies"], PROJECT["optional-dependencies"]
# Import names that are not the name of the package.
PACKAGE_OF = {"sklearn": "scikit-learn", "yaml": "pyyaml"}


def by_name(lines):
    requirements = (Requirement(line) for line in lines)
    return {canonicalize_name(one.name): one.specifier for one in requirements}


def locked(file="requirements.lock"):
    lines = (ROOT / file).read_text().splitlines()
    return by_name(line for line in lines if line and not line.startswith("#"))


def conda():
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    plain = [entry for entry in entries if isinstance(entry, str)]
    pip = [line for entry in entries if isinstance(entry, dict) for line in entry["pip"]]
    return by_name(plain + pip)


def test_conda_environment_has_the_direct_dependencies_with_the_same_ranges():
    environment = conda()
    assert str(environment.pop("python")) == PROJECT["requires-python"]
    environment.pop("pip")
    assert environment == by_name([*LIBRARY, *EXTRAS["benchmark"], *EXTRAS["deploy"]])


@pytest.mark.parametrize("file", ["requirements.lock", "docs/requirements.lock"])
def test_lock_pins_every_package_exactly(file):
    assert all(re.fullmatch(r"==[0-9][0-9A-Za-z.]*", str(pin)) for pin in locked(file).values())


def test_lock_satisfies_the_direct_dependencies():
    unlocked = ("docs", "more-tests", "slurm")
    locked_extras = [lines for extra, lines in EXTRAS.items() if extra not in unlocked]
    direct = by_name([*LIBRARY, *(line for lines in locked_extras for line in lines)])
    for name, allowed in direct.items():
        assert allowed.contains(str(locked()[name]).removeprefix("==")), name


def test_the_docs_have_a_lock_of_their_own_that_agrees():
    docs, benchmark = locked("docs/requirements.lock"), locked()
    for name, allowed in by_name(EXTRAS["docs"]).items():
        assert allowed.contains(str(docs[name]).removeprefix("==")), name
    differ = [name for name in docs.keys() & benchmark if docs[name] != benchmark[name]]
    assert differ == []


def test_lock_leaves_gpu_packages_to_pip():
    assert not [name for name in locked() if name.startswith(("nvidia", "triton", "cuda"))]


def test_the_benchmark_pins_torch():
    assert str(by_name(EXTRAS["benchmark"])["torch"]) == "==2.13.0"


def test_lock_has_the_build_tool():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    (setuptools,) = by_name(build["requires"]).items()
    assert setuptools[1].contains(str(locked()[setuptools[0]]).removeprefix("=="))


def test_direct_dependencies_are_what_the_package_imports():
    imported = set()
    for path in (ROOT / "cgt").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
    names = {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names) - {"cgt"}
    # Snakemake runs the package, and tensorly carries a dataset: neither is imported. Of the extra
    # `deploy` most is found by its name when it is asked for.
    needed = {PACKAGE_OF.get(name, name) for name in names} | {"snakemake", "tensorly"}
    deploy = set(by_name(EXTRAS["deploy"]))
    assert needed - deploy == set(by_name([*LIBRARY, *EXTRAS["benchmark"]]))


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert {cgt.__version__, citation["version"], newest[1]} == {PROJECT["version"]}


@pytest.mark.parametrize("path", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml")))
def test_issue_forms_have_what_a_form_needs(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= form.keys()
    fields = [one for one in form["body"] if one["type"] != "markdown"]
    assert all(one["attributes"]["label"] for one in fields)
    assert len({one["id"] for one in fields}) == len(fields)
