"""A killed training job goes on where it was, to the same bytes."""

import os
import random
import re
import shutil
import signal
import time

import pytest
from faults.conftest import EPOCHS, SETTINGS, Place
from faults.forks import is_stopped, until

METHODS = ("soft_cgt", "static", "cascade", "classynet")
OUTPUTS = ("history.csv", "gradients.csv", "model.safetensors", "predictions.npz", "manifest.json")


def epochs_in(output):
    return [int(number) for number in re.findall(r" epoch (\d+)/\d+ ", output)]


@pytest.fixture(scope="module")
def duration(data, forks, tmp_path_factory):
    """Seconds that an undisturbed run takes on this machine, now."""
    place = Place(tmp_path_factory.mktemp("duration"), data)
    start = time.monotonic()
    assert forks.run(*place.arguments, log=place.folder / "log")[0] == 0
    return time.monotonic() - start


def test_what_a_test_takes_away_the_others_still_have(whole):
    whole().clear()
    assert sorted(whole()) == sorted(OUTPUTS)


@pytest.mark.parametrize("number", range(20))
def test_killed_at_a_random_moment(number, data, forks, whole, duration, tmp_path):
    chance = random.Random(number)
    method = METHODS[number % len(METHODS)]
    place = Place(tmp_path, data, method)
    process = forks.start(*place.arguments, log=tmp_path / "killed.log")
    time.sleep(chance.uniform(0, duration))
    os.kill(process, signal.SIGKILL)
    assert forks.wait(process) in (-signal.SIGKILL, 0)
    left = place.files()
    assert left.items() <= whole(method).items()

    code, output = forks.run(*place.arguments, log=tmp_path / "again.log")
    assert code == 0, output
    assert place.unlike(whole(method)) == []
    assert place.leftovers() == []
    # An epoch is shown when it is done and saved right after: at most this one is trained twice.
    shown = len(epochs_in((tmp_path / "killed.log").read_text()))
    again = len(epochs_in(output))
    if len(left) < len(OUTPUTS):  # else there was nothing to go on with
        assert EPOCHS - shown <= again <= EPOCHS - shown + 1


@pytest.mark.parametrize("written", range(1, EPOCHS + len(OUTPUTS) + 1))
def test_killed_at_the_moment_of_a_write(written, place, forks, whole, tmp_path):
    code, _ = forks.run(
        *place.arguments, log=tmp_path / "killed.log", at_write=(written, signal.SIGKILL)
    )
    assert code == -signal.SIGKILL
    present = max(0, written - 1 - EPOCHS)
    assert sorted(place.files()) == sorted(OUTPUTS[:present])
    code, output = forks.run(*place.arguments, log=tmp_path / "again.log")
    assert code == 0, output
    assert place.unlike(whole()) == []
    assert place.leftovers() == []
    # The first writes are the epochs' checkpoints: what has one is not trained again.
    assert epochs_in(output) == list(range(written, EPOCHS + 1))


def test_killed_between_two_looks(data, forks, tmp_path):
    """Of six epochs the fourth, fifth and sixth are validated and leave a checkpoint."""
    settings = {**SETTINGS, "validate_every": 4}
    whole, killed = (Place(tmp_path / name, data, settings=settings) for name in ("a", "b"))
    assert forks.run(*whole.arguments, log=tmp_path / "whole.log")[0] == 0
    assert epochs_in((tmp_path / "whole.log").read_text()) == [4, 5, 6]
    for written, left in ((1, [4, 5, 6]), (2, [5, 6])):
        at_write = (written, signal.SIGKILL)
        forks.run(*killed.arguments, log=tmp_path / "killed.log", at_write=at_write)
        code, output = forks.run(*killed.arguments, log=tmp_path / "again.log")
        assert code == 0, output
        assert killed.unlike(whole.files()) == []
        assert epochs_in(output) == left
        shutil.rmtree(killed.out)


def test_interrupted_from_the_keyboard(place, forks, whole, tmp_path):
    # In the middle of the second epoch's checkpoint.
    interrupt = (2, signal.SIGINT)
    process = forks.start(*place.arguments, log=tmp_path / "stopped.log", at_write=interrupt)
    assert forks.wait(process) == 128 + signal.SIGINT
    said = (tmp_path / "stopped.log").read_text().splitlines()[-1]
    assert said == "cgt train: stopped; run it again to go on"
    assert place.files() == {}
    assert [name for name in place.leftovers() if name.startswith(".")] == []
    code, output = forks.run(*place.arguments, log=tmp_path / "again.log")
    assert (code, place.unlike(whole())) == (0, []), output
    assert epochs_in(output)[0] == 2


def flipped(data, chance):
    position = chance.randrange(len(data))
    changed = bytes([data[position] ^ 1 << chance.randrange(8)])
    return data[:position] + changed + data[position + 1 :]


DAMAGES = {
    "a flipped bit": flipped,
    "the end missing": lambda data, chance: data[: chance.randrange(len(data))],
    "something else": lambda data, chance: b"<html>",
    "nothing": lambda data, chance: b"",
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_checkpoint_is_not_used(kind, place, forks, whole, tmp_path):
    forks.run(*place.arguments, log=tmp_path / "killed.log", at_write=(4, signal.SIGKILL))
    (checkpoint,) = place.checkpoints.glob("[!.]*.pt")
    checkpoint.write_bytes(DAMAGES[kind](checkpoint.read_bytes(), random.Random(kind)))
    code, output = forks.run(*place.arguments, log=tmp_path / "again.log")
    assert (code, place.unlike(whole())) == (0, []), output
    assert f"checkpoint {checkpoint} is damaged" in output
    assert "training starts over" in output
    assert epochs_in(output) == list(range(1, EPOCHS + 1))


def test_two_at_once_never_mix(place, forks, whole, tmp_path):
    # An orphan of a killed run, at work for as long as we like.
    halt = (2, signal.SIGSTOP)
    first = forks.start(*place.arguments, log=tmp_path / "first.log", at_write=halt)
    until(lambda: is_stopped(first))
    before = {path.name: path.read_bytes() for path in place.checkpoints.iterdir()}
    code, output = forks.run(*place.arguments, log=tmp_path / "second.log")
    assert code == 2
    assert output == (
        f"cgt train: process {first} is still at work on this run and holds "
        f"{place.checkpoints / 'lock'}; wait until it ends, or end it (kill {first}), "
        "then run again\n"
    )
    assert {path.name: path.read_bytes() for path in place.checkpoints.iterdir()} == before
    os.kill(first, signal.SIGKILL)
    forks.wait(first)
    code, output = forks.run(*place.arguments, log=tmp_path / "third.log")
    assert (code, place.unlike(whole())) == (0, []), output
    assert epochs_in(output)[0] == 2
