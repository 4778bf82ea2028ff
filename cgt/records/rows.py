"""Published rows: what one entry of the benchmark reached on one dataset, to be set beside others.

A row is a folder `DATASET/ENTRY/` of five files, small enough to stand in the repository:

- `areas.csv`, `points.csv`, `budgets.csv`: see `ROW_TABLES` of `cgt.records.csv_columns`. A network
  with one exit has no area: its `areas.csv` and `budgets.csv` have no rows.
- `outcomes.npz`: whether each test sample was answered right, for paired statistics. `outcomes`
  uint8 [S, P, ceil(N / 8)], bits in the order of the test samples, first bit highest
  (`numpy.packbits`); `seeds` int64 [S]; `points` [P]; `samples`, N.
- `manifest.json`: what was run, where and how long; how it was tuned; the digests below; and the
  SHA-256 of the other files.

Rows of a dataset are compared only if they agree in three digests: `protocol` (what all methods
share in training and evaluation), `network`, and `data` (the prepared split, seed by seed).
`cgt.study.protocol` says what goes into the first two. :func:`read_rows` refuses any other table.
"""

import hashlib
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cgt.records.csv_columns import NAME, ROUNDING, ROW_POINTS, ROW_TABLES
from cgt.records.csv_schema import check, csv_text, read_csv
from cgt.records.files import json_text, load_npz, npz_bytes

TABLES = ("areas", "points", "budgets")
OUTCOMES = "outcomes.npz"
MANIFEST = "manifest.json"
FILES = (*(f"{table}.csv" for table in TABLES), OUTCOMES)
"""What a manifest holds the digests of."""
DIGESTS = ("protocol", "network")
BY_PROTOCOL = "protocol"
"""`tuned` of a row whose settings the protocol's search has chosen; else it begins with "no: "."""

_SHA256 = re.compile("[0-9a-f]{64}")
_TUNED = re.compile(rf"{BY_PROTOCOL}|no: .+")
_MARK = re.compile("[a-z][a-z -]*|")


@dataclass(frozen=True)
class Outcomes:
    """Right or wrong, by seed, operating point and test sample.

    Attributes:
        seeds: S of them.
        points: P of `ROW_POINTS`.
        right: bool [S, P, N]; samples in the order of the dataset's test split at that seed.
    """

    seeds: tuple[int, ...]
    points: tuple[str, ...]
    right: np.ndarray

    @property
    def samples(self) -> int:
        return self.right.shape[2]

    def of(self, seed: int, point: str) -> np.ndarray:
        """Bool [N]. Raises ValueError naming what there is, for another seed or point."""
        if seed not in self.seeds or point not in self.points:
            raise ValueError(
                f"there are no outcomes of seed {seed}, point {point}; seeds are "
                f"{', '.join(map(str, self.seeds))}, points {', '.join(self.points)}"
            )
        return self.right[self.seeds.index(seed), self.points.index(point)]


@dataclass(frozen=True)
class Row:
    """One entry on one dataset. `tables` by the names in `TABLES`; `manifest` without `files`."""

    tables: Mapping[str, pd.DataFrame]
    outcomes: Outcomes
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.manifest['dataset']}/{self.manifest['method']}"


def row_files(row: Row) -> dict[str, bytes]:
    """The files of a row by name; equal rows give equal bytes.

    Raises ValueError saying what is wrong with the row.
    """
    where = row.name
    tables = {
        name: check(row.tables[name], f"row_{name}", f"{where}/{name}.csv") for name in TABLES
    }
    files = {f"{name}.csv": csv_text(frame).encode() for name, frame in tables.items()}
    files[OUTCOMES] = npz_bytes(
        compression=zipfile.ZIP_DEFLATED,
        outcomes=np.packbits(row.outcomes.right, axis=2),
        seeds=np.array(row.outcomes.seeds, dtype=np.int64),
        points=np.array(row.outcomes.points),
        samples=np.array(row.outcomes.samples, dtype=np.int64),
    )
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    manifest = {**row.manifest, "files": digests}
    files[MANIFEST] = json_text(manifest).encode()
    _refuse(_problems_of_manifest(manifest), f"{where}/{MANIFEST}")
    _refuse(_contradictions(Row(tables, row.outcomes, manifest)), where)
    return files


def read_row(folder: Path | str, dataset: str, entry: str) -> Row:
    """Read and check `folder/dataset/entry`.

    Raises:
        ValueError: naming the file and the fault: missing, damaged or edited, another row's, with
            columns, cells or outcomes that cannot be.
    """
    place = Path(folder) / dataset / entry
    manifest = read_manifest(folder, dataset, entry)
    for name, digest in manifest["files"].items():
        path = place / name
        if not path.is_file():
            raise ValueError(
                f"{path}: missing; {MANIFEST} beside it lists it: publish the row anew"
            )
        if (found := hashlib.sha256(path.read_bytes()).hexdigest()) != digest:
            raise ValueError(
                f"{path}: its sha256 is {found[:12]}..., but {digest[:12]}... in {MANIFEST} beside "
                f"it: it is damaged, edited or another row's; get it back, or publish the row anew"
            )
    tables = {
        name: check(read_csv(place / f"{name}.csv"), f"row_{name}", place / f"{name}.csv")
        for name in TABLES
    }
    row = Row(tables, _load_outcomes(place / OUTCOMES), manifest)
    _refuse(_contradictions(row), place)
    return row


