"""Load the configuration and refuse a wrong one before any job starts.

The schema (`cgt.study.schema`) says what each key may be by itself; this module says where two keys
contradict each other; `cgt.study.mistakes` puts what the schema finds into sentences.
"""

import copy
import functools
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cgt.records.cards import card_of, cards
from cgt.records.settings import contradictions, defaults, json_schema
from cgt.study.design import Range
from cgt.study.mistakes import VALIDATOR, explain, nearest, not_single, what_is_allowed
from cgt.study.schema import (
    EPOCHS,
    LABEL_SMOOTHING,
    datasets_of,
    implementation_of,
    kind_of,
    load_schema,
)
from cgt.study.space import SHARED, as_choices, space_of
from cgt.study.yaml_files import read_yaml

_NAME = re.compile("[a-z][a-z0-9_]*")


class ConfigError(ValueError):
    """The configuration is wrong; the message lists every problem, one per line."""


def merge(base: Mapping, overlay: Mapping) -> dict:
    """Return `base` with `overlay` on top: mappings merge key by key, anything else is replaced.

    `null` removes a mapping or a list; see `without_removed`.
    """
    merged = copy.deepcopy(dict(base))
    for key, value in overlay.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def load_config(*paths: str | Path) -> dict:
    """Read YAML files and merge them, later ones on top.

    Raises ValueError naming the file and the line of what is not YAML, or stands there twice.
    """
    return without_removed(functools.reduce(merge, map(read_yaml, paths), {}))


def without_removed(config: Mapping) -> dict:
    """The configuration without what an overlay has set to `null`: entries, blocks, settings.

    `limit: null` is a value: no limit.
    """
    return {
        key: without_removed(value) if isinstance(value, Mapping) else value
        for key, value in config.items()
        if value is not None or key == "limit"
    }


def known_defaults(config: Mapping) -> dict[str, dict[str, Any]]:
    """Defaults of the hyperparameters of every method, from the cards, by name of the method."""
    names = {*cards("methods"), *config["methods"], *config.get("ablation", {}).get("methods", {})}
    return {
        name: defaults(cards("methods")[implementation])
        for name in names
        if (implementation := implementation_of(config, name)) in cards("methods")
    }


def check_config(config: Mapping, schema_path: str | Path) -> None:
    """Raise `ConfigError` naming each wrong key, its value, what is allowed and a near match.

    schema_path: of the fixed part of the schema; see `cgt.study.schema`.
    """
    errors = VALIDATOR(load_schema(schema_path, config)).iter_errors(config)
    in_order = sorted(errors, key=lambda error: list(map(str, error.path)))
    problems = [line for error in in_order for line in explain(error)]
    problems = [*dict.fromkeys(problems), *not_single(config)]
    # Across keys only when each key is right by itself: otherwise one mistake is told twice.
    problems = problems or [*_contradictions(config), *_wrong_studies(config)]
    if problems:
        raise ConfigError("\n".join(["the configuration is wrong:", *problems]))


def check_places(config: Mapping, published: str | Path) -> None:
    """Raise `ConfigError` if what jobs write would lie in the folder of the published results.

    Snakemake deletes what a failed job had to write: there that would be what others cite.
    """
    places = {"results": config["results"], "data.prepared": config["data"]["prepared"]}
    home = Path(published).resolve()
    problems = [
        f"  {key}: {place!r} lies in {published}, where jobs must not write, since a failed job's "
        f"outputs are deleted; name another folder, such as results, and publish with make publish"
        for key, place in places.items()
        if Path(place).resolve().is_relative_to(home)
    ]
    if problems:
        raise ConfigError("\n".join(["the configuration is wrong:", *problems]))


def seeds_of(config: Mapping, dataset: str) -> list[int]:
    """The seeds that a dataset runs at: those of all datasets, or its own."""
    seeds = config["seeds"]
    return seeds[dataset] if isinstance(seeds, Mapping) else seeds


