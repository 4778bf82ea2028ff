"""The schema of a configuration: the fixed part, and what the cards add to it.

Methods, networks and datasets are files with cards; a configuration may also name datasets of its
own, as an `.npz` of a kind. So the schema depends on the configuration that it is for.
"""

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from cgt.records.cards import cards
from cgt.records.settings import json_schema

KINDS = "data/kinds"
"""Where the cards of the kinds of a configuration's own datasets are."""
LABEL_SMOOTHING = "label_smoothing"
"""The dataset's, unless a method's settings on it say another; studies may vary it."""
EPOCHS = "epochs"
"""The dataset's, unless a method's settings on it say another: for equal time, not equal epochs."""
OF_THE_LOOP = ("lr", LABEL_SMOOTHING, EPOCHS)
"""Those of a method's settings on a dataset that the training loop takes, not the method."""
ENTRY = "method"
"""Key of an entry of `methods` that says which file trains it, if it has another name."""


def load_schema(path: str | Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema for a configuration.

    Args:
        path: of the fixed part, `config.schema.yaml`.
        config: merged, not yet checked.
    """
    schema = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    properties, definitions = schema["properties"], schema["$defs"]
    datasets = _datasets(definitions["dataset"], config)
    properties["datasets"]["properties"] = datasets
    for of in (definitions["seeds_by_dataset"], properties["tuning"]["properties"]["datasets"]):
        what = "seeds" if of is definitions["seeds_by_dataset"] else "shortened"
        of["properties"] = {name: {"$ref": f"#/$defs/{what}"} for name in datasets}
    ablation = properties["ablation"]["properties"]
    ablation["epochs"]["properties"] = {name: {"$ref": "#/$defs/epochs"} for name in datasets}
    study = ablation["studies"]["items"]["properties"]
    study["vary"]["properties"][LABEL_SMOOTHING] = _choices({"$ref": f"#/$defs/{LABEL_SMOOTHING}"})
    tuning = properties["tuning"]["properties"]
    tuning["taken_from"]["properties"] = {name: {"enum": list(datasets)} for name in datasets}
    entries = _entries(config)
    like = tuning["like"]["properties"]
    for name, implementation in entries.items():
        own = _own(implementation)
        shared = {key: {"$ref": f"#/$defs/{key}"} for key in OF_THE_LOOP}
        settings = {"lr": shared.pop("lr"), **own, **shared}
        entry = {dataset: closed(settings, required=["lr"]) for dataset in datasets}
        entry[ENTRY] = {"enum": list(cards("methods"))}
        properties["methods"]["properties"][name] = closed(entry)
        searched = [
            "lr",
            LABEL_SMOOTHING,
            *cards("methods").get(implementation, {}).get("space", {}),
        ]
        like[name] = {"enum": list(config.get("methods") or {})}
        tuning["only"]["properties"][name] = _choices({"enum": searched})
        # Which of them a study's own method has is asked of each method: see `cgt.study.config`.
        study["vary"]["properties"] |= {key: _choices(_any(entries, key)) for key in own}
        study["given"]["properties"] |= {key: _any(entries, key) for key in own}
    ablation["methods"]["properties"] = properties["methods"]["properties"]
    return schema


def implementation_of(config: Mapping[str, Any], method: str) -> str:
    """The file that trains a method of a configuration: its `method:`, or its own name."""
    for methods in (config.get("methods", {}), config.get("ablation", {}).get("methods", {})):
        entry = methods.get(method)
        if isinstance(entry, Mapping):
            return str(entry.get(ENTRY, method))
    return method


def datasets_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an entry of `methods`, by dataset."""
    return {name: settings for name, settings in entry.items() if name != ENTRY}


def kind_of(config: Mapping[str, Any], dataset: str) -> str:
    """The kind of a dataset: what its card says, or the configuration."""
    return card_of_dataset(config, dataset)["kind"]


def card_of_dataset(config: Mapping[str, Any], dataset: str) -> Mapping[str, Any]:
    """A dataset's own card, or that of its kind."""
    known = cards("data")
    return known.get(dataset) or cards(KINDS)[config["datasets"][dataset]["kind"]]


def closed(properties: Mapping[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(properties),
        "required": list(required),
    }


def _datasets(common: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Every coded dataset, and those of the configuration that say of which kind they are."""
    schemas = {name: _coded(common, card) for name, card in cards("data").items()}
    given = config.get("datasets", {})
    for name, settings in given.items() if isinstance(given, Mapping) else ():
        if name not in schemas and isinstance(settings, Mapping) and "kind" in settings:
            card = cards(KINDS).get(settings["kind"], {})
            schema = schemas[name] = _with_settings(common, card, required=("kind", "path"))
            schema["properties"] |= {
                "kind": {"enum": list(cards(KINDS))},
                "path": {"$ref": "#/$defs/folder"},
            }
    return schemas


def _coded(common: Mapping[str, Any], card: Mapping[str, Any]) -> dict[str, Any]:
    settings = card["settings"].items()
    required = [name for name, setting in settings if not setting.get("optional")]
    return _with_settings(common, card, required)


def _with_settings(
    common: Mapping[str, Any], card: Mapping[str, Any], required: Iterable[str]
) -> dict[str, Any]:
    schema = copy.deepcopy(dict(common))
    own = {key: json_schema(of) for key, of in card.get("settings", {}).items()}
    schema["properties"] |= own
    schema["required"] = [*schema["required"], *required]
    return schema


def _entries(config: Mapping[str, Any]) -> dict[str, str]:
    """Every method by name, with the file that trains it: the files, and entries of other names."""
    entries = {name: name for name in cards("methods")}
    for methods in (config.get("methods"), _inner(config, "ablation", "methods")):
        for name, entry in methods.items() if isinstance(methods, Mapping) else ():
            wanted = entry.get(ENTRY) if isinstance(entry, Mapping) else None
            if isinstance(wanted, str):
                entries[str(name)] = wanted
    return entries


def _inner(config: Mapping[str, Any], *keys: str) -> Any:
    value: Any = config
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _own(implementation: str) -> dict[str, Any]:
    card = cards("methods").get(implementation, {})
    return {key: json_schema(of) for key, of in card.get("settings", {}).items()}


def _any(entries: Mapping[str, str], key: str) -> dict[str, Any]:
    """What any of the methods allows for a key."""
    found: list[dict[str, Any]] = []
    for implementation in dict.fromkeys(entries.values()):
        schema = _own(implementation).get(key)
        if schema is not None and schema not in found:
            found.append(schema)
    return found[0] if len(found) == 1 else {"anyOf": found}


def _choices(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "uniqueItems": True, "items": schema}
