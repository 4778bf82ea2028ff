"""Which files of the package a module runs: found in the source text, without importing anything.

The workflow makes them inputs of the rules, so that an edit reruns what it can change and no more.
A training job resumes only from what the same files have begun.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from cgt.records.cards import cards

PACKAGE = Path(__file__).parents[1]


def module_files(module: str) -> list[Path]:
    """Return the files of `module` (such as "cgt.training.loop") and of all it imports, sorted.

    Imports inside functions count. The package's own `__init__.py` does not: it only names the
    public library. Raises ValueError if there is no such module.
    """
    start = _file_of(module)
    if start is None:
        raise ValueError(f"there is no module {module!r} in {PACKAGE}")
    found: set[Path] = set()
    pending = {start} | _files_of({module})
    while pending:
        path = pending.pop()
        found.add(path)
        pending |= _imported_by(path) - found
    return sorted(found)


def job_files(implementation: str, network: str, dataset: str, kind: str) -> list[Path]:
    """The files that a training job runs: the loop, and its own method, network and dataset.

    A dataset without a file of its own is read by its kind's. Raises ValueError if there is no such
    method, network or kind.
    """
    found = {*module_files("cgt.training.loop"), *module_files(f"cgt.methods.{implementation}")}
    found |= {*module_files(f"cgt.networks.{network}"), *data_files(dataset, kind)}
    return sorted(found)


def method_files() -> list[Path]:
    """The methods' own files."""
    return [PACKAGE / "methods" / f"{name}.py" for name in cards("methods")]


def data_files(dataset: str, kind: str) -> list[Path]:
    """The files that prepare a dataset: what all share, and its own, or else its kind's."""
    coded = _file_of(f"cgt.data.{dataset}") is not None
    own = f"cgt.data.{dataset}" if coded else f"cgt.data.kinds.{kind}"
    return sorted({*module_files("cgt.data"), *module_files(own)})


def digest_of(files: Iterable[Path]) -> str:
    """SHA-256 over the contents of files, in order."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@functools.cache
def _imported_by(path: Path) -> frozenset[Path]:
    return frozenset(_files_of(set(_names(ast.parse(path.read_bytes())))))


def _files_of(names: set[str]) -> set[Path]:
    """Files of modules of the package; importing a.b.c runs a/b/__init__.py as well."""
    parents = {name.rsplit(".", depth)[0] for name in names for depth in range(name.count("."))}
    files = {_file_of(name) for name in names | parents}
    return files - {None, PACKAGE / "__init__.py"}


def _names(tree: ast.Module) -> Iterator[str]:
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements within `node`. Expressions hold no imports, and most of the nodes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from _statements(child)


@functools.cache
def _file_of(name: str) -> Path | None:
    package, *parts = name.split(".")
    if package != PACKAGE.name:
        return None
    path = PACKAGE.joinpath(*parts)
    candidates = (path / "__init__.py", path.parent / f"{path.name}.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)
