"""Predictions that somebody hands in: which runs a folder holds, and what a maintainer must know.

Whether they answer the splits is asked by `cgt.data.verify`; see docs/submit.md.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from cgt.analysis.rows import row_of
from cgt.analysis.style import point_name
from cgt.records.cards import cards
from cgt.records.csv_columns import NAME, ROW_POINTS
from cgt.records.manifest import hash_of
from cgt.records.predictions import load_predictions
from cgt.records.reference import load_reference
from cgt.records.rows import read_manifests
from cgt.study.listed import some
from cgt.study.protocol import data_digest, network_of

PREDICTIONS = "predictions.npz"
LAYOUT = "DATASET/METHOD/SEED/predictions.npz"


class Submitted(NamedTuple):
    """One file of predictions and the run that its place says."""

    path: Path
    dataset: str
    method: str
    seed: int


def find_predictions(folder: Path) -> list[Submitted]:
    """Every predictions file below a folder, by dataset, method and seed.

    Raises ValueError naming what is wrong with a file's place: not `LAYOUT`, an unknown dataset, a
    name that is no name, or is one of our methods'.
    """
    found = []
    paths = sorted(Path(folder).rglob(PREDICTIONS))
    if not paths:
        raise ValueError(f"{folder}: holds no {PREDICTIONS}; files must lie at {LAYOUT} below it")
    for path in paths:
        parts = path.relative_to(folder).parts
        if len(parts) != 4 or not parts[2].isdecimal() or str(int(parts[2])) != parts[2]:
            raise ValueError(
                f"{path}: not a place of predictions; it must be {folder}/{LAYOUT}, with a seed "
                f"that is a whole number"
            )
        dataset, method, seed, _ = parts
        if dataset not in (known := cards("data")):
            raise ValueError(
                f"{path}: there is no dataset {dataset!r}; allowed are {', '.join(known)}"
            )
        if not re.fullmatch(NAME, method) or method in cards("methods"):
            raise ValueError(
                f"{path}: {method!r} is not allowed; a method from elsewhere has a name of a-z, "
                f"0-9 and _ that starts with a letter and is none of {', '.join(cards('methods'))}"
            )
        found.append(Submitted(path, dataset, method, int(seed)))
    return sorted(found, key=lambda one: one[1:])


def submission_report(
    found: Sequence[Submitted], prepared: Path, references: Path, rows: Path | None = None
) -> str:
    """What a maintainer needs, as text: of each method on each dataset, seeds, exits, costs,
    accuracies and digests.

    Args:
        found: files that answer their splits.
        prepared, references: folders of `DATASET/SEED.npz` and of `DATASET.json`.
        rows: folder of the published rows. If given, the seeds and the data are compared with
            them.

    Raises:
        ValueError: if the networks of a method have different numbers of exits, or the data or the
            network are not those of the published rows.
    """
    manifests = read_manifests(rows) if rows else {}
    blocks = []
    for cell in dict.fromkeys((one.dataset, one.method) for one in found):
        files = [one for one in found if (one.dataset, one.method) == cell]
        published = [of for (dataset, _), of in manifests.items() if dataset == cell[0]]
        blocks.append(_block(files, prepared, references, published))
    return "\n".join(blocks)


def _block(
    files: Sequence[Submitted], prepared: Path, references: Path, published: Sequence[dict]
) -> str:
    dataset, method = files[0].dataset, files[0].method
    reference = load_reference(references / f"{dataset}.json", dataset)
    runs = {one.seed: load_predictions(one.path) for one in files}
    exits = {seed: len(run.macs) for seed, run in runs.items()}
    if len(set(exits.values())) > 1:
        raise ValueError(
            f"{files[0].path.parents[1]}: exits by seed are {exits}; a method has as many at every "
            f"seed: hand in two methods, or predictions of equal networks"
        )
    data = {seed: data_digest(prepared / dataset / f"{seed}.npz") for seed in runs}
    network = hash_of(network_of(reference))
    _refuse_others(files[0], data, network, published)
    row = row_of(runs, reference, method, {})
    costs = np.stack([run.macs for run in runs.values()]) / reference.macs
    lines = {
        "seeds": f"{', '.join(map(str, runs))}{_missing(runs, published)}",
        "test samples": f"{row.outcomes.samples} at each seed",
        "exits": str(costs.shape[1]),
        "costs": f"{', '.join(_span(100 * column) for column in costs.T)} % of the dataset's "
        f"network without exits ({reference.network}, {reference.macs} multiply-accumulates)",
    }
    points = row.tables["points"]
    for point in ROW_POINTS:
        lines[point_name(point)] = _at_point(points[points["point"] == point])
    if not row.tables["areas"].empty:
        area = row.tables["areas"]["mean_budget_accuracy"].mean()
        lines["area"] = f"{100 * area:.2f} % mean accuracy over budgets"
    lines |= {f"data, seed {seed}": digest for seed, digest in data.items()}
    lines["network"] = network
    width = max(map(len, lines)) + 2
    text = "".join(f"  {name:<{width}}{value}\n" for name, value in lines.items())
    return f"{dataset}/{method}\n{text}"


def _refuse_others(
    one: Submitted, data: dict[int, str], network: str, published: Sequence[dict]
) -> None:
    for manifest in published:
        theirs = manifest["digests"]
        name = f"{manifest['dataset']}/{manifest['method']}"
        if theirs["network"] != network:
            raise ValueError(
                f"{one.dataset}: costs would be relative to another network than those of the "
                f"published row {name}; count the reference of the published network "
                f"({manifest.get('network', {}).get('network')})"
            )
        for seed, digest in data.items():
            if theirs["data"].get(str(seed), digest) != digest:
                raise ValueError(
                    f"{one.path.parents[1] / str(seed)}: the split of seed {seed} is not that of "
                    f"the published row {name}; prepare {one.dataset} with the published settings, "
                    f"{manifest['settings']}"
                )


def _missing(runs: dict, published: Sequence[dict]) -> str:
    due = sorted({seed for manifest in published for seed in manifest["seeds"]} - set(runs))
    return f" (published rows have these, too: {some(due)})" if due else ""


def _at_point(rows: pd.DataFrame) -> str:
    right, cost = (100 * rows[name].mean() for name in ("accuracy", "relative_cost"))
    text = f"{right:.2f} % right at {cost:.2f} % of the cost"
    unmet = int((rows["met"] == 0).sum())
    return f"{text}; not met at {unmet} of {len(rows)} seeds" if unmet else text


def _span(values: np.ndarray) -> str:
    """One number, or from the smallest to the largest."""
    return " to ".join(dict.fromkeys(f"{value:.2f}" for value in (values.min(), values.max())))
