"""Settings as cards describe them: what a value may be, and what a named shape stands for.

A setting of a card is a JSON schema of its value (`type`, `minimum`, `enum`, ...) with, besides,

- `default`: what the class takes if nothing is said;
- `meaning`: one sentence;
- `per_exit`: the schema of one number, where the setting has one for each exit; see
  :func:`per_exit`. With `early: True` the last exit has none;
- `not_falling: True`: numbers per exit must not fall from exit to exit;
- `optional: True`: of a dataset, a configuration may leave it out;
- `needs`: values of other settings without which this one must be off.
"""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

PerExit = float | Sequence[float] | str
"""One number for all exits, a list with one for each, or the name of a shape."""

SHAPES = ("equal", "rising", "falling")
_OURS = ("default", "meaning", "per_exit", "early", "not_falling", "needs", "optional")


def per_exit(name: str, value: PerExit, count: int) -> list[float]:
    """One number for each of `count` exits, shallow to deep.

    A list is taken as it is, one number is taken for all. `equal` is 1 for all, `rising` is 1/n,
    2/n, ..., 1 and `falling` the same from the other end.

    Raises:
        ValueError: naming the setting, what came and what is allowed.
    """
    if isinstance(value, str):
        if value not in SHAPES:
            raise ValueError(f"{name} is {value!r}; allowed are {_allowed(count)}")
        if value == "equal":
            return [1.0] * count
        rising = [(number + 1) / count for number in range(count)]
        return rising if value == "rising" else rising[::-1]
    if isinstance(value, Real) and not isinstance(value, bool):
        return [float(value)] * count
    if not isinstance(value, Sequence) or len(value) != count:
        raise ValueError(f"{name} is {value!r}; allowed are {_allowed(count)}")
    return [float(number) for number in value]


def early_shares(name: str, value: PerExit, exits: int) -> list[float]:
    """As :func:`per_exit` for the exits before the last; shapes are those of all exits.

    So `rising` is 1/E, 2/E, ... and leaves 1 to the last exit.
    """
    if isinstance(value, str):
        return per_exit(name, value, exits)[:-1]
    return per_exit(name, value, exits - 1)


def json_schema(setting: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of a setting; numbers per exit are checked by the keyword `perExit`."""
    schema = {key: value for key, value in setting.items() if key not in _OURS}
    if "per_exit" in setting:
        schema["perExit"] = setting["per_exit"]
    return schema


def defaults(card: Mapping[str, Any]) -> dict[str, Any]:
    """Default of every setting of a card."""
    return {name: setting["default"] for name, setting in card.get("settings", {}).items()}


def contradictions(
    card: Mapping[str, Any], settings: Mapping[str, Any], exits: int
) -> list[tuple[str, str]]:
    """What is wrong with a method's settings that no value shows by itself.

    Args:
        card: of the method.
        settings: some of its settings, each valid by itself; the others are at their default.
        exits: of the network.

    Returns:
        Pairs of a setting's name and a sentence that says what is allowed.
    """
    problems = []
    described = card.get("settings", {})
    full = {**defaults(card), **settings}
    for name in settings:
        setting, value = described.get(name, {}), settings[name]
        if "per_exit" in setting:
            problems += [(name, text) for text in _unfit(name, setting, value, exits)]
        for other, wanted in setting.get("needs", {}).items():
            if value and full[other] != wanted:
                problems.append((name, f"it needs {other}: {str(wanted).lower()}"))
    return problems


def _unfit(name: str, setting: Mapping[str, Any], value: PerExit, exits: int) -> list[str]:
    early = setting.get("early", False)
    try:
        values = (early_shares if early else per_exit)(name, value, exits)
    except ValueError:
        return [f"a network of {exits} exits needs {_allowed(exits - early)}"]
    problems = []
    if values and not any(values):
        problems.append("one number must be above 0")
    if setting.get("not_falling") and sorted(values) != values:
        problems.append("it must not fall from exit to exit")
    return problems


def _allowed(count: int) -> str:
    return f"a list of {count} numbers, one number, or one of {', '.join(SHAPES)}"
