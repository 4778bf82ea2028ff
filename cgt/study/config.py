"""Load the configuration and refuse a wrong one before any job starts.

The rules stand in two files: `config.schema.yaml` (JSON schema of everything but the methods) and
`methods.schema.yaml` (one block of hyperparameters per method). `load_schema` joins them.
"""

import copy
import difflib
import functools
import math
import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import yaml

# JSON schema lets 3.0 be an integer; as a seed or a number of epochs it breaks the jobs.
_VALIDATOR = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


PHASES = {"cascade": 3, "classynet": 2}
"""Phases of the methods that train in several, each of at least one epoch."""


class ConfigError(ValueError):
    """The configuration is wrong; the message lists every problem, one per line."""


def merge(base: Mapping, overlay: Mapping) -> dict:
    """Return `base` with `overlay` on top: mappings merge key by key, anything else is replaced."""
    merged = copy.deepcopy(dict(base))
    for key, value in overlay.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def load_config(*paths: str | Path) -> dict:
    """Read YAML files and merge them, later ones on top."""
    layers = (yaml.safe_load(Path(path).read_text(encoding="utf-8")) for path in paths)
    return functools.reduce(merge, layers, {})


def load_schema(folder: str | Path) -> dict:
    """Join the two schema files of `folder` into one JSON schema."""
    folder = Path(folder)
    schema = yaml.safe_load((folder / "config.schema.yaml").read_text(encoding="utf-8"))
    methods = yaml.safe_load((folder / "methods.schema.yaml").read_text(encoding="utf-8"))
    properties = schema["properties"]
    space = properties["tuning"]["properties"]["space"]["properties"]
    ablation = properties["ablation"]["properties"]
    study = ablation["studies"]["items"]["properties"]
    vary, given = study["vary"]["properties"], study["given"]["properties"]
    for method, hyperparameters in methods.items():
        settings = _closed({"lr": {"$ref": "#/$defs/lr"}, **hyperparameters}, required=["lr"])
        per_dataset = dict.fromkeys(properties["datasets"]["properties"], settings)
        properties["methods"]["properties"][method] = _closed(per_dataset)
        choices = {name: _choices(of) for name, of in hyperparameters.items()}
        space[method] = _closed(choices)
        vary.update(choices)
        given.update(hyperparameters)
    ablation["methods"]["properties"] = properties["methods"]["properties"]
    return schema


def known_defaults(schema: Mapping) -> dict[str, dict[str, Any]]:
    """Defaults of hyperparameters that the schema names, by method."""
    return {
        method: {
            name: of["default"]
            for settings in datasets["properties"].values()
            for name, of in settings["properties"].items()
            if "default" in of
        }
        for method, datasets in schema["properties"]["methods"]["properties"].items()
    }


def check_config(config: Mapping, schema: Mapping) -> None:
    """Raise `ConfigError` naming each wrong key, its value, what is allowed and a near match."""
    errors = _VALIDATOR(schema).iter_errors(config)
    in_order = sorted(errors, key=lambda error: list(map(str, error.path)))
    problems = [line for error in in_order for line in _explain(error)]
    problems += _not_finite(config)
    # Across keys only when each key is right by itself: otherwise one mistake is told twice.
    problems = problems or [*_contradictions(config, schema), *_wrong_studies(config, schema)]
    if problems:
        raise ConfigError("\n".join(["the configuration is wrong:", *problems]))


def seeds_of(config: Mapping, dataset: str) -> list[int]:
    """The seeds that a dataset runs at: those of all datasets, or its own."""
    seeds = config["seeds"]
    return seeds[dataset] if isinstance(seeds, Mapping) else seeds


def nearest(word: Any, allowed: Iterable[Any]) -> str:
    """Return ` (did you mean 'x'?)` for the closest allowed word, or nothing."""
    close = difflib.get_close_matches(str(word), list(map(str, allowed)), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _closed(properties: Mapping, required: Iterable[str] = ()) -> dict:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(properties),
        "required": list(required),
    }


def _choices(schema: Mapping) -> dict:
    return {"type": "array", "minItems": 1, "uniqueItems": True, "items": schema}


def _explain(error: jsonschema.ValidationError) -> Iterable[str]:
    path = [str(part) for part in error.absolute_path]
    where, limit = ".".join(path), error.validator_value
    if error.validator == "additionalProperties":
        allowed = list(error.schema["properties"])
        for key in sorted(set(map(str, error.instance)) - set(allowed)):
            yield (
                f"  {'.'.join([*path, key])}: unknown key{nearest(key, allowed)} with the value "
                f"{_value_of(key, error.instance)}; allowed: {', '.join(allowed) or 'none'}"
            )
    elif error.validator == "required":
        for key in limit:
            if key not in error.instance:
                yield f"  {'.'.join([*path, key])}: missing"
    else:
        yield f"  {where}: {error.instance!r} is not allowed; {_allowed(error)}"


def _value_of(key: str, mapping: Mapping) -> str:
    return next(reprlib.repr(value) for name, value in mapping.items() if str(name) == key)