def read_manifest(folder: Path | str, dataset: str, entry: str) -> dict[str, Any]:
    """The checked manifest of a row; ValueError naming the file and the fault."""
    path = Path(folder) / dataset / entry / MANIFEST
    if not path.is_file():
        raise ValueError(f"{path}: missing; a published row has one: publish the row anew")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON object ({error})") from error
    _refuse(_problems_of_manifest(manifest), path)
    for key, value in {"dataset": dataset, "method": entry}.items():
        if manifest[key] != value:
            raise ValueError(f"{path}: {key} is {manifest[key]!r}; its folder says {value!r}")
    return manifest


def row_names(folder: Path | str) -> list[tuple[str, str]]:
    """Dataset and entry of every row in a folder, by name. None if the folder is not there."""
    found = sorted(path for path in Path(folder).glob("[!.]*/[!.]*") if path.is_dir())
    return [(path.parent.name, path.name) for path in found]


def read_manifests(folder: Path | str) -> dict[tuple[str, str], dict[str, Any]]:
    """The manifests of all rows by dataset and entry, after :func:`refuse_mixture`."""
    manifests = {name: read_manifest(folder, *name) for name in row_names(folder)}
    refuse_mixture(manifests, folder)
    return manifests


def read_rows(folder: Path | str) -> dict[str, pd.DataFrame]:
    """All rows of a folder as tables that can be compared.

    Returns:
        `areas`, `points` and `budgets`, of all rows together, and `marks` with one line for each
        row: dataset, method, `tuned` and `marked`.

    Raises:
        ValueError: as `read_row`; if there is no row; if rows of one dataset differ in a digest.
    """
    rows = [read_row(folder, *name) for name in row_names(folder)]
    if not rows:
        raise ValueError(f"{folder}: holds no rows; `make publish-rows` writes those of a run")
    refuse_mixture(
        {(r.manifest["dataset"], r.manifest["method"]): r.manifest for r in rows}, folder
    )
    frames = {name: _together([row.tables[name] for row in rows]) for name in TABLES}
    keys = ("dataset", "method", "tuned", "marked")
    marks = [{key: row.manifest[key] for key in keys} for row in rows]
    return {**frames, "marks": pd.DataFrame(marks, columns=list(keys))}


def read_outcomes(folder: Path | str, dataset: str, entry: str) -> Outcomes:
    """The outcomes of one row, after checking it; raises as `read_row`."""
    return read_row(folder, dataset, entry).outcomes


def refuse_mixture(
    manifests: Mapping[tuple[str, str], Mapping[str, Any]], where: Path | str
) -> None:
    """Raise ValueError if rows of one dataset were made under different conditions.

    manifests: of the rows, by dataset and entry. where: how the message begins.
    """
    for dataset in dict.fromkeys(dataset for dataset, _ in manifests):
        own = {entry: of for (name, entry), of in manifests.items() if name == dataset}
        for key in DIGESTS:
            _refuse_unlike({e: of["digests"][key] for e, of in own.items()}, dataset, key, where)
        for seed in sorted({seed for of in own.values() for seed in of["seeds"]}):
            found = {e: of["digests"]["data"].get(str(seed)) for e, of in own.items()}
            given = {entry: digest for entry, digest in found.items() if digest}
            _refuse_unlike(given, dataset, f"data at seed {seed}", where)
        _refuse_unlike({e: str(of["samples"]) for e, of in own.items()}, dataset, "samples", where)


def _refuse_unlike(values: Mapping[str, str], dataset: str, key: str, where: Path | str) -> None:
    groups: dict[str, list[str]] = defaultdict(list)
    for entry, value in values.items():
        groups[value].append(entry)
    if len(groups) > 1:
        said = "; ".join(
            f"{', '.join(entries)} {'has' if len(entries) == 1 else 'have'} {value[:12]}"
            for value, entries in groups.items()
        )
        raise ValueError(
            f"{where}: rows of {dataset} differ in their {key}: {said}; no table mixes them: "
            f"publish all of them under one protocol, or remove those that are old"
        )


