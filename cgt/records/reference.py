"""The cost axis of a dataset: what every method's cost and every budget is measured against.

One small JSON file per dataset, `results/reference/{dataset}.json`, says what the dataset's network
costs: with its last head alone (`single_exit`), and up to its first exit. It also names the
dataset's kind and classes, so that whatever draws the dataset needs neither its data nor torch:

    {"class_names": ["T-shirt/top", ...], "dataset": "fashion_mnist", "exits": 3,
     "first_exit": 269696, "kind": "images", "macs": 1600576, "network": "fashion_cnn"}
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cgt.records.files import write_json

KINDS = ("images", "signals", "scene")


@dataclass(frozen=True)
class Reference:
    """What a dataset's network costs, and what its classes are called.

    Attributes:
        dataset: whose file this is.
        network: name of the dataset's network.
        exits: its number of exits, at least 1.
        macs: multiply-accumulates of a sample in the network with its last head alone. Relative
            costs and budgets are shares of it.
        first_exit: multiply-accumulates of a sample that leaves at exit 1 of the network with all
            its exits; less than `macs`, or equal where there is one exit. Budgets of the area start
            here.
        kind: one of `KINDS`.
        class_names: in the order of their numbers, which count from 0.
    """

    dataset: str
    network: str
    exits: int
    macs: int
    first_exit: int
    kind: str
    class_names: tuple[str, ...]


def save_reference(path: Path | str, reference: Reference) -> None:
    """Write a reference as JSON; ValueError, and nothing written, if it breaks the contract."""
    record = {**asdict(reference), "class_names": list(reference.class_names)}
    _validate(record, path)
    write_json(path, record)


def load_reference(path: Path | str, dataset: str | None = None) -> Reference:
    """Read and check a reference.

    dataset: whose reference it has to be, if given.

    Raises:
        ValueError: naming the file, the key, what it holds and what is allowed; also if the file is
            another dataset's.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error})") from error
    _validate(record, path)
    if dataset is not None and record["dataset"] != dataset:
        raise ValueError(
            f"{path}: this is the reference of {record['dataset']}; that of {dataset} is needed"
        )
    return Reference(**{**record, "class_names": tuple(record["class_names"])})


def _validate(record: Any, path: Path | str) -> None:
    names = [field.name for field in fields(Reference)]
    if not isinstance(record, Mapping) or set(record) != set(names):
        found = sorted(record) if isinstance(record, Mapping) else type(record).__name__
        raise ValueError(f"{path}: holds {found}; it must be an object with {sorted(names)}")
    for name in ("dataset", "network"):
        if not isinstance(record[name], str) or not record[name]:
            raise ValueError(f"{path}: {name} is {record[name]!r}; it must be a name")
    for name in ("exits", "macs", "first_exit"):
        value = record[name]
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(
                f"{path}: {name} is {value!r}; it must be a whole number of at least 1"
            )
    if record["first_exit"] > record["macs"]:
        raise ValueError(
            f"{path}: first_exit is {record['first_exit']}; it must be at most macs, "
            f"{record['macs']}"
        )
    if record["kind"] not in KINDS:
        raise ValueError(f"{path}: kind is {record['kind']!r}; allowed are {', '.join(KINDS)}")
    classes = record["class_names"]
    if (
        not isinstance(classes, list)
        or len(classes) < 2
        or not all(isinstance(name, str) and name for name in classes)
    ):
        raise ValueError(
            f"{path}: class_names is {classes!r}; it must be a list of two names or more"
        )
