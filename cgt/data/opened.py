"""A prepared dataset, read and checked: its builder, its raw arrays and its prepared ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cgt.data.builder import SPLITS, Arrays, DatasetBuilder
from cgt.data.dataset import KINDS, DataError
from cgt.data.prepared import load_prepared, repair_of
from cgt.data.registry import builder_of, is_coded


@dataclass(frozen=True)
class Opened:
    """Arrays that belong together: `raw` as the builder reads them, `prepared` with its digest."""

    builder: DatasetBuilder
    raw: Arrays
    prepared: Arrays


def open_dataset(
    dataset: str,
    prepared: Path,
    raw_dir: Path | None,
    kinds: Sequence[str] = KINDS,
    seed: int | None = None,
) -> Opened:
    """Read everything that a prepared file was made from and holds, and verify it.

    kinds: those that the caller can use. seed: that the file must have been prepared at, if given.
    Raises ValueError for an unknown dataset or another kind, and DataError for missing, damaged
    or changed files, saying what to delete and to run again.
    """
    prepared = Path(prepared)
    if is_coded(dataset):
        builder = builder_of(dataset)
        _check_kind(builder, kinds)
        arrays = load_prepared(prepared, repair_of(dataset, prepared, raw_dir))
        builder = builder.recorded(arrays)
    elif prepared.exists():
        arrays = load_prepared(prepared, repair_of(dataset, prepared, raw_dir, "KIND"))
        builder = builder_in(arrays, dataset, prepared)
        _check_kind(builder, kinds)
    else:
        builder_of(dataset)  # says which names there are
    kind = None if is_coded(dataset) else builder.kind
    repair = repair_of(dataset, prepared, raw_dir, kind)
    problem = _problem_of_arrays(builder, arrays)
    if problem is None:
        raw, problem = _stored(builder, raw_dir, arrays)
    if problem is None:
        problem = _problem_of_indices(builder, raw, arrays)
    if problem is None and seed is not None:
        problem = _problem_of_seed(builder, raw, arrays, seed)
    if problem is not None:
        raise DataError(f"{prepared}: {problem}. Delete the file and run {repair}.")
    return Opened(builder, raw, arrays)


def builder_in(arrays: Arrays, dataset: str, prepared: Path) -> DatasetBuilder:
    """Return the builder that made a prepared file of `dataset`.

    Raises DataError if the file does not say so, or names another dataset's.
    """
    if is_coded(dataset):
        return builder_of(dataset).recorded(arrays)
    if "kind" not in arrays:
        raise DataError(
            f"{prepared} was made for dataset {arrays.get('dataset', 'unknown')}, expected "
            f"{dataset}, of a kind ({', '.join(KINDS)}). Run `cgt prepare {dataset} --kind KIND`."
        )
    return builder_of(dataset, str(arrays["kind"]))


def _check_kind(builder: DatasetBuilder, kinds: Sequence[str]) -> None:
    if builder.kind not in kinds:
        raise ValueError(
            f"dataset is {builder.name!r}, of kind {builder.kind}; allowed here: {', '.join(kinds)}"
        )


def _stored(
    builder: DatasetBuilder, raw_dir: Path | None, arrays: Arrays
) -> tuple[Arrays, str | None]:
    """The raw arrays, or what is wrong with those that the prepared file holds."""
    try:
        return builder.stored(raw_dir, arrays), None
    except DataError:  # a raw file's fault: it says itself what to do
        raise
    except ValueError as error:
        return {}, str(error)


def _problem_of_arrays(builder: DatasetBuilder, arrays: Arrays) -> str | None:
    """Return what is wrong with the arrays of a prepared file by themselves, if anything is."""
    index = (f"{split}_index" for split in SPLITS)
    names = {"dataset", "digest", *builder.fitted, *builder.kept, *index}
    if arrays.keys() != names:
        return f"holds the arrays {sorted(arrays)}, expected {sorted(names)}"
    if str(arrays["dataset"]) != builder.name:
        return f"made for dataset {arrays['dataset']}, expected {builder.name}"
    for name in builder.fitted:
        if arrays[name].dtype.kind not in "iuf" or not np.isfinite(arrays[name]).all():
            return f"{name} must hold finite numbers"
    return None


def _problem_of_seed(builder: DatasetBuilder, raw: Arrays, arrays: Arrays, seed: int) -> str | None:
    """Return what is wrong if the split is not the one of a seed, or a slice of it.

    The split is drawn again: it depends on builder and seed alone, and NumPy promises that the
    stream of random numbers stays. So the file need not say its seed.
    """
    for split, drawn in builder.split(raw, seed).items():
        index = arrays[f"{split}_index"]
        if strangers := int(np.isin(index, drawn, invert=True).sum()):
            return (
                f"{strangers} of {len(index)} samples of {split} are not in the {split} split of "
                f"seed {seed}: it was prepared at another seed"
            )
    return None


def _problem_of_indices(builder: DatasetBuilder, raw: Arrays, arrays: Arrays) -> str | None:
    """Return what is wrong with the indices, given the raw data, if anything is."""
    seen: dict[str, np.ndarray] = {}
    for split in SPLITS:
        index = arrays[f"{split}_index"]
        labels = builder.labels(raw, split)
        if index.dtype != np.int64 or index.ndim != 1 or len(index) == 0:
            return f"{split}_index must be a non-empty int64 vector"
        if index.min() < 0 or index.max() >= len(labels):
            return f"{split}_index leaves the allowed range 0 to {len(labels) - 1}"
        if (labels[index] < 0).any():
            return f"{split}_index names positions without a label"
        pool = builder.pool(raw, split)
        together = np.concatenate([seen.get(pool, index[:0]), index])
        if len(np.unique(together)) != len(together):
            return f"{split}_index names a sample twice, or one of another split"
        seen[pool] = together
    return None
