"""Finding the builder of a dataset: by the name of its file, or by its kind for an `.npz` file.

Nothing is listed here: a file of this folder with a `CARD` is a dataset, a file of `kinds` with one
is a kind.
"""

import importlib

from cgt.data.builder import DatasetBuilder
from cgt.records.cards import cards

_KINDS = "data/kinds"


def builder_of(dataset: str, kind: str | None = None) -> DatasetBuilder:
    """Return the builder of a coded dataset, or with `kind` of one that an `.npz` file makes.

    Raises ValueError for an unknown name or kind, and for a kind beside the name of a coded one.
    """
    if kind is None:
        return _coded(dataset)
    if is_coded(dataset):
        raise ValueError(
            f"{dataset} is a dataset of its own (cgt/data/{dataset}.py): leave out the kind, or "
            f"give your dataset another name"
        )
    if kind not in cards(_KINDS):
        raise ValueError(f"kind is {kind!r}, allowed are: {', '.join(cards(_KINDS))}")
    return _class_in(f"cgt.data.kinds.{kind}")(dataset)


def is_coded(dataset: str) -> bool:
    """Whether a file of this folder makes the dataset, so that it needs no kind."""
    return dataset in cards("data")


def _coded(dataset: str) -> DatasetBuilder:
    if not is_coded(dataset):
        raise ValueError(
            f"unknown dataset {dataset!r}, allowed are: {', '.join(cards('data'))}; a dataset in "
            f"an .npz file of yours needs its kind (--kind {', '.join(cards(_KINDS))})"
        )
    return _class_in(f"cgt.data.{dataset}")()


def _class_in(module: str) -> type[DatasetBuilder]:
    """The one builder that a module defines; it may import others to build on."""
    own = [
        value
        for value in vars(importlib.import_module(module)).values()
        if isinstance(value, type)
        and issubclass(value, DatasetBuilder)
        and value.__module__ == module
    ]
    if len(own) != 1:
        raise ValueError(f"{module} has a CARD and {len(own)} subclasses of DatasetBuilder, not 1")
    return own[0]