def _not_finite(value: Any, path: tuple[str, ...] = ()) -> Iterable[str]:
    """JSON schema compares with NaN and infinity, which YAML knows, and finds nothing wrong."""
    if isinstance(value, float) and not math.isfinite(value):
        yield f"  {'.'.join(path)}: {value!r} is not allowed; it must be a finite number"
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _not_finite(inner, (*path, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, inner in enumerate(value):
            yield from _not_finite(inner, (*path, str(number)))


def _allowed(error: jsonschema.ValidationError) -> str:
    limit = error.validator_value
    match error.validator:
        case "enum":
            return f"allowed: {', '.join(map(str, limit))}{nearest(error.instance, limit)}"
        case "type":
            types = [limit] if isinstance(limit, str) else limit
            hint = _number_hint(error.instance) if {"number", "integer"} & set(types) else ""
            return f"it must be of type {' or '.join(types)}{hint}"
        case "minimum":
            return f"it must be at least {limit}"
        case "maximum":
            return f"it must be at most {limit}"
        case "exclusiveMinimum":
            return f"it must be greater than {limit}"
        case "exclusiveMaximum":
            return f"it must be less than {limit}"
        case "uniqueItems":
            return "every entry must be different"
        case "minItems" | "minProperties":
            return f"it must have at least {limit} entries"
        case "maxItems" | "maxProperties":
            return f"it must have at most {limit} entries"
        case "pattern":
            return "it must be a path of letters, digits and _ . / - only"
    return error.message


def _number_hint(value: Any) -> str:
    """YAML 1.1 reads 1e-3 as text, and so does a quoted 1: say so, since the value looks right."""
    if not isinstance(value, str):
        return ""
    if value.isdecimal():
        return f"; write {value} without quotes"
    try:
        return f"; write {float(value)!r}"
    except ValueError:
        return ""


def _contradictions(config: Mapping, schema: Mapping) -> Iterable[str]:
    ours = schema["properties"]["methods"]["properties"]
    for name in config.get("external", []):
        if name in ours or not re.fullmatch("[a-z][a-z0-9_]*", name):
            yield (
                f"  external: {name!r} is not allowed; it must be a name of a-z, 0-9 and _ that "
                f"starts with a letter and is none of our methods: {', '.join(ours)}"
            )
    if isinstance(config["seeds"], Mapping):
        missing = [
            f"  seeds.{name}: missing" for name in config["datasets"] if name not in config["seeds"]
        ]
        if missing:
            yield from missing
            return
    tuning, shown = config["tuning"], config["pictures"]
    for dataset, shortened in tuning["datasets"].items():
        taken = seeds_of(config, dataset) if dataset in config["datasets"] else []
        for seed in sorted(set(shortened["seeds"]) & set(taken)):
            yield (
                f"  tuning.datasets.{dataset}.seeds: {seed} is not allowed; "
                f"it must not be one of the dataset's seeds: {', '.join(map(str, taken))}"
            )
    for dataset in config["datasets"]:
        if shown["seed"] not in (allowed := seeds_of(config, dataset)):
            yield (
                f"  pictures.seed: {shown['seed']!r} is not allowed; "
                f"it must be one of the seeds of {dataset}: {', '.join(map(str, allowed))}"
            )
    if shown["method"] not in (allowed := list(config["methods"])):
        yield (
            f"  pictures.method: {shown['method']!r} is not allowed; "
            f"it must be one of methods: {', '.join(allowed)}"
        )
    for dataset in config["datasets"]:
        for method, settings in config["methods"].items():
            if dataset not in settings:
                yield f"  methods.{method}.{dataset}: missing"
    for method, datasets in config["methods"].items():
        for dataset, settings in datasets.items():
            yield from unfit(f"methods.{method}.{dataset}", settings)
    for name, datasets in (
        ("datasets", config["datasets"]),
        ("tuning.datasets", tuning["datasets"]),
    ):
        for dataset, settings in datasets.items():
            yield from _too_short(f"{name}.{dataset}.epochs", settings["epochs"], config["methods"])
    for method in config["methods"]:
        points = len(tuning["space"]["lr"])
        for choices in tuning["space"].get(method, {}).values():
            points *= len(choices)
        for dataset, shortened in tuning["datasets"].items():
            if points < shortened["trials"]:
                yield (
                    f"  tuning.datasets.{dataset}.trials: {shortened['trials']} is not allowed; "
                    f"the search space of {method} has only {points} points"
                )


def unfit(where: str, settings: Mapping) -> Iterable[str]:
    """Problems of a method's settings that no key has by itself."""
    for key, values in settings.items():
        if key.startswith("exit_weights") and not any(values):
            yield f"  {where}.{key}: {values} is not allowed; one weight must be above 0"
    if (shares := settings.get("class_share")) and sorted(shares) != list(shares):
        yield f"  {where}.class_share: {shares} is not allowed; it must not fall"
    if (chance := settings.get("sample_deep", 0)) and settings.get("normalize", True):
        yield f"  {where}.sample_deep: {chance} is not allowed; it needs normalize: false"


def _too_short(where: str, epochs: int, methods: Iterable[str]) -> Iterable[str]:
    for method in methods:
        if epochs < (phases := PHASES.get(method, 1)):
            yield f"  {where}: {epochs} is not allowed; {method} needs {phases}, one for each phase"


def _wrong_studies(config: Mapping, schema: Mapping) -> Iterable[str]:
    """What the studies name must be there: datasets, their seeds, methods, and keys of these."""
    ablation = config.get("ablation", {"seeds": {}, "studies": []})
    methods = schema["properties"]["methods"]["properties"]
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
        for method in set(study["methods"]) & set(known):
            for settings in methods[method]["properties"].values():
                allowed = {"label_smoothing", *settings["properties"]} - {"lr"}
            for part in ("given", "vary"):
                for key in sorted(set(study.get(part, {})) - allowed):
                    yield f"  {where}.{part}.{key}: {method} has no such key"
            for dataset in set(study["datasets"]) - set(extra.get(method, study["datasets"])):
                yield f"  ablation.methods.{method}.{dataset}: missing"
    for key in ("seeds", "epochs"):
        for dataset in sorted(set(ablation.get(key, {})) - set(config["datasets"])):
            yield f"  ablation.{key}.{dataset}: this dataset is not among datasets"
