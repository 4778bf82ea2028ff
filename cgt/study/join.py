"""One method beside the published rows: what has to be run, whether it may be compared, its rows.

The configuration of a joining method is made of the published rows: their datasets, seeds and
settings. The method's own settings are those of its entry, or its card's defaults and the base
learning rate.
"""

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cgt.records.cards import cards
from cgt.records.manifest import hash_of
from cgt.records.reference import load_reference
from cgt.records.rows import DIGESTS, Row, read_manifests, row_files
from cgt.study.config import ConfigError, check_config, seeds_of
from cgt.study.listed import put
from cgt.study.protocol import data_digest, network_of, protocol_of, unlike
from cgt.study.publish_rows import make_row, read_trials, tuned_of
from cgt.study.schema import ENTRY, datasets_of, implementation_of

PUBLISHED, OWN = "published", "own"
"""Whose settings of datasets a joining run has: those of the rows, or the configuration's."""
CHECKED_FIRST = "branchynet"
"""The entry whose run is repeated, if it is published."""
DEFAULTS = "no: its card's defaults and the base learning rate"

Manifests = Mapping[tuple[str, str], Mapping[str, Any]]


def joined(
    config: Mapping[str, Any], rows: Path, schema: str | Path, tuning: Sequence[Path] = ()
) -> dict[str, Any]:
    """The configuration of a run that sets one method beside the published rows.

    Args:
        config: checked, with `join`, the name of the method; perhaps `join_seeds`, how many seeds
            of each dataset, and `join_settings`.
        rows: folder of the published rows.
        schema: of a configuration, by which the new one is checked.
        tuning: tables of trials; they say whether the method is tuned.

    Returns:
        A configuration whose `join` says: `method`; `tuned`, of each dataset; `check`, the
        published run that is repeated to see how this machine agrees, or None; `left_out`, the
        published datasets that the configuration does not have.

    Raises:
        ConfigError: if there are no rows, no such method, or its settings do not fit.
    """
    name = config["join"]
    manifests = read_manifests(rows)
    if not manifests:
        _refuse(f"join: there are no published rows in {rows}; `make publish-rows` writes them")
    published = list(dict.fromkeys(dataset for dataset, _ in manifests))
    datasets = _datasets(config, manifests, published)
    if not datasets:
        _refuse(f"join: none of the published datasets is in datasets: {', '.join(published)}")
    seeds = {d: _seeds(manifests, d)[: config.get("join_seeds")] for d in datasets}
    entry, tuned = _entry(config, name, datasets, tuning)
    check = _check_run(manifests, datasets, name)
    methods = {name: entry}
    if check:
        _, repeated, _ = check
        its = {
            d: manifests[d, repeated]["settings"] for d in datasets if (d, repeated) in manifests
        }
        methods[repeated] = {
            ENTRY: its[check[0]]["implementation"],
            **{d: its[d]["method"] if d in its else {"lr": _base_lr(config)} for d in datasets},
        }
    base = {
        "results": f"{config['results']}/join/{name}",
        "device": config.get("device", "cpu"),
        "data": {
            "raw": config["data"]["raw"],
            "prepared": config["data"]["prepared"]
            if config.get("join_settings") == OWN
            else f"{config['results']}/join/prepared",
        },
        "tuning": {"datasets": {}, **{key: config["tuning"][key] for key in ("space", "first")}},
    }
    for dataset in datasets:
        own = {
            "seeds": {dataset: seeds[dataset]},
            "datasets": {dataset: datasets[dataset]},
            "methods": {m: {k: of[k] for k in (ENTRY, dataset)} for m, of in methods.items()},
            "pictures": {"seed": seeds[dataset][0], "method": name, "scene_step": 1},
        }
        check_config({**base, **own}, schema)
    return {
        **base,
        "seeds": seeds,
        "datasets": datasets,
        "methods": methods,
        "pictures": {"seed": seeds[next(iter(datasets))][0], "method": name, "scene_step": 1},
        "join": {
            "method": name,
            "tuned": tuned,
            "check": None if check is None else "/".join(map(str, check)),
            "left_out": [dataset for dataset in published if dataset not in datasets],
        },
    }