def _contradictions(config: Mapping) -> Iterable[str]:
    yield from _wrong_names(config)
    if isinstance(config["seeds"], Mapping):
        missing = [
            f"  seeds.{name}: missing" for name in config["datasets"] if name not in config["seeds"]
        ]
        if missing:
            yield from missing
            return
    unbuilt = list(_wrong_networks(config))
    yield from unbuilt
    if unbuilt:  # how many exits there are is not known
        return
    yield from _wrong_seeds(config)
    shown = config["pictures"]
    if shown["method"] not in (allowed := list(config["methods"])):
        yield (
            f"  pictures.method: {shown['method']!r} is not allowed; "
            f"it must be one of methods: {', '.join(allowed)}"
        )
    for method, entry in config["methods"].items():
        for dataset in config["datasets"]:
            if dataset not in entry:
                yield f"  methods.{method}.{dataset}: missing"
                continue
            yield from hyperparameter_problems(
                f"methods.{method}.{dataset}",
                implementation_of(config, method),
                entry[dataset],
                exits_of(config, dataset),
            )
    yield from _too_short(config)
    yield from _wrong_search(config)


def exits_of(config: Mapping, dataset: str) -> int:
    """Number of exits of a dataset's network."""
    settings = config["datasets"][dataset]
    return settings.get("exits", card_of("networks", settings["network"])["default_exits"])


def hyperparameter_problems(
    where: str, implementation: str, settings: Mapping, exits: int
) -> Iterable[str]:
    """Problems of a method's settings that no key has by itself."""
    for key, problem in contradictions(cards("methods")[implementation], settings, exits):
        yield f"  {where}.{key}: {settings[key]} is not allowed; {problem}"


def _wrong_names(config: Mapping) -> Iterable[str]:
    """Names stand in paths and rules: of methods, of datasets, of methods trained elsewhere."""
    known = [*cards("methods"), *config["methods"]]
    rule = "it must be a name of a-z, 0-9 and _ that starts with a letter"
    for key in ("methods", "datasets"):
        for name in config[key]:
            if not _NAME.fullmatch(str(name)):
                yield f"  {key}.{name}: {name!r} is not allowed; {rule}"
    for name in config.get("external", []):
        if name in known or not _NAME.fullmatch(name):
            yield (
                f"  external: {name!r} is not allowed; {rule} and is none of our methods: "
                f"{', '.join(dict.fromkeys(known))}"
            )


def _wrong_networks(config: Mapping) -> Iterable[str]:
    """A network must take the dataset's kind of input and have so many exits."""
    known = cards("networks")
    for dataset, settings in config["datasets"].items():
        where, name = f"  datasets.{dataset}", settings["network"]
        kind = kind_of(config, dataset)
        fitting = [other for other, card in known.items() if card["inputs"] == kind]
        if name not in fitting:
            yield (
                f"{where}.network: {name!r} is not allowed; a dataset of kind {kind} takes: "
                f"{', '.join(fitting)}{nearest(name, fitting)}"
            )
        elif (exits := exits_of(config, dataset)) not in (allowed := known[name]["exits"]):
            yield (
                f"{where}.exits: {exits} is not allowed; the network {name} can have "
                f"{', '.join(map(str, allowed))}"
            )


def _wrong_seeds(config: Mapping) -> Iterable[str]:
    for dataset, shortened in config["tuning"]["datasets"].items():
        taken = seeds_of(config, dataset) if dataset in config["datasets"] else []
        for seed in sorted(set(shortened["seeds"]) & set(taken)):
            yield (
                f"  tuning.datasets.{dataset}.seeds: {seed} is not allowed; "
                f"it must not be one of the dataset's seeds: {', '.join(map(str, taken))}"
            )
    shown = config["pictures"]["seed"]
    for dataset in config["datasets"]:
        if shown not in (allowed := seeds_of(config, dataset)):
            yield (
                f"  pictures.seed: {shown!r} is not allowed; "
                f"it must be one of the seeds of {dataset}: {', '.join(map(str, allowed))}"
            )


def _too_short(config: Mapping) -> Iterable[str]:
    """Every phase of a method needs an epoch."""
    for name, datasets in (
        ("datasets", config["datasets"]),
        ("tuning.datasets", config["tuning"]["datasets"]),
    ):
        for dataset in datasets:
            if dataset not in config["datasets"]:
                continue
            for method in config["methods"]:
                epochs = datasets[dataset]["epochs"]
                where = f"{name}.{dataset}"
                own = config["methods"][method].get(dataset, {})
                if name == "datasets" and EPOCHS in own:
                    epochs, where = own[EPOCHS], f"methods.{method}.{dataset}"
                phases = cards("methods")[implementation_of(config, method)]["phases"]
                phases = exits_of(config, dataset) if phases == "exits" else phases
                if epochs < phases:
                    yield (
                        f"  {where}.epochs: {epochs} is not allowed; "
                        f"{method} needs {phases}, one for each phase"
                    )


