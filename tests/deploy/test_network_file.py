"""network.json is not trusted: whatever is changed in it, or in the files, is refused by name."""

import hashlib
import json
import math
import os
import shutil

import numpy as np
import pytest
from torch import nn

from cgt import EarlyExitNetwork
from cgt.deploy.export import write_network
from cgt.deploy.runtime import Deployed
from cgt.nn.exits import MAX_SOFTMAX
from cgt.records.files import json_text
from cgt.records.network_file import seal

REMOVED = object()
CHANGES = {
    "removed": REMOVED,
    "null": None,
    "a word": "word",
    "negative": -1,
    "huge": 10**400,
    "large": 1e300,
    "a number": 0.123,
    "true": True,
    "an empty list": [],
    "a list": [1, -2, None, "x"],
    "lists in lists": [[[]]],
    "an object": {"x": {}},
}


@pytest.fixture()
def folder(small_folder, tmp_path):
    return shutil.copytree(small_folder, tmp_path / "net")


def places(value, at=()):
    """Every key and every place in a list."""
    if at:
        yield at
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    if isinstance(value, dict | list):
        for key, inner in steps:
            yield from places(inner, (*at, key)) if isinstance(inner, dict | list) else [(*at, key)]


def changed(description, at, to):
    """A copy with another value at a place; ``None`` where that is the same."""
    copy = json.loads(json.dumps(description))
    *way, last = at
    inner = copy
    for key in way:
        inner = inner[key]
    if to is REMOVED:
        del inner[last]
    elif type(inner[last]) is type(to) and inner[last] == to:
        return None
    else:
        inner[last] = to
    return copy


def refused(folder, text):
    (folder / "network.json").write_text(text)
    with pytest.raises(ValueError) as error:
        Deployed(folder, single_file=False)
    assert type(error.value) is ValueError and "network.json" in str(error.value)
    assert str(error.value).count("\n") == 0
    return str(error.value)


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_at_every_place_is_refused(folder, change):
    description = json.loads((folder / "network.json").read_text())
    everywhere = list(places(description))
    assert len(everywhere) > 40
    for at in everywhere:
        if (copy := changed(description, at, CHANGES[change])) is not None:
            refused(folder, json.dumps(copy))


@pytest.mark.parametrize("change", CHANGES)
def test_with_new_digests_it_is_refused_by_name_or_another_network(folder, change):
    """What has a meaning opens, such as another class's name; nothing else is raised."""
    description = json.loads((folder / "network.json").read_text())
    opened = []
    for at in places(description):
        copy = changed(description, at, CHANGES[change])
        if copy is None or at[0] == "digest":
            continue
        (folder / "network.json").write_text(json_text(seal(copy)))
        try:
            Deployed(folder, single_file=False)
            opened.append(at)
        except ValueError as error:
            assert type(error) is ValueError and str(folder) in str(error)
    free = {"run", "classes", "rule", "threshold", "points", "scaling"}
    assert {at[0] for at in opened} <= free


MEANINGLESS = [
    ("format", 2, "format is 2; this version of cgt reads 3"),
    ("format", True, "format is True"),
    ("classes", [], "classes is"),
    ("classes", ["a", 1, "c"], "classes is"),
    ("classes", ["a"], "classes 3, where network.json says 1"),
    ("input_shape", [-6], "input_shape is"),
    ("input_shape", [7], "scaling: mean is .*7 numbers are needed"),
    ("input_dtype", "float31", "input_dtype is 'float31'; allowed are"),
    ("input_dtype", "float64", "input_dtype float32, where network.json says float64"),
    ("stages", ["stage_1.onnx", "stage_2.onnx"], "threshold is .*or 1, one for each"),
    ("stages", ["stage_1.onnx"] * 3, "each file, single_file too, must be named once"),
    ("stages", ["../stage_1.onnx", "stage_2.onnx", "stage_3.onnx"], "stages is .*plain names"),
    ("stages", ["/etc/passwd", "stage_2.onnx", "stage_3.onnx"], "stages is .*plain names"),
    ("stages", ["a\\b.onnx", "stage_2.onnx", "stage_3.onnx"], "stages is .*plain names"),
    ("single_file", "..", "single_file is '..'; the plain name"),
    ("single_file", "stage_1.onnx", "must be named once"),
    ("threshold", [0.5], "threshold is .*one value, or 2, one for each exit but the last"),
    ("threshold", 1.5, r"threshold is 1\.5; numbers in \[0, 1\] are needed"),
    ("threshold", True, "threshold is True"),
    ("points", {"a": -0.1}, "points is"),
    ("points", {"a": [0.1]}, "points: 'a' is"),
    ("quantized", {"samples": 3}, "quantized is"),
    ("rule", 3, "rule is 3"),
]


