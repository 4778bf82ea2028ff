"""`network.json`: what a device must know of an exported network, and that it is what was exported.

Nothing in the file is trusted: every key is checked, files are named plainly and lie in the folder,
each has its SHA-256, and so has the description itself. The digests find accidents, not attackers,
who can write digests as well; against these stand the checks of names, types and ranges.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from cgt.records.files import json_text

DESCRIPTION = "network.json"
FORMAT = 3
INPUT_TYPES = (
    *("float16", "float32", "float64", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
)
"""What a network's input can be, in numpy's words."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LONGEST = 2**31  # of any axis
_SHOWN = 60  # characters of a value that a message repeats


def seal(description: Mapping[str, Any]) -> dict[str, Any]:
    """The description with its own `digest`, which an edit by hand makes invalid."""
    return {**description, "digest": _digest_of(description)}


def read_description(folder: Path) -> dict[str, Any]:
    """The checked content of `folder/network.json`.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: naming the file and the key, for anything but what :func:`seal` was given.
    """
    path = folder / DESCRIPTION
    check_inside(path, folder)
    try:
        found = json.loads(path.read_bytes().decode("utf-8"), parse_constant=_no_number)
        check_description(found)
        digest = _digest_of(found)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}: export the network again") from error
    if found["digest"] != digest:
        raise ValueError(
            f"{path}: digest is not that of its content: it was changed after the export; export "
            f"the network again, or give `infer` the threshold"
        )
    return found


def check_description(found: Any) -> None:
    """Raise ValueError naming the key unless all keys are there and mean something."""
    if not isinstance(found, dict):
        _refuse("the whole", found, "an object is needed")
    if found.get("format") != FORMAT or type(found["format"]) is not int:
        raise ValueError(
            f"format is {_shown(found.get('format'))}; this version of cgt reads {FORMAT}"
        )
    for name, (is_right, allowed) in _KEYS.items():
        if name not in found:
            raise ValueError(f"{name} is missing; {allowed}")
        if not is_right(found[name]):
            _refuse(name, found[name], allowed)
    early = len(found["stages"]) - 1
    _check_thresholds(found["threshold"], early, "threshold")
    for point, threshold in found["points"].items():
        _check_thresholds(threshold, early, f"points: {point!r}")
    names = [*found["stages"], found["single_file"]]
    if len(set(names)) != len(names):
        _refuse("stages", names, "each file, single_file too, must be named once")
    if set(found["files"]) != set(names):
        _refuse("files", list(found["files"]), f"the SHA-256 of {', '.join(names)} is needed")
    _check_scaling(found["scaling"], found["input_shape"][0])


def read_checked(path: Path, digest: str) -> bytes:
    """The content of one of the network's files.

    Raises ValueError naming the file if it is missing, lies elsewhere, or is another.
    """
    check_inside(path, path.parent)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{path}: {DESCRIPTION} names it, but it cannot be read ({error.strerror}): export the "
            f"network again"
        ) from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(
            f"{path}: its SHA-256 is not the one in {DESCRIPTION}: it is damaged or another "
            f"network's; export the network again"
        )
    return content


def check_inside(path: Path, folder: Path) -> None:
    """Raise ValueError if `path` is a link that leads out of `folder`."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{path}: a link out of its folder; the file itself must lie there")


def _digest_of(description: Mapping[str, Any]) -> str:
    content = {name: value for name, value in description.items() if name != "digest"}
    # Escapes keep half of a surrogate pair, which JSON allows, from being no UTF-8.
    return hashlib.sha256(json_text(content).encode("utf-8", "surrogatepass")).hexdigest()


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and (type(value) is int or math.isfinite(value))


def _is_count(value: Any) -> bool:
    return type(value) is int and 1 <= value < _LONGEST


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _list_of(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(is_right, value))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _is_threshold(value: Any) -> bool:
    return _is_share(value) or (isinstance(value, list) and all(map(_is_share, value)))


def _is_agreement(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or set(value) != {"samples", "same_exit", "same_prediction"}:
        return False
    return _is_count(value["samples"]) and all(
        _is_share(value[name]) for name in ("same_exit", "same_prediction")
    )


_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "classes": (_list_of(_is_text), "a list of names is needed, one for each class"),
    "input_shape": (_list_of(_is_count), "a list of whole numbers from 1 is needed"),
    "input_dtype": (
        lambda value: isinstance(value, str) and value in INPUT_TYPES,
        f"allowed are {', '.join(INPUT_TYPES)}",
    ),
    "stages": (_list_of(_is_name), "plain names of files in its own folder are needed"),
    "single_file": (_is_name, "the plain name of a file in its own folder is needed"),
    "files": (
        lambda value: isinstance(value, dict) and all(map(_is_digest, value.values())),
        "the SHA-256 of each file is needed, by name",
    ),
    "rule": (_is_text, "the name of the exit rule is needed"),
    "threshold": (_is_threshold, "numbers in [0, 1] are needed"),
    "points": (
        lambda value: isinstance(value, dict) and all(map(_is_threshold, value.values())),
        "thresholds in [0, 1] by name are needed",
    ),
    "scaling": (
        lambda value: value is None or isinstance(value, dict),
        "null, or mean, std and projection are needed",
    ),
    "quantized": (
        _is_agreement,
        "null, or samples, same_exit and same_prediction are needed",
    ),
    "digest": (_is_digest, "the SHA-256 of the other keys is needed"),
}
OWN = ("format", *_KEYS)
"""All keys; what else stands in the file is for people."""


def _check_thresholds(value: Any, early: int, key: str) -> None:
    if isinstance(value, list) and len(value) != early:
        allowed = f"one value, or {early}, one for each exit but the last, are needed"
        _refuse(key, value, allowed)


def _check_scaling(scaling: Any, channels: int) -> None:
    if scaling is None:
        return
    numbers = _list_of(_is_number)
    for name in ("mean", "std"):
        if not numbers(scaling.get(name)):
            allowed = "a number for each raw channel is needed"
            _refuse(f"scaling: {name}", scaling.get(name), allowed)
    if len(scaling["std"]) != len(scaling["mean"]) or min(scaling["std"]) <= 0:
        allowed = "numbers above 0 are needed, as many as in mean"
        _refuse("scaling: std", scaling["std"], allowed)
    if "projection" not in scaling:
        _refuse("scaling", scaling, "projection is missing; null or a matrix is needed")
    rows, raw = scaling["projection"], len(scaling["mean"])
    if rows is None:
        if raw != channels:
            allowed = f"{channels} numbers are needed, as input_shape has channels"
            _refuse("scaling: mean", scaling["mean"], allowed)
    elif not (
        _list_of(numbers)(rows) and len(rows) == raw and all(len(row) == channels for row in rows)
    ):
        allowed = f"null or a matrix of {raw} by {channels} finite numbers is needed"
        _refuse("scaling: projection", rows, allowed)


def _refuse(key: str, found: Any, allowed: str) -> NoReturn:
    raise ValueError(f"{key} is {_shown(found)}; {allowed}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}")
