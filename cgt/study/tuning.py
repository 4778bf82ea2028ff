"""Equal tuning: every entry gets the same number of trials, scored on validation data alone.

A trial is a training run at each of the seeds kept for tuning. Its score is the mean
`cgt.operate.area.validation_area`. Test predictions are never looked at; but all seeds of Indian
Pines split one scene, so pixels of these validation sets are test pixels at other seeds.

Which trial is best is uncertain: trials within one standard error of the best are tied, and of
these the one nearest to the first, the method's published default, is chosen.
"""

import csv
import io
import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cgt.records.files import write_text
from cgt.study.design import Space, distance, points
from cgt.study.schema import implementation_of
from cgt.study.space import SHARED, first_of, kept_of, space_of

COLUMNS = (
    *("dataset", "method", "trial", "lr", "label_smoothing", "hyperparameters"),
    *("n", "score", "se", "scores", "tied", "chosen"),
)
"""Of the table of trials. `se`: standard error of the score over its own seeds, empty with one;
`scores`: of each seed, in the order of the seeds; `tied`: with the best; see `select`."""


def trials(config: Mapping, dataset: str, entry: str) -> list[dict[str, Any]]:
    """The settings that are tried for an entry on a dataset, all different.

    The first is `first_of`; the others are well spread over the space, by a sequence that depends
    on dataset and entry only. Settings that are not searched are the configuration's.

    Raises:
        ValueError: if the space has too few points.
    """
    kept = kept_of(config, dataset, entry)
    count = config["tuning"]["datasets"][dataset]["trials"]
    space, first = space_of(config, entry), first_of(config, entry)
    return [{**kept, **point} for point in points(space, first, count, dataset, entry)]


def select(records: Sequence[Mapping], space: Space) -> list[dict[str, Any]]:
    """One entry's trials on one dataset, best or not: `COLUMNS` but dataset and method.

    Args:
        records: of each trial at each seed: trial, seed, settings, score.
        space: what was searched, for the distance from the first trial.

    Raises:
        ValueError: unless every trial ran at the same seeds, and one has the number 0.
    """
    rows = _by_trial(records)
    error = pooled_error([row["scores"] for row in rows])
    best = max(row["score"] for row in rows)
    first = rows[0]["settings"]
    for row in rows:
        row["tied"] = row["score"] >= best - error
    tied = [row for row in rows if row["tied"]]
    chosen = min(
        tied, key=lambda row: (distance(space, row["settings"], first), -row["score"], row["trial"])
    )
    return [{**row, "chosen": row is chosen} for row in rows]


def pooled_error(scores: Sequence[Sequence[float]]) -> float:
    """Standard error of a trial's mean score, shared by all trials; 0 with one seed.

    Args:
        scores: of each trial at each of n seeds, in the same order.

    Two or three seeds of one trial say little, so the better half of the trials is pooled: what is
    left of their scores when the means of trials and of seeds are taken away. The worse half is
    left out, since trials that fail scatter most.
    """
    n = len(scores[0])
    ordered = sorted(scores, key=statistics.fmean, reverse=True)
    half = ordered[: max(2, math.ceil(len(ordered) / 2))]
    if n < 2 or len(half) < 2:
        return 0.0
    of_seeds = [statistics.fmean(column) for column in zip(*half, strict=True)]
    overall = statistics.fmean(of_seeds)
    left = [
        score - statistics.fmean(row) - of_seed + overall
        for row in half
        for score, of_seed in zip(row, of_seeds, strict=True)
    ]
    variance = sum(value**2 for value in left) / ((len(half) - 1) * (n - 1))
    return math.sqrt(variance / n)


def _by_trial(records: Iterable[Mapping]) -> list[dict[str, Any]]:
    seen: dict[int, list[Mapping]] = {}
    for record in sorted(records, key=lambda one: (one["trial"], one["seed"])):
        seen.setdefault(record["trial"], []).append(record)
    seeds = {trial: [run["seed"] for run in runs] for trial, runs in seen.items()}
    if 0 not in seeds or any(ran != seeds[0] for ran in seeds.values()):
        raise ValueError(
            f"trials ran at the seeds {seeds}; all need the same, and one the number 0"
        )
    return [_scored(trial, runs) for trial, runs in seen.items()]


def _scored(trial: int, runs: Sequence[Mapping]) -> dict[str, Any]:
    scores = [run["score"] for run in runs]
    n = len(scores)
    return {
        "trial": trial,
        "settings": runs[0]["settings"],
        "n": n,
        "score": statistics.fmean(scores),
        "se": statistics.stdev(scores) / math.sqrt(n) if n > 1 else None,
        "scores": scores,
    }


def write_table(
    config: Mapping, dataset: str, entry: str, paths: Iterable[Path], out: Path
) -> None:
    """Write an entry's trials on a dataset, one row each, from the files of its trials."""
    records = [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]
    chosen = select(records, space_of(config, entry))
    rows = [_cells({"dataset": dataset, "method": entry, **row}) for row in chosen]
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(out, text.getvalue())


def read_table(path: Path) -> pd.DataFrame:
    """A table of trials as `write_table` writes it.

    Raises:
        ValueError: naming the file and the columns that are missing.
    """
    table = pd.read_csv(path, dtype={"scores": str})
    if missing := [name for name in COLUMNS if name not in table]:
        raise ValueError(
            f"{path}: {', '.join(missing)} missing; it is no table of trials, or one of an earlier "
            f"version: `make tune` writes it anew"
        )
    return table


def settings_of(trial: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a row of the table, as the configuration has them."""
    shared = {name: float(trial[name]) for name in SHARED}
    return {**shared, **json.loads(trial["hyperparameters"])}


def best_of(tables: Iterable[pd.DataFrame], config: Mapping[str, Any]) -> dict[str, Any]:
    """What the searches have chosen, in the form of `methods` in the configuration.

    Datasets and entries that have another's values, `tuning.taken_from` and `like`, have them here.
    """
    tuning, best = config["tuning"], dict[str, dict[str, Any]]()
    for table in tables:
        for trial in table[table["chosen"] == 1].to_dict("records"):
            for entry in _with(trial["method"], tuning.get("like", {})):
                for dataset in _with(trial["dataset"], tuning.get("taken_from", {})):
                    if entry == trial["method"] or dataset in config["methods"].get(entry, {}):
                        chosen = taken_by(config, entry, trial["method"], settings_of(trial))
                        best.setdefault(entry, {})[dataset] = chosen
    return best


def taken_by(
    config: Mapping[str, Any], entry: str, other: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """What an entry takes of another's settings: all, or what any method has if theirs differ."""
    same = implementation_of(config, entry) == implementation_of(config, other)
    return {name: value for name, value in settings.items() if same or name in SHARED}


def _with(name: str, others: Mapping[str, str]) -> list[str]:
    """The name, and those that have its values."""
    return [name, *(other for other, of in others.items() if of == name)]


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    settings = row["settings"]
    own = {name: value for name, value in settings.items() if name not in SHARED}
    return {
        **{name: row[name] for name in ("dataset", "method", "trial", "n")},
        "lr": settings["lr"],
        "label_smoothing": settings["label_smoothing"],
        "hyperparameters": json.dumps(own, sort_keys=True),
        "score": f"{row['score']:.6f}",
        "se": "" if row["se"] is None else f"{row['se']:.6f}",
        "scores": " ".join(f"{score:.6f}" for score in row["scores"]),
        "tied": int(row["tied"]),
        "chosen": int(row["chosen"]),
    }
