"""A configuration damaged at random, or made to attack: refused by name, or valid."""

import copy
import functools
import operator
import random
from pathlib import Path

import pytest

from cgt.study.config import ConfigError, check_config, load_config

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
CONFIG = load_config(ROOT / "config/config.yaml")
ATTACKS = ('"; touch x"', "'; touch x; '", "$(touch x)", "`touch x`", "x\n", "{x}", "-x")
WRONG = (None, [], {}, "", "x", -1, 1e9, 1.5, float("nan"), float("inf"), True, [[1]], {"a": 1})


def places(value, path=()):
    """Paths to all values of a configuration, inner ones included."""
    if path:
        yield path
    children = value.items() if isinstance(value, dict) else ()
    children = enumerate(value) if isinstance(value, list) else children
    for key, child in children:
        yield from places(child, (*path, key))


def at(config, path):
    return functools.reduce(operator.getitem, path, config)


def changed(path, value):
    """A copy of the configuration with another value at `path`."""
    config = copy.deepcopy(CONFIG)
    at(config, path[:-1])[path[-1]] = value
    return config


PLACES = list(places(CONFIG))
TEXTS = [path for path in PLACES if isinstance(at(CONFIG, path), str)]
CASES = 250


def test_a_text_that_a_shell_would_run_is_refused_wherever_it_stands():
    assert len(TEXTS) > 5
    for number, path in enumerate(TEXTS):
        attack = ATTACKS[number % len(ATTACKS)]
        with pytest.raises(ConfigError) as error:
            check_config(changed(path, attack), SCHEMA)
        assert repr(attack) in str(error.value)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("path", [("results",), ("data", "raw"), ("pictures", "method")])
def test_no_attack_gets_into_a_command(path, attack):
    with pytest.raises(ConfigError, match=rf"{'.'.join(path)}: .*is not allowed"):
        check_config(changed(path, attack), SCHEMA)


def test_random_damage_is_refused_by_name():
    refused = 0
    for number in range(CASES):
        chance = random.Random(number)
        path, value = chance.choice(PLACES), chance.choice(WRONG)
        try:
            check_config(changed(path, value), SCHEMA)
        except ConfigError as error:
            refused += 1
            said = str(error)
            # The key itself, or one that no longer fits to it.
            named = ".".join(map(str, path)) in said or path[0] in said or path[-1] in said
            assert named, (path, value, said)
            assert "allowed" in said or "missing" in said or "no such key" in said
    assert refused > CASES / 2
