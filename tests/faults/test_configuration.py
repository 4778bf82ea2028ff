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
# Values that JSON schema takes for right, and a command or single precision does not.
NOT_QUITE = {
    ("datasets", "indian_pines", "patch"): (5.0, 5.5, "5", True),
    ("datasets", "indian_pines", "components"): (30.0, "30", True),
    ("datasets", "fashion_mnist", "epochs"): (3.0, 10**30, "3", True),
    ("datasets", "fashion_mnist", "limit"): (600.0, 2**32, "600"),
    ("methods", "hard_cgt", "fashion_mnist", "normalize"): ("no", 0, 1, 0.0),
    ("methods", "hard_cgt", "fashion_mnist", "leak"): (1e308, "0.1", True, -1e-9),
    ("methods", "hard_cgt", "fashion_mnist", "exit_weights_start"): (1e308, "steep", True, [1, 1]),
    ("methods", "branchynet", "fashion_mnist", "lr"): (1e-310, "1e-3", True, 10**30),
    ("seeds",): ([1.0], [True], [2**32], 1),
}
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


@pytest.mark.parametrize("path", NOT_QUITE, ids=".".join)
def test_values_of_almost_the_right_kind_are_refused(path):
    for value in NOT_QUITE[path]:
        with pytest.raises(ConfigError) as error:
            check_config(changed(path, value), SCHEMA)
        lines = str(error.value).splitlines()[1:]
        assert lines and all(line.startswith(f"  {'.'.join(path)}") for line in lines), value
        assert len(lines) == len(set(lines)), value


def test_a_message_is_one_line_whatever_a_key_holds():
    config = changed(("device",), "x" * 1000)
    config["a\nb"] = config["c" * 1000] = 1
    with pytest.raises(ConfigError) as error:
        check_config(config, SCHEMA)
    lines = str(error.value).splitlines()
    assert len(lines) == 4
    assert max(map(len, lines)) < 500
