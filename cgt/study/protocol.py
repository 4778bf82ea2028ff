"""What rows must share to be compared: the protocol, the network and the data, as digests.

A digest changes when results could change for every method of a dataset, and stays when a method is
added or another is edited:

- protocol: the dataset's settings that all methods share (epochs, batch size, momentum, weight
  decay, label smoothing, augmentation, limit); `cgt.records.manifest.TRAINING`, a number that is
  raised when the loop gives other numbers; and what the evaluation makes of fixed predictions. The
  code is not compared as text: a hook for one more method changes nothing for the others.
  `tests/study/test_protocol.py` fails if the loop's numbers change and `TRAINING` does not.
- network: name, exits and costs, and the code of its file and of what it takes from
  `cgt.networks`, without comments, docstrings and card.
- data: the split and what was fitted on it, at one seed. Whole numbers count exactly, fractions by
  their size alone: their last digits differ between machines.

The device is left out: it moves results by rounding, as another processor does, and stands in the
manifest. So does the learning rate, which belongs to the method.
"""

import ast
import hashlib
import io
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cgt.analysis.rows import evaluation_digest
from cgt.records.files import load_npz
from cgt.records.manifest import TRAINING, hash_of
from cgt.records.reference import Reference
from cgt.study.code_inputs import PACKAGE, module_files
from cgt.study.plan import training_settings

SHARED = ("augmentation", "epochs", "batch_size", "momentum", "weight_decay", "label_smoothing")
"""Settings of a dataset that count; its network has a digest of its own."""


def protocol_of(config: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """What the protocol's digest is made of, as JSON values."""
    settings = training_settings(config, dataset)
    found = {name: _number(settings[name]) for name in SHARED}
    found["limit"] = _number(config["datasets"][dataset].get("limit"))
    return {**found, "training": TRAINING, "evaluation": evaluation_digest()}


def network_of(reference: Reference) -> dict[str, Any]:
    """What the network's digest is made of, as JSON values."""
    folder = PACKAGE / "networks"
    files = module_files(f"cgt.networks.{reference.network}")
    own = [path for path in files if path.parent == folder and path.name != "__init__.py"]
    code = {path.name: hashlib.sha256(bare_code(path).encode()).hexdigest() for path in own}
    return {
        "network": reference.network,
        "exits": reference.exits,
        "macs": reference.macs,
        "first_exit": reference.first_exit,
        "code": hash_of(code),
    }


def data_digest(prepared: Path | str) -> str:
    """Digest of a prepared file that is the same on every machine.

    Raises ValueError if the file is damaged, FileNotFoundError if there is none.
    """
    arrays = load_npz(prepared)
    digest = hashlib.sha256()
    for name in sorted(arrays.keys() - {"digest"}):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.kind} {array.shape}\n".encode())
        if array.dtype.kind == "f":
            size = np.abs(array.astype(np.float64))
            digest.update(f"{size.mean():.4g} {size.std():.4g}\n".encode())
        else:
            digest.update(array.tobytes())
    return digest.hexdigest()


def bare_code(path: Path) -> str:
    """The lines of a Python file without comments, docstrings, card and blank lines."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(text)):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_card = isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == [
            "CARD"
        ]
        if is_card or (is_text and isinstance(node.value.value, str)):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "".join(f"{line.rstrip()}\n" for line in lines if line.strip())


def unlike(own: Mapping[str, Any], published: Mapping[str, Any]) -> str:
    """In words, where two records differ: "epochs is 3, published 10"; empty if they do not."""
    told = {"training": "the revision of the training code", "evaluation": "the evaluation's code"}
    parts = []
    for key in sorted({*own, *published}):
        mine, theirs = own.get(key), published.get(key)
        if mine == theirs:
            continue
        if key in ("evaluation", "code"):
            parts.append(f"{told.get(key, 'the code of the network')} is another")
        else:
            parts.append(f"{told.get(key, key)} is {mine}, published {theirs}")
    return "; ".join(parts)


def _number(value: Any) -> Any:
    """YAML's 0 and 0.0 are one number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else value
