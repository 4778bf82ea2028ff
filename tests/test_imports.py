"""Imports follow the data: library, experiment, analysis, door; nobody looks back."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "cgt"

TOOLS = {"cgt.arguments", "cgt.dependencies", "cgt.extras", "cgt.files", "cgt.lock", "cgt.seeding"}
LIBRARY = {
    "cgt",
    "cgt.validation",
    "cgt.gates",
    "cgt.losses",
    "cgt.network",
    "cgt.exits",
    "cgt.selective",
    "cgt.cost",
    "cgt.export",
}
EXPERIMENT = {
    "cgt.predictions",
    "cgt.backbones",
    "cgt.augment",
    "cgt.checkpoint",
    "cgt.export_run",
    "cgt.gradients",
    "cgt.optimizer",
    "cgt.runs",
    "cgt.saved",
    "cgt.job",
    "cgt.training",
    "cgt.scene",
}
WORKFLOW = {
    "cgt.ablation",
    "cgt.config",
    "cgt.manifest",
    "cgt.publish",
    "cgt.readme",
    "cgt.tuning",
}
DEPLOYED = {"cgt.deploy"}
DOOR = {"cgt.cli", "cgt.__main__"}


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def wing(module):
    for name, members in {
        "tools": TOOLS,
        "library": LIBRARY,
        "experiment": EXPERIMENT,
        "workflow": WORKFLOW,
        "deployed": DEPLOYED,
        "door": DOOR,
    }.items():
        if module in members:
            return name
    prefixes = {
        "cgt.data": "data",
        "cgt.methods": "experiment",
        "cgt.analysis": "analysis",
        "cgt.bench": "bench",
        "cgt.commands": "door",
    }
    for prefix, name in prefixes.items():
        if module == prefix or module.startswith(prefix + "."):
            return name
    raise AssertionError(f"{module} belongs to no wing; add it to this test")


ALLOWED = {
    "tools": {"tools"},
    "library": {"tools", "library", "deployed"},
    "data": {"tools", "data"},
    # What a device runs; the export shares the names of its files.
    "deployed": {"tools"},
    "experiment": {"tools", "library", "data", "deployed", "experiment"},
    # Of the experiment, the analysis knows the file contract only: see below.
    "analysis": {"tools", "experiment", "analysis"},
    "workflow": {"tools", "analysis", "workflow"},
}
ALLOWED["bench"] = {*ALLOWED, "bench"}
ALLOWED["door"] = {*ALLOWED, "door"}


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


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_direction_of_data(module):
    wings = {imported: wing(imported) for imported in imports(module)}
    forbidden = {name for name, its in wings.items() if its not in ALLOWED[wing(module)]}
    if wing(module) == "analysis":
        forbidden |= {n for n, its in wings.items() if its == "experiment"} - {"cgt.predictions"}
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


LIGHT = {"tools", "data", "deployed", "analysis", "workflow"}


def test_torch_stays_out_of_everything_that_reads_files_only():
    free = {name for name in MODULES if wing(name) in LIGHT}
    free |= {"cgt", "cgt.cli", "cgt.predictions"}
    free |= {name for name in MODULES if name.startswith("cgt.commands")}
    free |= {"cgt.bench.peak", "cgt.bench.pipeline"}  # they only start other processes
    assert "torch" not in loaded_by(f"import {', '.join(sorted(free))}")


def test_the_library_needs_torch_and_numpy_only():
    heavy = {"pandas", "scipy", "sklearn", "matplotlib", "snakemake", "jsonschema", "tensorly"}
    library = sorted(name for name in MODULES if wing(name) == "library")
    assert not heavy & loaded_by(f"import {', '.join(library)}\nfrom cgt import *")


def test_help_needs_no_heavy_package():
    heavy = {"torch", "numpy", "pandas", "scipy", "sklearn", "matplotlib", "snakemake", "yaml"}
    statement = (
        "from contextlib import redirect_stdout, suppress\n"
        "from io import StringIO\n"
        "from cgt.cli import main\n"
        "with redirect_stdout(StringIO()) as shown, suppress(SystemExit):\n"
        "    main(['--help'])\n"
        "assert 'COMMAND' in shown.getvalue()"
    )
    assert not heavy & loaded_by(statement)
