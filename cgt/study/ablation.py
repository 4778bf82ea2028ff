"""Studies of the configuration to the runs they need.

A study varies one or two keys of a method; everything else is as tuned, or as the study gives it. A
run is named by what differs from the tuned method, such as `soft_cgt,scale=4,tau=0.7`; the tuned
method itself is `soft_cgt`. So studies that meet in a point share its runs.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cgt.study.config import ConfigError, exits_of, hyperparameter_problems, seeds_of
from cgt.study.schema import LABEL_SMOOTHING, datasets_of, implementation_of


class Variant(NamedTuple):
    """How to train one variant of a method on one dataset."""

    method: str
    label_smoothing: float
    """Of the study, of the method's entry, or of the dataset: the first that says it."""
    hyperparameters: dict[str, Any]
    """All of the method's own that are not at their default, and `lr`."""


class Cell(NamedTuple):
    """One point of a study; a study of one key has no `column`. Values are text.

    It is compared to the tuned method at `seeds`; other studies may have its runs at more.
    """

    dataset: str
    method: str
    row: str
    row_value: str
    column: str
    column_value: str
    variant: str
    seeds: Sequence[int]


class _Point(NamedTuple):
    dataset: str
    method: str
    given: Mapping[str, Any]
    varied: Mapping[str, Any]
    seeds: Sequence[int]


def cells(config: Mapping, defaults: Mapping[str, Mapping[str, Any]]) -> list[Cell]:
    """Every point of every study of `config["ablation"]`, in order.

    defaults: values of hyperparameters that the configuration does not set, by method. A key that
    is in neither counts as changed at every value.
    """
    found = []
    for point in _points(config):
        dataset, method = point.dataset, point.method
        (row, row_value), (column, column_value) = [*point.varied.items(), ("", "")][:2]
        name = _name(method, _changes(config, defaults, point))
        values = (row, text(row_value), column, text(column_value))
        found.append(Cell(dataset, method, *values, name, point.seeds))
    return found


def variants(
    config: Mapping, defaults: Mapping[str, Mapping[str, Any]]
) -> dict[tuple[str, str], Variant]:
    """What to train, by dataset and name; the tuned method of every study comes first.

    Raises ConfigError for a variant that no method could train, or two that would share a name.
    """
    found: dict[tuple[str, str], Variant] = {}
    problems: list[str] = []
    for point, changes in _compared(config, defaults):
        dataset, method = point.dataset, point.method
        own = {**settings_of(config, method)[dataset], **changes}
        smoothing = own.pop(LABEL_SMOOTHING, config["datasets"][dataset][LABEL_SMOOTHING])
        name = _name(method, changes)
        variant = Variant(method, smoothing, own)
        implementation = implementation_of(config, method)
        exits = exits_of(config, dataset)
        problems += hyperparameter_problems(
            f"ablation: {name} on {dataset}", implementation, own, exits
        )
        if found.setdefault((dataset, name), variant) != variant:
            problems.append(
                f"  ablation: two variants on {dataset} would be called {name}; values must differ "
                f"in their first six digits"
            )
    if problems:
        raise ConfigError("\n".join(["the configuration is wrong:", *dict.fromkeys(problems)]))
    return found


def runs(config: Mapping, defaults: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    """Dataset, name and seed of every run, the seeds of a variant side by side."""
    needed: dict[tuple[str, str], set[int]] = {}
    for point, changes in _compared(config, defaults):
        needed.setdefault((point.dataset, _name(point.method, changes)), set()).update(point.seeds)
    return [(*variant, seed) for variant, seeds in needed.items() for seed in sorted(seeds)]


def settings_of(config: Mapping, method: str) -> Mapping[str, Mapping[str, Any]]:
    """What a method starts from, by dataset: as tuned, or as given for the ablation alone."""
    return datasets_of({**config["methods"], **config["ablation"].get("methods", {})}[method])


def text(value: Any) -> str:
    """A value as it stands in names and tables: `0.7`, `true`, `residual`, `1-0.6-0.2`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "-".join(map(text, value))
    return value if isinstance(value, str) else f"{value:g}"


def _compared(config: Mapping, defaults: Mapping) -> Iterator[tuple[_Point, dict[str, Any]]]:
    """What each point changes, after the tuned method that it is compared to."""
    for point in _points(config):
        yield point, {}
        yield point, _changes(config, defaults, point)


def _points(config: Mapping) -> Iterator[_Point]:
    for study in config.get("ablation", {}).get("studies", []):
        vary = study["vary"]
        for dataset, method in itertools.product(study["datasets"], study["methods"]):
            if dataset not in config["datasets"]:  # an overlay has removed it
                continue
            seeds = _seeds(config, study, dataset)
            for values in itertools.product(*vary.values()):
                varied = dict(zip(vary, values, strict=True))
                yield _Point(dataset, method, study.get("given", {}), varied, seeds)


def _seeds(config: Mapping, study: Mapping, dataset: str) -> Sequence[int]:
    if study.get("all_seeds", False):
        return seeds_of(config, dataset)
    return config["ablation"]["seeds"][dataset]


def _changes(config: Mapping, defaults: Mapping, point: _Point) -> dict[str, Any]:
    tuned = {
        **defaults.get(point.method, {}),
        LABEL_SMOOTHING: config["datasets"][point.dataset][LABEL_SMOOTHING],
        **settings_of(config, point.method)[point.dataset],
    }
    asked = {**point.given, **point.varied}
    return {key: value for key, value in asked.items() if key not in tuned or tuned[key] != value}


def _name(method: str, changes: Mapping[str, Any]) -> str:
    return ",".join([method, *(f"{key}={text(changes[key])}" for key in sorted(changes))])
