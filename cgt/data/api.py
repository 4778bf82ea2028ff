"""The three steps of the data stage: download, prepare, load."""

from pathlib import Path

import numpy as np

from cgt.data.dataset import DataError, Dataset
from cgt.data.fashion_mnist import FashionMNIST
from cgt.data.indian_pines import IndianPines
from cgt.data.indian_pines_disjoint import IndianPinesDisjoint
from cgt.data.prepared import load_prepared, repair_of, save_prepared
from cgt.data.raw import read_raw
from cgt.data.recipe import SPLITS, Arrays, Recipe
from cgt.data.sources import download_files
from cgt.data.splits import cut_down, generator

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (FashionMNIST(), IndianPines(), IndianPinesDisjoint())
}


def download(dataset: str, raw_dir: Path) -> None:
    """Bring the raw files of `dataset` into `raw_dir`, verified; intact ones are left alone.

    Raises DataError listing every source, what went wrong there, and what the user can do.
    """
    recipe = _recipe(dataset)
    download_files(
        recipe.raw_name, recipe.files, recipe.sources(), Path(raw_dir), recipe.mirror_packing
    )


def prepare(
    dataset: str,
    seed: int,
    raw_dir: Path,
    out: Path,
    *,
    limit: int | None = None,
    **settings: int,
) -> None:
    """Split `dataset`, fit the scaling on the training pixels, and save both to `out`.

    limit: cut each split down to a stratified slice: at most `limit` training samples, and
    max(limit // 5, number of classes) validation and test samples. Every class is kept.
    settings: `components` and `patch` for both protocols of Indian Pines, none else.
    Raises ValueError for a wrong argument, DataError for missing or damaged raw files.
    """
    recipe = _recipe(dataset)
    unknown = sorted(settings.keys() - recipe.defaults.keys())
    if unknown:
        allowed = ", ".join(recipe.defaults) or "none"
        raise ValueError(f"{dataset} has no setting {unknown[0]!r}; it has: {allowed}")
    if limit is not None and limit < len(recipe.class_names):
        raise ValueError(
            f"limit is {limit}, allowed are {len(recipe.class_names)} (classes) and more"
        )

    raw = read_raw(recipe.files, raw_dir, recipe.raw_name)
    index = recipe.split(raw, seed)
    if limit is not None:
        index = _limited(recipe, raw, index, seed, limit)
    fitted = recipe.fit(raw, index["train"], {**recipe.defaults, **settings})
    arrays = {f"{split}_index": index[split] for split in SPLITS}
    save_prepared(Path(out), {**arrays, **fitted, "dataset": np.array(dataset)})


def load(dataset: str, prepared: Path, raw_dir: Path) -> Dataset:
    """Return `dataset` as prepared, in memory, after verifying everything that is read.

    Checked: the raw files' checksums, the prepared file's digest, the range of the indices and
    that no sample is in two splits. Raises DataError that says what to delete and to run again.
    """
    recipe = _recipe(dataset)
    raw = read_raw(recipe.files, raw_dir, recipe.raw_name)
    repair = repair_of(dataset, prepared, raw_dir)
    arrays = load_prepared(Path(prepared), repair)
    problem = _problem(recipe, raw, arrays)
    if problem:
        raise DataError(f"{prepared}: {problem}. Delete the file and run {repair}.")
    checksums = {file.name: file.sha256 for file in recipe.files}
    return Dataset(
        name=dataset,
        class_names=recipe.class_names,
        **recipe.build(raw, arrays),
        checksums={**checksums, "prepared": str(arrays["digest"])},
    )


def _recipe(dataset: str) -> Recipe:
    if dataset not in RECIPES:
        raise ValueError(f"unknown dataset {dataset!r}, allowed are: {', '.join(RECIPES)}")
    return RECIPES[dataset]


def _limited(
    recipe: Recipe, raw: Arrays, index: dict[str, np.ndarray], seed: int, limit: int
) -> dict[str, np.ndarray]:
    random = generator(recipe.name, seed, "limit")
    small = max(limit // 5, len(recipe.class_names))
    totals = {"train": limit, "val": small, "test": small}
    return {
        split: cut_down(recipe.labels(raw, split)[chosen], chosen, totals[split], random)
        for split, chosen in index.items()
    }


def _problem(recipe: Recipe, raw: Arrays, arrays: Arrays) -> str | None:
    """Return what is wrong with the arrays of a prepared file, if anything is."""
    names = {"dataset", "digest", *recipe.fitted, *(f"{split}_index" for split in SPLITS)}
    if arrays.keys() != names:
        return f"holds the arrays {sorted(arrays)}, expected {sorted(names)}"
    if str(arrays["dataset"]) != recipe.name:
        return f"made for dataset {arrays['dataset']}, expected {recipe.name}"
    for name in recipe.fitted:
        if arrays[name].dtype.kind not in "iuf" or not np.isfinite(arrays[name]).all():
            return f"{name} must hold finite numbers"
    seen: dict[str, np.ndarray] = {}
    for split in SPLITS:
        index = arrays[f"{split}_index"]
        labels = recipe.labels(raw, split)
        if index.dtype != np.int64 or index.ndim != 1 or len(index) == 0:
            return f"{split}_index must be a non-empty int64 vector"
        if index.min() < 0 or index.max() >= len(labels):
            return f"{split}_index leaves the allowed range 0 to {len(labels) - 1}"
        if (labels[index] < 0).any():
            return f"{split}_index names positions without a label"
        pool = recipe.pools[split]
        together = np.concatenate([seen.get(pool, index[:0]), index])
        if len(np.unique(together)) != len(together):
            return f"{split}_index names a sample twice, or one of another split"
        seen[pool] = together
    return None