def _problems_of_manifest(manifest: Any) -> Iterator[str]:
    if not isinstance(manifest, dict):
        yield f"not a JSON object but {type(manifest).__name__}"
        return
    for key in ("dataset", "method"):
        value = manifest.get(key)
        if not isinstance(value, str) or not re.fullmatch(NAME, value):
            yield f"{key} is {value!r}; it must match {NAME}"
    seeds = manifest.get("seeds")
    if not isinstance(seeds, list) or not seeds or not all(map(_is_count, seeds)):
        yield f"seeds is {seeds!r}; it must be a list of whole numbers of at least 0"
        return
    if sorted(set(seeds)) != seeds:
        yield f"seeds is {seeds}; each must be there once, in order"
    if not _is_count(manifest.get("samples")) or manifest["samples"] == 0:
        yield f"samples is {manifest.get('samples')!r}; it must be a whole number of at least 1"
    for key, pattern in {"tuned": _TUNED, "marked": _MARK}.items():
        value = manifest.get(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            yield f"{key} is {value!r}; it must match {pattern.pattern}"
    for key in ("settings", "seconds", "digests", "files"):
        if not isinstance(manifest.get(key), dict):
            yield f"{key} is {manifest.get(key)!r}; it must be an object"
            return
    digests, files = manifest["digests"], manifest["files"]
    data = digests.get("data")
    named = {**{key: digests.get(key) for key in DIGESTS}, **files}
    named |= data if isinstance(data, dict) else {"data": data}
    for key, value in named.items():
        if not isinstance(value, str) or not _SHA256.fullmatch(value):
            yield f"the digest of {key} is {value!r}; it must be a SHA-256, 64 hexadecimal digits"
    if isinstance(data, dict) and set(data) != set(map(str, seeds)):
        yield f"digests.data is of seeds {', '.join(data)}; it must be of {seeds}"
    if set(files) != set(FILES):
        yield f"files lists {sorted(files)}; it must list {sorted(FILES)}"


def _contradictions(row: Row) -> Iterator[str]:
    """What the files of a row must agree on."""
    manifest, outcomes = row.manifest, row.outcomes
    seeds = manifest["seeds"]
    for name, frame in row.tables.items():
        for key in ("dataset", "method"):
            if others := sorted(set(frame[key]) - {manifest[key]}):
                yield f"{name}.csv: {key} is {others[0]!r}; the row is that of {manifest[key]!r}"
        found = sorted(set(frame["seed"]))
        if found != seeds and not (frame.empty and ROW_TABLES[f"row_{name}"].may_be_empty):
            yield f"{name}.csv: has seeds {found}; {MANIFEST} says {seeds}"
    areas, points, budgets = (row.tables[name] for name in TABLES)
    if areas.empty != budgets.empty:
        yield "of areas.csv and budgets.csv one has rows and the other has none"
    elif not areas.empty:
        mean = budgets.groupby("seed")["accuracy"].mean()
        area = areas.set_index("seed")["mean_budget_accuracy"]
        for seed in mean.index[(mean - area).abs() > 2 * ROUNDING]:
            yield (
                f"areas.csv: mean_budget_accuracy is {area[seed]:g} at seed {seed}; the mean of "
                f"budgets.csv is {mean[seed]:g}"
            )
    if list(outcomes.seeds) != seeds:
        yield f"{OUTCOMES}: has seeds {list(outcomes.seeds)}; {MANIFEST} says {seeds}"
        return
    if outcomes.points != ROW_POINTS:
        yield f"{OUTCOMES}: has points {list(outcomes.points)}; it must have {list(ROW_POINTS)}"
        return
    if outcomes.samples != manifest["samples"]:
        yield (
            f"{OUTCOMES}: is of {outcomes.samples} samples; {MANIFEST} says {manifest['samples']}"
        )
    for of in points.itertuples():
        right = outcomes.of(of.seed, of.point).mean()
        if abs(right - of.accuracy) > ROUNDING:
            yield (
                f"points.csv: accuracy is {of.accuracy:g} at seed {of.seed}, {of.point}; "
                f"{OUTCOMES} gives {right:g}"
            )


def _load_outcomes(path: Path) -> Outcomes:
    arrays = load_npz(path)
    due = {"outcomes": (np.uint8, 3), "seeds": (np.int64, 1), "samples": (np.int64, 0)}
    if set(arrays) != {*due, "points"} or arrays["points"].dtype.kind != "U":
        raise ValueError(f"{path}: holds {sorted(arrays)}; it must hold {sorted([*due, 'points'])}")
    for name, (dtype, axes) in due.items():
        if arrays[name].dtype != dtype or arrays[name].ndim != axes:
            raise ValueError(
                f"{path}: {name} is {arrays[name].dtype} with {arrays[name].ndim} axes; it must be "
                f"{np.dtype(dtype)} with {axes}"
            )
    packed, samples = arrays["outcomes"], int(arrays["samples"])
    shape = (len(arrays["seeds"]), arrays["points"].size, -(-samples // 8))
    if samples < 1 or packed.shape != shape:
        raise ValueError(
            f"{path}: outcomes has shape {packed.shape}; seeds, points and {samples} samples in "
            f"bytes of eight need {shape}"
        )
    right = np.unpackbits(packed, axis=2).astype(bool)
    if right[..., samples:].any():
        raise ValueError(f"{path}: outcomes has bits set behind its {samples} samples")
    return Outcomes(
        tuple(arrays["seeds"].tolist()),
        tuple(arrays["points"].ravel().tolist()),
        right[..., :samples],
    )


def _together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame for frame in frames if not frame.empty]
    return pd.concat(filled or frames[:1], ignore_index=True)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _refuse(problems: Iterable[str], where: Path | str) -> None:
    for problem in problems:
        raise ValueError(f"{where}: {problem}")
