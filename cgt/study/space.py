"""What a search tries for an entry: learning rate, label smoothing, and settings of its own.

The configuration says the first two, the same for all entries, and a method's card the others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cgt.records.cards import card_of
from cgt.records.settings import defaults
from cgt.study.design import Range, Space
from cgt.study.schema import EPOCHS, LABEL_SMOOTHING, datasets_of, implementation_of

SHARED = ("lr", LABEL_SMOOTHING)
"""Settings that are searched for every entry, unless the configuration says otherwise."""
MOST_OWN = 3
"""Settings of its own that a method may search: more would thin out the same number of trials."""


def space_of(config: Mapping[str, Any], entry: str) -> Space:
    """The space of an entry: all of it, or what `tuning.only` leaves."""
    tuning = config["tuning"]
    full = {**{name: tuning["space"][name] for name in SHARED}, **_own_space(config, entry)}
    searched = tuning.get("only", {}).get(entry, full)
    return {name: as_choices(full[name]) for name in full if name in searched}


def first_of(config: Mapping[str, Any], entry: str) -> dict[str, Any]:
    """The entry's first trial: its method's published default, at the learning rate for all.

    Where the source of a method trains with label smoothing, its card says so.
    """
    card = card_of("methods", implementation_of(config, entry))
    known = {**config["tuning"]["first"], **defaults(card), **card.get("published", {})}
    return {name: known[name] for name in space_of(config, entry)}


def kept_of(config: Mapping[str, Any], dataset: str, entry: str) -> dict[str, Any]:
    """Settings of an entry on a dataset that its search leaves alone."""
    space = space_of(config, entry)
    given = datasets_of(config["methods"][entry])[dataset]
    return {name: value for name, value in given.items() if name not in {*space, EPOCHS}}


def as_choices(described: Mapping[str, Any] | Sequence[Any]) -> Range | Sequence[Any]:
    """A range as configurations and cards write it, `{low, high, log}`, or a list of values."""
    return Range(**described) if isinstance(described, Mapping) else described


def _own_space(config: Mapping[str, Any], entry: str) -> Mapping[str, Any]:
    return card_of("methods", implementation_of(config, entry))["space"]
