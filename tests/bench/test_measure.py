"""Repeats, ratios and tables of measurements."""

import csv
import json

import pytest

from cgt.bench.measure import interleave, median_ratio, write_table


def test_loops_take_turns_and_the_first_round_does_not_count():
    calls = []

    def loop(name):
        return lambda: calls.append(name) or len(calls)

    assert interleave({"a": loop("a"), "b": loop("b")}, repeats=2) == {"a": [3, 5], "b": [4, 6]}
    assert calls == ["a", "b"] * 3


def test_a_ratio_is_taken_within_each_round():
    # A machine that halves its speed from round to round changes both alike.
    assert median_ratio([8.0, 4.0, 2.0], to=[4.0, 2.0, 1.0]) == 2.0
    assert median_ratio([1.0, 9.0, 2.0], to=[1.0, 1.0, 1.0]) == 2.0


def test_a_table_has_its_machine_beside_it(tmp_path):
    rows = [{"what": "a", "value": 1234.5678, "n": 5}, {"what": "b", "value": 0.000123456, "n": 1}]
    write_table(tmp_path / "new" / "t.csv", rows, threads=1, packages=["pytest"])
    with open(tmp_path / "new" / "t.csv", newline="") as file:
        assert list(csv.reader(file)) == [
            ["what", "value", "n"],
            ["a", "1235", "5"],
            ["b", "0.0001235", "1"],
        ]
    machine = json.loads((tmp_path / "new" / "t.json").read_text())
    assert machine["threads"] == 1
    assert {"cpu", "cpu_count", "git", "versions"} <= set(machine)
    assert machine["versions"]["pytest"] == pytest.__version__
