"""What a schema finds wrong with a configuration, each mistake in one sentence.

Beyond JSON schema: numbers per exit, choices of a search, values of exactly their type, and numbers
that single precision cannot hold.
"""

import difflib
import math
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jsonschema

from cgt.records.settings import SHAPES
from cgt.study.schema import closed

SMALLEST, LARGEST = 2.0**-126, (2 - 2.0**-23) * 2.0**127
"""Sizes of the smallest normal and the largest number in single precision."""
LONGEST_SHOWN = 120
"""Characters of a value that a message shows."""
LARGEST_WHOLE = 2**32 - 1
"""Of seeds, and far above any number of epochs or samples."""


# JSON schema lets 3.0 be an integer; as a seed or a number of epochs it breaks the jobs.
def _per_exit(
    validator: Any, number: Mapping, value: Any, schema: Mapping
) -> Iterable[jsonschema.ValidationError]:
    """One number, a list of numbers, or the name of a shape; how many fit is asked elsewhere."""
    if isinstance(value, str):
        if value not in SHAPES:
            yield jsonschema.ValidationError(f"{value!r} is no shape")
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from validator.descend(part, {"type": "number", **number}, path=position)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        yield jsonschema.ValidationError(f"{value!r} is no number")
    else:
        yield from validator.descend(value, {"type": "number", **number})


def _choices(
    validator: Any, one: Mapping, value: Any, schema: Mapping
) -> Iterable[jsonschema.ValidationError]:
    """What a search tries: a list of different values, or a range `{low, high, log}`."""
    if isinstance(value, Mapping):
        bounds = {"low": one, "high": one, "log": {"type": "boolean"}}
        yield from validator.descend(value, closed(bounds, required=["low", "high"]))
    else:
        many = {"type": "array", "minItems": 1, "uniqueItems": True, "items": one}
        yield from validator.descend(value, many)


def _same_type_enum(
    validator: Any, allowed: Sequence, value: Any, schema: Mapping
) -> Iterable[jsonschema.ValidationError]:
    """One of the values, of its type: 5.0 and true equal 5 and 1 in Python, not in a command."""
    if not any(type(value) is type(one) and value == one for one in allowed):
        yield jsonschema.ValidationError(f"{value!r} is none of these")


VALIDATOR = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    {"perExit": _per_exit, "choices": _choices, "enum": _same_type_enum},
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


RENAMED = {
    "labels": "use_labels",
    "clean_gate": "gate_on_unaugmented",
    "pull": "gradient_scale",
}
"""Keys that had another name once."""


def nearest(word: Any, allowed: Iterable[Any]) -> str:
    """Return ` (did you mean 'x'?)` for the closest allowed word, or nothing."""
    close = difflib.get_close_matches(str(word), list(map(str, allowed)), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def explain(error: jsonschema.ValidationError) -> Iterable[str]:
    """Lines of a message: which key, its value, what is allowed and a near match."""
    path = [_printable(part) for part in error.absolute_path]
    where, limit = ".".join(path), error.validator_value
    if error.validator == "additionalProperties":
        allowed = list(error.schema["properties"])
        for key in sorted({_printable(key) for key in error.instance} - set(allowed)):
            if RENAMED.get(key) in allowed:
                yield f"  {'.'.join([*path, key])}: this key is called {RENAMED[key]} now"
                continue
            if path == ["datasets"]:
                yield (
                    f"  datasets.{key}: there is no such dataset{nearest(key, allowed)}; allowed: "
                    f"{', '.join(allowed)}, or one of your own, which needs kind and path"
                )
                continue
            if path[-1:] == ["methods"]:
                yield (
                    f"  {'.'.join([*path, key])}: unknown key{nearest(key, allowed)}; allowed: "
                    f"{', '.join(allowed)}, or a name of your own with `method:`, one of these"
                )
                continue
            yield (
                f"  {'.'.join([*path, key])}: unknown key{nearest(key, allowed)} with the value "
                f"{_value_of(key, error.instance)}; allowed: {', '.join(allowed) or 'none'}"
            )
    elif error.validator == "required":
        for key in limit:
            if key not in error.instance:
                yield f"  {'.'.join([*path, key])}: missing"
    else:
        yield f"  {where}: {_shown(error.instance)} is not allowed; {what_is_allowed(error)}"


def _printable(key: Any) -> str:
    """A key as it is told: one line, whatever it holds."""
    text = str(key)
    return text if text.isprintable() and len(text) <= LONGEST_SHOWN else _shown(text)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _value_of(key: str, mapping: Mapping) -> str:
    return next(reprlib.repr(value) for name, value in mapping.items() if _printable(name) == key)


def not_single(value: Any, path: tuple[str, ...] = ()) -> Iterable[str]:
    """Numbers that no network can compute with, whatever the schema says.

    JSON schema compares with NaN and infinity, which YAML knows, and finds nothing wrong; 1e308 is
    infinity and 1e-320 is 0 in single precision.
    """
    if isinstance(value, float) and not math.isfinite(value):
        yield f"  {'.'.join(path)}: {value!r} is not allowed; it must be a finite number"
    elif isinstance(value, float) and value and not SMALLEST <= abs(value) <= LARGEST:
        yield (
            f"  {'.'.join(path)}: {value!r} is not allowed; it must be 0 or of a size between "
            f"{SMALLEST:.3g} and {LARGEST:.3g}, as numbers in single precision are"
        )
    elif isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        yield (
            f"  {'.'.join(path)}: {reprlib.repr(value)} is not allowed; a whole number must be at "
            f"most {LARGEST_WHOLE}"
        )
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from not_single(inner, (*path, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, inner in enumerate(value):
            yield from not_single(inner, (*path, str(number)))


def what_is_allowed(error: jsonschema.ValidationError) -> str:
    """The rule that a value breaks, in words."""
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
        case "perExit" | "anyOf":
            return f"allowed: a number, a list of one for each exit, or {', '.join(SHAPES)}"
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
