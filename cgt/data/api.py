"""The three steps of the data stage: download, prepare, load."""

import sys
from pathlib import Path

import numpy as np

from cgt.data.builder import SPLITS, Arrays, DatasetBuilder
from cgt.data.dataset import Dataset
from cgt.data.opened import open_dataset
from cgt.data.prepared import save_prepared
from cgt.data.registry import builder_of
from cgt.data.sources import download_files
from cgt.data.splits import cut_down, generator


def download(dataset: str, raw_dir: Path) -> None:
    """Bring the raw files of `dataset` into `raw_dir`, verified; intact ones are left alone.

    A dataset without raw files says so and is done.
    Raises DataError listing every source, what went wrong there, and what the user can do.
    """
    builder = builder_of(dataset)
    if builder.mirror_format is None:
        print(f"{dataset} has no raw files: nothing is to be fetched", file=sys.stderr)
        return
    download_files(
        builder.raw_name, builder.files, builder.sources(), Path(raw_dir), builder.mirror_format
    )


def prepare(
    dataset: str,
    seed: int,
    raw_dir: Path | None,
    out: Path,
    *,
    kind: str | None = None,
    limit: int | None = None,
    **settings: int | str,
) -> None:
    """Split `dataset`, fit the scaling on the training samples, and save both to `out`.

    raw_dir: folder of the raw files; with `kind`, the `.npz` file; None if there are no raw files.
    kind: "images", "signals" or "scene", for a dataset that an `.npz` file makes; else None.
    limit: cut each split down to a stratified slice: at most `limit` training samples, and
    max(limit // 5, number of classes) validation and test samples. Every class is kept.
    settings: those that the card of the dataset, or of the kind, names.
    Raises ValueError for a wrong argument, DataError for missing, damaged or wrong raw files.
    """
    builder = builder_of(dataset, kind)
    unknown = sorted(settings.keys() - builder.defaults.keys())
    if unknown:
        allowed = ", ".join(builder.defaults) or "none"
        raise ValueError(f"{dataset} has no setting {unknown[0]!r}; it has: {allowed}")
    settings = {**builder.defaults, **settings}
    builder = builder.configured(settings)
    raw = builder.raw(raw_dir, seed)
    classes = len(builder.classes(raw))
    if limit is not None and limit < classes:
        raise ValueError(f"limit is {limit}, allowed are {classes} (classes) and more")

    index = builder.split(raw, seed)
    if limit is not None:
        index = _limited(builder, raw, index, seed, limit)
    fitted = builder.fit(raw, index["train"], settings)
    arrays = {f"{split}_index": index[split] for split in SPLITS}
    arrays |= {**fitted, **builder.keep(raw), "dataset": np.array(dataset)}
    save_prepared(Path(out), arrays)


def load(dataset: str, prepared: Path, raw_dir: Path | None, seed: int | None = None) -> Dataset:
    """Return `dataset` as prepared, in memory, after verifying everything that is read.

    raw_dir: folder of the raw files, or the `.npz` file, that it was prepared from.
    seed: that the file must have been prepared at, if given.
    Checked: the raw files' checksums, the prepared file's digest, the range of the indices, that
    no sample is in two splits, and that the split is the seed's. Raises DataError that says what to
    delete and to run again.
    """
    opened = open_dataset(dataset, prepared, raw_dir, seed=seed)
    builder, arrays = opened.builder, opened.prepared
    return Dataset(
        name=dataset,
        kind=builder.kind,
        class_names=builder.classes(opened.raw),
        **builder.build(opened.raw, arrays),
        checksums={**builder.checksums(arrays), "prepared": str(arrays["digest"])},
    )


def _limited(
    builder: DatasetBuilder, raw: Arrays, index: dict[str, np.ndarray], seed: int, limit: int
) -> dict[str, np.ndarray]:
    random = generator(builder.name, seed, "limit")
    small = max(limit // 5, len(builder.classes(raw)))
    totals = {"train": limit, "val": small, "test": small}
    return {
        split: cut_down(builder.labels(raw, split)[chosen], chosen, totals[split], random)
        for split, chosen in index.items()
    }