def refuse_unlike(
    config: Mapping[str, Any], dataset: str, rows: Path, reference: Path, prepared: Path
) -> None:
    """Raise ValueError if runs of a configuration cannot be compared with the published rows.

    prepared: folder of the prepared files.
    """
    manifests = {cell: of for cell, of in read_manifests(rows).items() if cell[0] == dataset}
    if not manifests:
        raise ValueError(f"{rows}: has no rows of {dataset}; nothing is there to compare with")
    (_, entry), published = next(iter(manifests.items()))
    own = {
        "protocol": protocol_of(config, dataset),
        "network": network_of(load_reference(reference, dataset)),
    }
    for key in DIGESTS:
        if hash_of(own[key]) != published["digests"][key]:
            raise ValueError(
                f"{dataset}: the {key} is not that of the published rows, such as {entry}: "
                f"{unlike(own[key], published.get(key, {}))}; no table mixes them: join with "
                f"the settings and the code of the published rows"
            )
    for seed in seeds_of(config, dataset):
        digest = data_digest(prepared / dataset / f"{seed}.npz")
        for (_, entry), manifest in manifests.items():
            expected = manifest["digests"]["data"].get(str(seed), digest)
            if digest != expected:
                raise ValueError(
                    f"{prepared / dataset / f'{seed}.npz'}: its digest is {digest[:12]}, that of "
                    f"the published row {entry} {expected[:12]}: the data or their preparation are "
                    f"others; delete the file and the raw data, and join again with the published "
                    f"settings"
                )


def _datasets(
    config: Mapping[str, Any], manifests: Manifests, published: Sequence[str]
) -> dict[str, Any]:
    if config.get("join_settings") == OWN:
        return {d: config["datasets"][d] for d in published if d in config["datasets"]}
    first = {
        dataset: next(of for (name, _), of in manifests.items() if name == dataset)
        for dataset in published
    }
    return {d: copy.deepcopy(of["settings"]["dataset"]) for d, of in first.items()}


def _seeds(manifests: Manifests, dataset: str) -> list[int]:
    """The seeds of the entry that all are compared with, or else those of most entries."""
    own = {entry: tuple(of["seeds"]) for (name, entry), of in manifests.items() if name == dataset}
    if CHECKED_FIRST in own:
        return list(own[CHECKED_FIRST])
    return list(Counter(own.values()).most_common(1)[0][0])


def _entry(
    config: Mapping[str, Any], name: str, datasets: Mapping[str, Any], tuning: Sequence[Path]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The method's entry for these datasets, and how it is tuned on each."""
    given = config["methods"].get(name, {})
    implementation = implementation_of(config, name)
    if implementation not in cards("methods"):
        known = dict.fromkeys([*config["methods"], *cards("methods")])
        _refuse(
            f"join: {name!r} is not allowed; it must be an entry of methods or a file of "
            f"cgt/methods: {', '.join(known)}"
        )
    found = read_trials(tuning)
    entry: dict[str, Any] = {ENTRY: implementation}
    tuned = {}
    for dataset in datasets:
        if dataset in datasets_of(given):
            entry[dataset] = given[dataset]
            tuned[dataset] = tuned_of(config, dataset, name, found)[0]
        else:
            entry[dataset] = {"lr": _base_lr(config)}
            tuned[dataset] = DEFAULTS
    return entry, tuned


def _base_lr(config: Mapping[str, Any]) -> float:
    """What every search tries first."""
    return config["tuning"]["first"]["lr"]


def _check_run(
    manifests: Manifests, datasets: Mapping[str, Any], name: str
) -> tuple[str, str, int] | None:
    """The published run to repeat: of one entry, where it is quickest, at its first seed.

    Not of the joining method, whose code may have been edited.
    """
    able = {
        (dataset, entry): of
        for (dataset, entry), of in manifests.items()
        if dataset in datasets and entry != name
        if of["settings"]["implementation"] in cards("methods") and of["seconds"]
    }
    if not able:
        return None
    entries = [entry for _, entry in able]
    chosen = CHECKED_FIRST if CHECKED_FIRST in entries else entries[0]
    seconds = {
        dataset: of["seconds"][str(of["seeds"][0])]
        for (dataset, entry), of in able.items()
        if entry == chosen
    }
    dataset = min(seconds, key=seconds.__getitem__)
    return dataset, chosen, able[dataset, chosen]["seeds"][0]


def _refuse(problem: str) -> None:
    raise ConfigError(f"the configuration is wrong:\n  {problem}")


def make_rows(
    config: Mapping[str, Any], join: Mapping[str, Any], results: Path, prepared: Path, out: Path
) -> Row | None:
    """Put the joining method's rows into `out`; return that of the repeated run, if there is one.

    join: as :func:`joined` gives it. results, prepared: as for `publish_rows`.
    """
    method = join["method"]
    for dataset in config["datasets"]:
        row = make_row(config, dataset, method, results, prepared, (join["tuned"][dataset], {}))
        put(row_files(row), out / dataset / method)
    if join["check"] is None:
        return None
    dataset, entry, seed = join["check"].split("/")
    unknown = ("no: repeated to check the machine", {})
    return make_row(config, dataset, entry, results, prepared, unknown, [int(seed)])
