"""Read a YAML file of ours, and refuse what YAML allows but a configuration cannot mean.

PyYAML takes the last of two equal keys without a word, and follows an alias into itself until the
stack is full. Such files are refused here, by name and line, before anything else reads them.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

DEEPEST = 32
"""Levels of nesting: the configuration has seven."""
LARGEST = 100_000
"""Values with all aliases written out: few aliases of aliases can stand for billions."""


class YamlError(ValueError):
    """A file cannot be read as YAML; the message is one sentence that names it."""


def read_yaml(path: str | Path) -> dict[Any, Any]:
    """The mapping that a YAML (or JSON) file holds; empty for an empty file.

    Raises:
        YamlError: naming the file, the line and what to do: no text, no YAML, not a mapping, a key
            twice, an alias that contains itself, too deep or too large.
        OSError: if it cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return {}
        _measure(node, str(path), {}, [])
        value = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        said = " ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(f"{path}{line}: not YAML: {' '.join(said.split())}") from None
    except RecursionError:
        raise YamlError(_too_deep(str(path))) from None
    except YamlError:
        raise
    except (yaml.YAMLError, ValueError) as error:  # a month 13, a number of 5000 digits
        said = " ".join(str(error).split())[:200]
        raise YamlError(f"{path}: not YAML: {said}") from None
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(value, dict):
        raise YamlError(f"{path}: holds {type(value).__name__}; it must hold keys with values")
    return value


def _measure(node: yaml.Node, path: str, sizes: dict[int, int], above: list[int]) -> int:
    """Number of values in a node, refused if it is too large, too deep, or has a key twice."""
    where = f"{path}, line {node.start_mark.line + 1}"
    if id(node) in above:
        raise YamlError(f"{where}: the alias stands within what it names; write the value out")
    if len(above) > DEEPEST:
        raise YamlError(_too_deep(where))
    if id(node) in sizes:
        return sizes[id(node)]
    if isinstance(node, yaml.MappingNode):
        _refuse_twice(node, path)
        children = [part for pair in node.value for part in pair]
    else:
        children = list(node.value) if isinstance(node, yaml.SequenceNode) else []
    inside = [*above, id(node)]
    size = 1 + sum(_measure(child, path, sizes, inside) for child in children)
    if size > LARGEST:
        raise YamlError(f"{where}: stands for more than {LARGEST} values; use fewer aliases")
    sizes[id(node)] = size
    return size


def _refuse_twice(node: yaml.MappingNode, path: str) -> None:
    first: dict[Hashable, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        line = key.start_mark.line + 1
        if (key.tag, key.value) in first:
            raise YamlError(
                f"{path}, line {line}: the key {key.value!r} stands in line "
                f"{first[key.tag, key.value]} already; keep one of them"
            )
        first[key.tag, key.value] = line


def _too_deep(where: str) -> str:
    return f"{where}: nested deeper than {DEEPEST} levels; a configuration needs seven"
