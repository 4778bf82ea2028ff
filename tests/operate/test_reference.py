import json
from dataclasses import replace

import pytest
from synthetic import make_reference

from cgt.records.reference import load_reference, save_reference

RECORD = {
    "class_names": ["no", "yes"],
    "dataset": "mine",
    "exits": 3,
    "first_exit": 200,
    "kind": "signals",
    "macs": 1000,
    "network": "toy",
}


def test_what_is_written_is_read_and_the_same_twice(tmp_path):
    reference = make_reference("mine")
    for name in ("a", "b"):
        save_reference(tmp_path / name, reference)
    assert load_reference(tmp_path / "a", "mine") == reference
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_keys_are_those_of_the_contract(tmp_path):
    (tmp_path / "r.json").write_text(json.dumps(RECORD))
    found = load_reference(tmp_path / "r.json")
    assert (found.dataset, found.macs, found.first_exit) == ("mine", 1000, 200)
    assert found.class_names == ("no", "yes")


def test_another_datasets_reference_is_refused(tmp_path):
    save_reference(tmp_path / "r.json", make_reference("theirs"))
    with pytest.raises(ValueError, match=r"r\.json: this is the reference of theirs; that of mine"):
        load_reference(tmp_path / "r.json", "mine")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"macs": 0}, "macs is 0; it must be a whole number of at least 1"),
        ({"macs": 2.5}, "macs is 2.5; it must be a whole number"),
        ({"exits": True}, "exits is True; it must be a whole number"),
        ({"first_exit": 1001}, "first_exit is 1001; it must be at most macs, 1000"),
        ({"kind": "sounds"}, "kind is 'sounds'; allowed are images, signals, scene"),
        ({"class_names": ["one"]}, "class_names is .*; it must be a list of two names or more"),
        ({"class_names": "ab"}, "class_names is 'ab'; it must be a list"),
        ({"network": ""}, "network is ''; it must be a name"),
        ({"color": "red"}, "it must be an object with"),
    ],
)
def test_a_broken_reference_is_refused_and_its_fault_named(tmp_path, change, message):
    (tmp_path / "r.json").write_text(json.dumps(RECORD | change))
    with pytest.raises(ValueError, match=message):
        load_reference(tmp_path / "r.json")


def test_what_is_no_json_is_refused(tmp_path):
    (tmp_path / "r.json").write_text("{")
    with pytest.raises(ValueError, match="not a JSON file"):
        load_reference(tmp_path / "r.json")


def test_a_broken_reference_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="first_exit"):
        save_reference(tmp_path / "r.json", replace(make_reference(), first_exit=5000))
    assert not list(tmp_path.iterdir())
