"""From finished runs to published rows, entry by entry; see `cgt.records.rows`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cgt.analysis.rows import row_of
from cgt.records.files import load_npz
from cgt.records.manifest import TRAINING, check_files, hash_of, summarise
from cgt.records.predictions import Predictions, load_predictions
from cgt.records.reference import load_reference
from cgt.records.rows import BY_PROTOCOL, Row, read_manifest, refuse_mixture, row_files, row_names
from cgt.study.config import seeds_of
from cgt.study.listed import put, refuse_overlap
from cgt.study.plan import own_settings
from cgt.study.protocol import data_digest, network_of, protocol_of
from cgt.study.schema import (
    EPOCHS,
    LABEL_SMOOTHING,
    OF_THE_LOOP,
    datasets_of,
    implementation_of,
)
from cgt.study.tuning import COLUMNS, read_table, settings_of, taken_by, trials

PREDICTIONS = "predictions.npz"
ELSEWHERE = "no: trained elsewhere"
MACHINE = ("git", "versions", "platform", "cpu", "cpu_count", "gpu", "threads")


class Published(NamedTuple):
    """What became of the entries that were asked for: names `DATASET/ENTRY`."""

    written: list[str]
    unfinished: list[str]
    """Runs are missing: left as they were."""


def publish_rows(
    config: Mapping[str, Any],
    entries: Sequence[str],
    results: Path,
    prepared: Path,
    out: Path,
    tuning: Sequence[Path] = (),
    marked: str = "",
) -> Published:
    """Put the rows of `entries` into `out`, on every dataset where all their runs are finished.

    Args:
        config: checked. Of methods named in `external` there need be predictions alone.
        entries: names in `methods` or `external`.
        results: root folder with `runs/` and `reference/`.
        prepared: folder of the prepared files that the runs were trained on.
        out: folder of all rows; no other entry's row is touched.
        tuning: tables of trials, as `make tune` writes them; those that are not there are skipped.
        marked: what tables say beside the entries, such as "trial"; empty for nothing.

    Raises:
        ValueError: if nothing is finished; if a run is damaged, was trained with other settings or
            on other data than the configuration says, or by another revision of the training code;
            if a row would not fit those that stay. No row is written then. Also if others' files
            are in the way of a row, see `cgt.study.listed.put`; rows before it are written.
    """
    known = [*config["methods"], *config.get("external", [])]
    for entry in entries:
        if entry not in known:
            raise ValueError(f"there is no entry {entry!r}; allowed are {', '.join(known)}")
    cells = [(d, entry) for d in config["datasets"] for entry in entries if _has(config, d, entry)]
    done = [cell for cell in cells if is_finished(config, results, *cell)]
    if not done:
        raise ValueError(
            f"{results / 'runs'}: no run of {', '.join(entries)} is finished at all seeds of a "
            f"dataset; train them first, such as with `make`"
        )
    refuse_overlap([results / "runs", results / "reference"], out)
    found = read_trials(tuning)
    rows = {
        cell: make_row(
            config, *cell, results, prepared, tuned_of(config, *cell, found), marked=marked
        )
        for cell in done
    }
    kept = {name: read_manifest(out, *name) for name in row_names(out) if name not in rows}
    refuse_mixture({**kept, **{cell: row.manifest for cell, row in rows.items()}}, out)
    files = {cell: row_files(row) for cell, row in rows.items()}
    for (dataset, entry), of in files.items():
        put(of, out / dataset / entry)
    names = {cell: "/".join(cell) for cell in cells}
    return Published(
        [names[cell] for cell in done], [names[cell] for cell in cells if cell not in done]
    )


def is_finished(config: Mapping[str, Any], results: Path, dataset: str, entry: str) -> bool:
    """Whether predictions are there at every seed of the dataset."""
    folder = Path(results) / "runs" / dataset / entry
    return all((folder / str(seed) / PREDICTIONS).is_file() for seed in seeds_of(config, dataset))


def make_row(
    config: Mapping[str, Any],
    dataset: str,
    entry: str,
    results: Path,
    prepared: Path,
    tuned: tuple[str, dict[str, Any]],
    seeds: Sequence[int] = (),
    marked: str = "",
) -> Row:
    """The row of one entry on one dataset. seeds: all of the dataset by default.

    Arguments and errors as for :func:`publish_rows`; tuned: see :func:`tuned_of`.
    """
    external = entry in config.get("external", [])
    reference = load_reference(results / "reference" / f"{dataset}.json", dataset)
    seeds = list(seeds) or seeds_of(config, dataset)
    runs: dict[int, Predictions] = {}
    manifests: dict[str, dict[str, Any]] = {}
    data = {}
    for seed in seeds:
        folder = results / "runs" / dataset / entry / str(seed)
        split = prepared / dataset / f"{seed}.npz"
        arrays = load_npz(split)
        if not external:
            manifests[str(seed)] = check_files(folder, dataset, entry, seed)
            _refuse_other_job(
                config, manifests[str(seed)], str(arrays.get("digest")), split, folder
            )
        runs[seed] = load_predictions(folder / PREDICTIONS)
        if not np.array_equal(runs[seed].test.index, arrays["test_index"]):
            raise ValueError(
                f"{folder / PREDICTIONS}: test_index is not that of {split}; train the run anew"
            )
        data[str(seed)] = data_digest(split)
    records = {"protocol": protocol_of(config, dataset), "network": network_of(reference)}
    machine = summarise(manifests)
    described = {
        "settings": {
            "dataset": config["datasets"][dataset],
            "implementation": None if external else implementation_of(config, entry),
            "method": {} if external else config["methods"][entry][dataset],
        },
        "tuned": tuned[0],
        "tuning": tuned[1],
        "marked": marked,
        "same_samples": _same_samples(runs.values()),
        **records,
        "digests": {**{key: hash_of(of) for key, of in records.items()}, "data": data},
        "seconds": {seed: manifest["wall_seconds"] for seed, manifest in manifests.items()},
        "machine": {key: machine[key] for key in MACHINE},
    }
    return row_of(runs, reference, entry, described)


def read_trials(paths: Iterable[Path]) -> pd.DataFrame:
    """Trials of the tables that are there; of a method on a dataset, those of the first table.

    Raises:
        ValueError: naming a table that is none, or of an earlier version.
    """
    together = pd.DataFrame(columns=list(COLUMNS))
    for path in [path for path in paths if Path(path).is_file()]:
        table = read_table(path)
        there = set(zip(together["dataset"], together["method"], strict=True))
        new = [name not in there for name in zip(table["dataset"], table["method"], strict=True)]
        together = pd.concat([together, table[new]], ignore_index=True) if there else table
    return together


def tuned_of(
    config: Mapping[str, Any], dataset: str, entry: str, found: pd.DataFrame
) -> tuple[str, dict[str, Any]]:
    """How an entry's settings on a dataset were chosen, and the record of the search.

    They were chosen by the protocol if a search with the configured trials, no more and no other,
    chose them on the dataset, or on the one that the configuration takes its values from.

    Args:
        config: checked, or all of it that `cgt.study.tuning.trials` reads.
        found: trials, as `read_trials` gives them.
    """
    if entry not in config["methods"]:
        return ELSEWHERE, {}
    tuning, searched = config["tuning"], config["tuning"]["datasets"]
    of = tuning.get("taken_from", {}).get(dataset, dataset)
    by = tuning.get("like", {}).get(entry, entry)
    own = found[(found["dataset"] == of) & (found["method"] == by)]
    if of not in searched or own.empty:
        return "no: no search was made", {}
    smoothing = {LABEL_SMOOTHING: config["datasets"][of][LABEL_SMOOTHING]}
    tried = [_text(settings_of(trial)) for trial in own.to_dict("records")]
    due = [_text({**smoothing, **trial}) for trial in trials(config, of, by)]
    if sorted(tried) != sorted(due):
        return "no: by other trials than the configuration's", {"dataset": of}
    best = own[own["chosen"] == 1].iloc[0]
    settings = {**smoothing, **config["methods"][entry].get(dataset, {})}
    settings.pop(EPOCHS, None)  # searched at the length of a trial, whatever the entry's is
    chosen, settings = (taken_by(config, entry, by, of) for of in (settings_of(best), settings))
    if _text(chosen) != _text(settings):
        return "no: not what the search has chosen", {"dataset": of}
    record = {"dataset": of, "trials": len(own), "trial": int(best["trial"])}
    record |= {key: searched[of][key] for key in ("epochs", "seeds")}
    return BY_PROTOCOL, {**record, "score": float(best["score"])}


def _same_samples(runs: Iterable[Predictions]) -> bool:
    """Whether test samples are the same at every seed, not drawn or split anew."""
    seen = {(run.test.index.tobytes(), run.test.target.tobytes()) for run in runs}
    return len(seen) == 1


def _has(config: Mapping[str, Any], dataset: str, entry: str) -> bool:
    return entry in config.get("external", []) or dataset in datasets_of(config["methods"][entry])


def _refuse_other_job(
    config: Mapping[str, Any], manifest: Mapping, digest: str, prepared: Path, folder: Path
) -> None:
    """The run must be what the configuration asks for, on the prepared file."""
    job = manifest["job"]
    dataset, entry = job["dataset"], job["method"]
    due = config["methods"][entry][dataset]
    given = {"lr": job["settings"].get("lr"), **job["hyperparameters"]}
    if _text(given) != _text({"lr": due["lr"], **own_settings(due)}):
        raise ValueError(
            f"{folder}: trained with {given}; the configuration says {due}: train the run anew"
        )
    # What an entry says for itself takes the place of what the dataset says for all.
    wanted = protocol_of(config, dataset) | {"network": config["datasets"][dataset]["network"]}
    wanted |= {name: due[name] for name in OF_THE_LOOP if name in due}
    for key, value in job["settings"].items():
        if key in wanted and value != wanted[key]:
            raise ValueError(
                f"{folder}: trained with {key} {value}; the configuration says {wanted[key]}: "
                f"train the run anew"
            )
    if manifest.get("training") != TRAINING:
        raise ValueError(
            f"{folder}: trained by revision {manifest.get('training')} of the training code, which "
            f"is now {TRAINING}: train the run anew"
        )
    if manifest["data"]["prepared"] != digest:
        raise ValueError(f"{folder}: trained on another file than {prepared}: train the run anew")


def _text(settings: Mapping[str, Any]) -> str:
    """Equal settings give equal text: YAML's 1 and 1.0 are one number."""
    return json.dumps(_plain(settings), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
