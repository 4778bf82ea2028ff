"""Equal tuning: every method gets the same number of trials, scored on validation data alone.

A trial is a training run with a shortened schedule at each of the seeds kept for tuning. Its score
is the mean `cgt.operate.area.validation_area`. Test predictions are never looked at; but all seeds
of Indian Pines split one scene, so pixels of these validation sets are test pixels at other seeds.
"""

import csv
import hashlib
import io
import json
import math
import random
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from cgt.records.files import write_text
from cgt.study.config import space_of

COLUMNS = ("dataset", "method", "trial", "lr", "hyperparameters", "n", "score", "chosen")


def trials(config: Mapping, dataset: str, method: str) -> list[dict[str, Any]]:
    """Return the dataset's number of different settings, each `{"lr": ..., **hyperparameters}`.

    Trial 0 is the first entry of every list in the search space. The others are drawn from the
    lists by a generator that depends on (dataset, method, trial) only, and drawn again while they
    repeat an earlier trial. Raises ValueError if the space has too few points.
    """
    count = config["tuning"]["datasets"][dataset]["trials"]
    space = space_of(config, method)
    points = math.prod(map(len, space.values()))
    if points < count:
        raise ValueError(
            f"tuning.datasets.{dataset}.trials is {count}, "
            f"but the search space of {method} has only {points} points"
        )
    drawn = [{name: choices[0] for name, choices in space.items()}]
    for trial in range(1, count):
        generator = _generator(dataset, method, trial)
        while (point := _draw(space, generator)) in drawn:
            pass
        drawn.append(point)
    return drawn


def select(records: Iterable[Mapping]) -> list[dict[str, Any]]:
    """Return the trials sorted by (dataset, method, trial), with `chosen` set on the best of each.

    Each record has dataset, method, trial, seed, settings and score; a trial's score is the mean
    over its seeds, and `n` their number. The earlier of equal trials wins.
    """
    rows = _mean_over_seeds(records)
    best: dict[tuple[str, str], Mapping] = {}
    for row in rows:
        key = row["dataset"], row["method"]
        if key not in best or row["score"] > best[key]["score"]:
            best[key] = row
    return [{**row, "chosen": best[row["dataset"], row["method"]] is row} for row in rows]


def write_selection(paths: Iterable[Path], out: Path) -> None:
    """Gather the trials' JSON files into `out/tuning.csv` and `out/best.yaml`.

    best.yaml has the form of `methods` in the configuration and is meant to be pasted there.
    """
    rows = select(json.loads(Path(path).read_text(encoding="utf-8")) for path in paths)
    best: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["chosen"]:
            best.setdefault(row["method"], {})[row["dataset"]] = row["settings"]
    write_text(out / "tuning.csv", _to_csv(rows))
    text = yaml.safe_dump({"methods": best}, sort_keys=False, default_flow_style=None, width=100)
    write_text(out / "best.yaml", text)


def _mean_over_seeds(records: Iterable[Mapping]) -> list[dict[str, Any]]:
    trials_seen: dict[tuple[str, str, int], list[Mapping]] = {}
    for record in sorted(records, key=lambda row: row["seed"]):
        key = record["dataset"], record["method"], record["trial"]
        trials_seen.setdefault(key, []).append(record)
    return [
        {
            "dataset": dataset,
            "method": method,
            "trial": trial,
            "settings": runs[0]["settings"],
            "n": len(runs),
            "score": statistics.fmean(run["score"] for run in runs),
        }
        for (dataset, method, trial), runs in sorted(trials_seen.items())
    ]


def _to_csv(rows: Iterable[Mapping]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        hyperparameters = {name: value for name, value in row["settings"].items() if name != "lr"}
        writer.writerow(
            [
                row["dataset"],
                row["method"],
                row["trial"],
                row["settings"]["lr"],
                json.dumps(hyperparameters, sort_keys=True),
                row["n"],
                f"{row['score']:.6f}",
                int(row["chosen"]),
            ]
        )
    return text.getvalue()


def _generator(*parts: object) -> random.Random:
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def _draw(space: Mapping[str, list], generator: random.Random) -> dict[str, Any]:
    return {name: generator.choice(choices) for name, choices in space.items()}
