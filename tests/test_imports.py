"""The house: a wing imports from wings on lower floors only, and torch stays where it belongs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "cgt"

FLOORS = {
    "records": 0,
    "nn": 1,
    "operate": 1,
    "methods": 2,
    "networks": 2,
    "data": 2,
    "analysis": 2,
    "study": 3,
    "training": 4,
    "deploy": 5,
    "bench": 6,
    "commands": 7,
}
NARROWER = {
    # From runs' files to figures: nothing of how a run was made.
    "analysis": {"operate", "records"},
    "data": {"records"},
    # Cards are read as literals.
    "study": {"analysis", "operate", "records"},
}
"""Wings that take less than their floor would allow."""

TORCH = {"nn", "methods", "networks", "training", "deploy", "bench"}


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
ROOMS = [name for name in MODULES if name.count(".") >= 1 and name != "cgt.__main__"]


def wing(module):
    return module.split(".")[1]


def allowed(module):
    its = wing(module)
    below = {name for name, floor in FLOORS.items() if floor < FLOORS[its]}
    if module == "cgt.deploy.runtime":
        return {"operate", "records"}
    return {its} | NARROWER.get(its, below)


def imports(module):
    """Modules of the package that a module imports, anywhere in its text."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found |= {name for name in names if name in MODULES}
    return found - {module, "cgt"}


def test_nothing_lies_loose_at_the_top():
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_every_folder_is_a_wing_with_a_floor():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == set(FLOORS)


@pytest.mark.parametrize("name", FLOORS)
def test_a_wing_says_what_lives_there_and_what_it_may_import(name):
    text = ast.get_docstring(ast.parse(MODULES[f"cgt.{name}"].read_text()))
    assert text.startswith(f"Floor {FLOORS[name]}: ")
    assert "May import: " in text


@pytest.mark.parametrize("module", ROOMS)
def test_a_wing_imports_from_wings_below_it_only(module):
    forbidden = {name for name in imports(module) if wing(name) not in allowed(module)}
    assert not forbidden


def test_there_are_no_import_cycles():
    graph = {module: imports(module) for module in MODULES}
    while graph:
        leaves = {module for module, needs in graph.items() if not needs & graph.keys()}
        assert leaves, f"import cycle among {sorted(graph)}"
        graph = {module: needs for module, needs in graph.items() if module not in leaves}


def loaded_by(statement):
    """Names of the modules a fresh interpreter has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(run.stdout.split())


def test_torch_stays_out_of_everything_that_reads_files_only():
    free = {name for name in ROOMS if wing(name) not in TORCH}
    free |= {"cgt", "cgt.deploy", "cgt.deploy.runtime"}
    free |= {"cgt.bench.peak", "cgt.bench.pipeline"}  # they only start other processes
    assert "torch" not in loaded_by(f"import {', '.join(sorted(free))}")


def test_the_library_needs_torch_and_numpy_only():
    heavy = {"pandas", "scipy", "sklearn", "matplotlib", "snakemake", "jsonschema", "tensorly"}
    library = [name for name in ROOMS if wing(name) in {"nn", "operate"}]
    library += ["cgt.deploy.runtime", "cgt.deploy.export"]
    assert not heavy & loaded_by(f"import {', '.join(library)}\nfrom cgt import *")


def test_help_needs_no_heavy_package():
    heavy = {"torch", "numpy", "pandas", "scipy", "sklearn", "matplotlib", "snakemake", "yaml"}
    statement = (
        "from contextlib import redirect_stdout, suppress\n"
        "from io import StringIO\n"
        "from cgt.commands.cli import main\n"
        "with redirect_stdout(StringIO()) as shown, suppress(SystemExit):\n"
        "    main(['--help'])\n"
        "assert 'COMMAND' in shown.getvalue()"
    )
    assert not heavy & loaded_by(statement)
