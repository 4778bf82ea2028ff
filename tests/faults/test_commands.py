"""No traceback reaches a person, whatever a command is given; what is refused exits with 2."""

import random

import pytest
from faults import hostile

from cgt.commands.cli import UNFORESEEN, build_parser, main

CASES = 12
# Sound ones take seconds each: drawing, training, measuring. They are damaged in their words alone.
SLOW = (
    "figures",
    "pictures",
    "tables",
    "compare",
    "bench train",
    "bench entries",
)
SLOW += ("bench scaling", "leaderboard", "ablation-draw", "ablation-effects", "publish")
# What Snakemake says is its own.
OTHERS = ("bench pipeline",)


@pytest.fixture(scope="session")
def world(tmp_path_factory, data):
    return hostile.make_world(tmp_path_factory.mktemp("world"), data, main)


def test_every_command_is_tried(world):
    choices = build_parser()._subparsers._group_actions[0].choices
    benchmarks = choices["bench"]._subparsers._group_actions[0].choices
    names = {*choices} - {"bench"} | {f"bench {name}" for name in benchmarks}
    assert names <= set(hostile.orders(world))


def outcome(words, capsys):
    """Exit code and what was said; argparse's usage is an answer as well."""
    try:
        code = main(words)
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr()
    return code, said.err


def check(words, capsys):
    code, error = outcome(words, capsys)
    assert "Traceback" not in error
    assert code in (0, 2), (code, words, error)
    if code == 2:
        message = error.strip().splitlines()[-1]
        assert len(message) > 20, (words, error)
        assert len(error) < 4000 or "usage" in error, (words, error)


@pytest.mark.parametrize("name", [name for name in hostile.NAMES if name not in (*SLOW, *OTHERS)])
def test_accidents(name, world, tmp_path, capsys):
    for number in range(CASES):
        with hostile.case(world, name, number, tmp_path / "case") as words:
            check(words, capsys)


@pytest.mark.parametrize("name", SLOW)
def test_missing_and_foreign_inputs_of_slow_commands(name, world, tmp_path, capsys):
    for number, kind in enumerate(hostile.FOREIGN):
        folder = tmp_path / str(number)
        folder.mkdir()
        words = hostile.foreign(hostile.orders(world)[name], kind, folder)
        if words is not None:
            check(hostile.placed(words, folder), capsys)
            code, _ = outcome(hostile.placed(words, folder), capsys)
            assert code == 2, (words, kind)


def test_an_error_that_nobody_has_foreseen_is_one_sentence(monkeypatch, capsys):
    def fail(arguments):
        return {}["no\nsuch"]

    monkeypatch.setattr("cgt.commands.data.download", fail)
    assert main(["download", "indian_pines", "--out", "x"]) == UNFORESEEN
    error = capsys.readouterr().err
    assert error.startswith("cgt download: stopped by KeyError") and error.count("\n") == 1
    assert main(["--debug", "download", "indian_pines", "--out", "x"]) == UNFORESEEN
    assert "Traceback" in capsys.readouterr().err


def test_damage_is_the_same_in_every_run(world, tmp_path):
    orders = hostile.orders(world)["evaluate"]
    both = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        words = hostile.damaged(orders, random.Random(5), tmp_path / name)
        both.append([str(word).replace(str(tmp_path / name), "") for word in words])
    assert both[0] == both[1]