def _wrong_search(config: Mapping) -> Iterable[str]:
    """A range must rise; an entry's space must have as many points as there are trials."""
    tuning = config["tuning"]
    for name in SHARED:
        try:
            as_choices(tuning["space"][name])
        except ValueError as error:
            yield f"  tuning.space.{name}: {tuning['space'][name]} is not allowed: {error}"
            return
    for key in ("only", "like"):
        for entry in tuning.get(key, {}):
            if entry not in config["methods"]:
                yield (
                    f"  tuning.{key}.{entry}: not allowed; there is no methods.{entry}"
                    f"{nearest(entry, config['methods'])}"
                )
    for entry, other in tuning.get("like", {}).items():
        if other in tuning["like"]:
            yield (
                f"  tuning.like.{entry}: {other!r} is not allowed; it is not searched itself, and "
                f"has the values of {tuning['like'][other]}"
            )
    for dataset, other in tuning.get("taken_from", {}).items():
        if dataset in tuning["datasets"] or other not in tuning["datasets"]:
            yield (
                f"  tuning.taken_from.{dataset}: {other!r} is not allowed; a dataset that is not "
                f"in tuning.datasets takes the values of one that is: "
                f"{', '.join(tuning['datasets'])}"
            )
    for method in config["methods"]:
        lists = [one for one in space_of(config, method).values() if not isinstance(one, Range)]
        points = math.prod(map(len, lists))
        for dataset, shortened in tuning["datasets"].items():
            if len(lists) == len(space_of(config, method)) and points < shortened["trials"]:
                yield (
                    f"  tuning.datasets.{dataset}.trials: {shortened['trials']} is not allowed; "
                    f"the search space of {method} has only {points} points"
                )


def _wrong_studies(config: Mapping) -> Iterable[str]:
    """What the studies name must be there: datasets with seeds, methods, and keys of these."""
    ablation = config.get("ablation", {"seeds": {}, "studies": []})
    extra = ablation.get("methods", {})
    known = [*config["methods"], *extra]
    for method in sorted(set(extra) & set(config["methods"])):
        yield f"  ablation.methods.{method}: not allowed; methods.{method} is what is varied"
    for number, study in enumerate(ablation["studies"]):
        where = f"ablation.studies.{number}"
        named = {
            "datasets": (study["datasets"], list(ablation["seeds"]), "ablation.seeds"),
            "methods": (study["methods"], known, "methods"),
        }
        for key, (names, allowed, of) in named.items():
            for name in set(names) - set(allowed):
                yield (
                    f"  {where}.{key}: {name!r} is not allowed{nearest(name, allowed)}; "
                    f"it must be one of {of}: {', '.join(allowed)}"
                )
        for method in [name for name in study["methods"] if name in known]:
            yield from _wrong_keys(where, study, method, implementation_of(config, method))
            has = datasets_of({**config["methods"], **extra}[method])
            for dataset in [name for name in study["datasets"] if name in config["datasets"]]:
                if dataset not in has:
                    yield f"  ablation.methods.{method}.{dataset}: missing"


def _wrong_keys(where: str, study: Mapping, method: str, implementation: str) -> Iterable[str]:
    """Values of a study, checked by the card of one of its methods."""
    settings = cards("methods")[implementation].get("settings", {})
    for part in ("given", "vary"):
        for key, value in study.get(part, {}).items():
            if key == LABEL_SMOOTHING and part == "vary":
                continue
            if key not in settings:
                yield f"  {where}.{part}.{key}: {method} has no such key"
                continue
            for one in value if part == "vary" else [value]:
                for error in VALIDATOR(json_schema(settings[key])).iter_errors(one):
                    rule = what_is_allowed(error)
                    yield f"  {where}.{part}.{key}: {one!r} is not allowed; {rule}"