@pytest.mark.parametrize(("key", "value", "message"), MEANINGLESS)
def test_who_writes_digests_too_is_refused_by_the_meaning(folder, key, value, message):
    description = json.loads((folder / "network.json").read_text())
    (folder / "network.json").write_text(json_text(seal({**description, key: value})))
    with pytest.raises(ValueError, match=rf"{folder}/.*{message}"):
        Deployed(folder)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "3", '"x"', "{}", '{"format": NaN}', "[" * 100_000),
        '{"format": ' + "9" * 5000 + "}",
    ],
)
def test_what_is_no_description_is_refused(folder, text):
    refused(folder, text)


def test_what_is_no_text_is_refused(folder):
    (folder / "network.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"network\.json: .*decode"):
        Deployed(folder)


def test_a_last_stage_that_was_dropped_is_noticed(folder):
    description = json.loads((folder / "network.json").read_text())
    del description["files"]["stage_3.onnx"]
    short = {**description, "stages": description["stages"][:2], "threshold": 0.5, "points": {}}
    (folder / "network.json").write_text(json_text(seal(short)))
    with pytest.raises(ValueError, match=r"stage_1\.onnx: has stages 3, where .* says 2"):
        Deployed(folder)


def test_stages_in_another_order_are_noticed(folder):
    description = json.loads((folder / "network.json").read_text())
    first, second, third = description["stages"]
    mixed = {**description, "stages": [first, third, second]}
    (folder / "network.json").write_text(json_text(seal(mixed)))
    with pytest.raises(ValueError, match=r"stage_3\.onnx: has stage 3, where .* says 2"):
        Deployed(folder)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_stage_of_a_wider_network_is_noticed(folder, tmp_path, number):
    """It says the same of itself: stages, classes, input. What it takes or gives does not fit."""
    wide = [nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 8)]
    net = EarlyExitNetwork(wide, [nn.Linear(8, 3) for _ in wide]).eval()
    write_network(tmp_path / "wide", net, MAX_SOFTMAX, 0.5, input_shape=(6,), about={})
    name = f"stage_{number}.onnx"
    content = (tmp_path / "wide" / name).read_bytes()
    (folder / name).write_bytes(content)
    description = json.loads((folder / "network.json").read_text())
    description["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "network.json").write_text(json_text(seal(description)))
    later = max(number, 2)
    with pytest.raises(ValueError, match=rf"stage_{later}\.onnx: takes of_stage_{later - 1}_0 as"):
        Deployed(folder, single_file=False)


MUTATED = 200


def test_whatever_bytes_change_it_opens_as_it_was_or_is_refused(folder, small_x):
    """Bytes replaced, cut out and put in at random: nothing but ValueError, by the file's name."""
    path, random = folder / "network.json", np.random.default_rng(0)
    original, expected = path.read_bytes(), Deployed(folder, single_file=False).infer(small_x)
    refusals = 0
    for _ in range(MUTATED):
        content = bytearray(original)
        for _ in range(random.integers(1, 5)):
            start = random.integers(len(content))
            end = start + random.integers(0, 9)
            content[start:end] = random.bytes(random.integers(0, 5))
        path.write_bytes(content)
        try:
            found = Deployed(folder, single_file=False).infer(small_x)
            assert all(map(np.array_equal, found, expected))
        except ValueError as error:
            refusals += 1
            assert type(error) is ValueError and str(path) in str(error)
    assert refusals > 0.9 * MUTATED


@pytest.mark.parametrize("name", ["stage_2.onnx", "network.onnx"])
def test_another_or_no_file_is_refused_by_its_name(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}: its SHA-256 is not the one in"):
        Deployed(folder)
    (folder / name).unlink()
    with pytest.raises(ValueError, match=rf"{name}: network\.json names it, but it cannot be"):
        Deployed(folder)
    (folder / name).mkdir()
    with pytest.raises(ValueError, match=rf"{name}: network\.json names it, but it cannot be"):
        Deployed(folder)


@pytest.mark.parametrize("name", ["stage_1.onnx", "network.json"])
def test_a_link_out_of_the_folder_is_refused(folder, tmp_path, name):
    os.replace(folder / name, tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=rf"{name}: a link out of its folder"):
        Deployed(folder)


def test_a_file_that_is_no_onnx_is_refused_by_its_name(folder):
    description = json.loads((folder / "network.json").read_text())
    (folder / "stage_1.onnx").write_bytes(b"no model")
    description["files"]["stage_1.onnx"] = hashlib.sha256(b"no model").hexdigest()
    (folder / "network.json").write_text(json_text(seal(description)))
    with pytest.raises(ValueError, match=r"stage_1\.onnx: onnxruntime cannot open it"):
        Deployed(folder)


def test_what_was_exported_opens_and_answers(folder, small_x):
    index, prediction = Deployed(folder).infer(small_x)
    assert set(index) == {0, 1, 2} and set(prediction) <= {0, 1, 2}
    assert np.isfinite(index).all() and math.prod(index.shape) == 64
