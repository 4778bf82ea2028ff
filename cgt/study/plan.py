"""What a configuration asks to be run: names, paths and settings, for the workflow's rules."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from cgt.records.cards import cards
from cgt.study.config import seeds_of
from cgt.study.schema import (
    OF_THE_LOOP,
    card_of_dataset,
    datasets_of,
    implementation_of,
    kind_of,
)

Run = tuple[str, str, int]
"""Dataset, method, seed."""

PREPARE_OPTIONS = ("kind", "limit", "components", "patch", "guard")
"""Settings of a dataset that its preparation takes."""
TRAINING_SETTINGS = (
    "network",
    "exits",
    "augmentation",
    "epochs",
    "batch_size",
    "momentum",
    "weight_decay",
    "label_smoothing",
    "validate_every",
)
"""Settings of a dataset that all its training jobs share."""


def runs_of(config: Mapping, methods: Iterable[str]) -> list[Run]:
    """Every run of these methods: dataset by dataset, method by method, seed by seed."""
    methods = list(methods)
    return [
        (dataset, method, seed)
        for dataset in config["datasets"]
        for method in methods
        for seed in seeds_of(config, dataset)
    ]


def wildcards_of(runs: Sequence[Run]) -> dict[str, list]:
    """Runs as columns, as Snakemake's `expand(..., zip, **columns)` takes them."""
    columns = zip(*runs, strict=True) if runs else ((), (), ())
    return {
        name: list(column)
        for name, column in zip(("dataset", "method", "seed"), columns, strict=True)
    }


def datasets_of_kind(config: Mapping, *kinds: str) -> list[str]:
    """The configured datasets of these kinds."""
    return [name for name in config["datasets"] if kind_of(config, name) in kinds]


def raw_place(config: Mapping, dataset: str) -> str:
    """Where a dataset's raw data lie: a folder, or the `.npz` that the configuration names."""
    settings = config["datasets"].get(dataset, {})
    if "path" in settings:
        return PurePath(settings["path"]).as_posix()
    card = cards("data")[dataset]
    return (PurePath(config["data"]["raw"]) / (card["raw"] or dataset)).as_posix()


def raw_files(config: Mapping, dataset: str) -> list[str]:
    """A dataset's raw files; none if it is drawn anew at each seed."""
    place = raw_place(config, dataset)
    if "path" in config["datasets"].get(dataset, {}):
        return [place]
    return [f"{place}/{name}" for name in cards("data")[dataset]["files"]]


def raw_folders(config: Mapping) -> dict[str, str]:
    """What has to be downloaded: name of each raw folder, and a dataset that it is of."""
    known = cards("data")
    found: dict[str, str] = {}
    for dataset in config["datasets"]:
        if dataset in known and known[dataset]["files"]:
            found.setdefault(known[dataset]["raw"], dataset)
    return found


def prepare_options(config: Mapping, dataset: str) -> list[str]:
    """Command-line options of `cgt prepare` for what the configuration sets."""
    settings = config["datasets"][dataset]
    given = {name: settings.get(name) for name in PREPARE_OPTIONS}
    return [f"--{name}={value}" for name, value in given.items() if value is not None]


def network_options(config: Mapping, dataset: str) -> list[str]:
    """Command-line options that say which network a dataset has."""
    settings = config["datasets"][dataset]
    return [f"--{name}={settings[name]}" for name in ("network", "exits") if name in settings]


def training_settings(config: Mapping, dataset: str, **changes: Any) -> dict[str, Any]:
    """What all methods share on a dataset; a change of it reruns the dataset's jobs."""
    settings = config["datasets"][dataset]
    return {
        "augmentation": card_of_dataset(config, dataset)["augmentation"],
        "device": config.get("device", "cpu"),
        **{name: settings[name] for name in TRAINING_SETTINGS if name in settings},
        **changes,
    }


def job_settings(config: Mapping, dataset: str, method: str, **changes: Any) -> dict[str, Any]:
    """Settings of a method's runs on a dataset: the dataset's, its entry's, then changes."""
    shared = shared_settings(datasets_of(config["methods"][method])[dataset])
    return training_settings(config, dataset, **{**shared, **changes})


def shared_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a method's settings that the training loop takes."""
    return {name: settings[name] for name in OF_THE_LOOP if name in settings}


def own_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A method's own hyperparameters: its settings but for those of the training loop."""
    return {name: value for name, value in settings.items() if name not in OF_THE_LOOP}


def hyperparameters(config: Mapping, dataset: str, method: str) -> dict[str, Any]:
    """The method's own hyperparameters on a dataset."""
    return own_settings(datasets_of(config["methods"][method])[dataset])


def full_job(config: Mapping, dataset: str, method: str) -> dict[str, Any]:
    """A full-size training job at the dataset's first seed, as `cgt.training.job.Job` has it."""
    seed = seeds_of(config, dataset)[0]
    return {
        "dataset": dataset,
        "method": method,
        "implementation": implementation_of(config, method),
        "seed": seed,
        "prepared": f"{PurePath(config['data']['prepared']).as_posix()}/{dataset}/{seed}.npz",
        "raw_dir": raw_place(config, dataset),
        "settings": job_settings(config, dataset, method),
        "hyperparameters": hyperparameters(config, dataset, method),
    }


def styles(config: Mapping) -> dict[str, Any]:
    """How methods and datasets are shown: what figures and tables take from cards."""
    methods = {
        name: cards("methods")[implementation_of(config, name)] for name in config["methods"]
    }
    return {
        "methods": {name: [card["short"], card.get("look")] for name, card in methods.items()},
        "datasets": {name: cards("data").get(name, {}).get("title") for name in config["datasets"]},
    }


def as_json(value: Any) -> str:
    """JSON whose keys are in order: equal values give equal text."""
    return json.dumps(value, sort_keys=True)
