"""The whole workflow under attack, in a folder with an awkward name."""

import json
import os
import signal

import pytest
from checkout import TINY, copy_of_repository
from faults.forks import until

from cgt.study.config import merge

EPOCHS = 100
LONG = merge(TINY, {"datasets": {"indian_pines": {"epochs": EPOCHS}}})
RUNS = "results/tiny/runs/indian_pines"
RESULT = f"{RUNS}/single_exit/1/predictions.npz"
LOCK = "results/tiny/checkpoints/indian_pines/single_exit/1/lock"
HUGE = [1e30, 1e30, 1e30]
DIVERGING = {"exit_weights_start": HUGE, "exit_weights_end": HUGE, "normalize": False}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults") / "Läufe & mehr; 実験"
    folder.mkdir()
    return copy_of_repository(folder)


def undisturbed(checkout, forks, tmp_path):
    """The result of the same job, trained in one go."""
    run = (checkout.folder / RESULT).parent
    job = json.loads((run / "manifest.json").read_text())["job"]
    options = {
        **{name: job[name] for name in ("dataset", "method", "seed")},
        "prepared": checkout.folder / "data/prepared/tiny/indian_pines/1.npz",
        "raw": checkout.folder / "data/raw/indian_pines",
        "settings": json.dumps(job["settings"]),
        "out": tmp_path / "run",
        "checkpoints": tmp_path / "checkpoints",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    code, output = forks.run("train", *words, log=tmp_path / "log")
    assert code == 0, output
    return tmp_path / "run"


def test_snakemake_is_killed_and_its_child_goes_on(checkout, forks, tmp_path):
    checkout.configure(LONG)
    lock = checkout.folder / LOCK
    with checkout.start(RESULT) as killed:
        until(lambda: list(lock.parent.glob("[!.]*.pt")), seconds=1500)
        orphan = int(lock.read_text())
        os.kill(orphan, signal.SIGSTOP)  # it stays at work for as long as we like

        second = checkout.snakemake(RESULT)  # two at once in one folder
        assert second.returncode != 0
        assert "LockException" in second.stdout
        assert "--unlock" in second.stdout

        killed.kill()
    try:
        # The documented recovery, too early.
        assert checkout.snakemake("--unlock").returncode == 0
        early = checkout.snakemake("--rerun-incomplete", RESULT)
        assert early.returncode != 0
        assert f"process {orphan} is still at work on this run and holds" in early.stdout
        assert f"end it (kill {orphan}), then run again" in early.stdout
    finally:
        os.kill(orphan, signal.SIGKILL)
    assert not (checkout.folder / RESULT).exists()

    again = checkout.snakemake("--rerun-incomplete", RESULT)
    assert again.returncode == 0, again.stdout
    log = (checkout.folder / "results/tiny/logs/train/indian_pines/single_exit/1.log").read_text()
    assert f" epoch {EPOCHS}/{EPOCHS} " in log
    assert f" epoch 1/{EPOCHS} " not in log
    whole = undisturbed(checkout, forks, tmp_path)
    for name in ("predictions.npz", "model.safetensors", "history.csv", "gradients.csv"):
        assert (checkout.folder / RESULT).with_name(name).read_bytes() == (
            whole / name
        ).read_bytes()


def test_a_diverging_run_fails_alone(checkout):
    checkout.configure(merge(TINY, {"methods": {"soft_cgt": {"indian_pines": DIVERGING}}}))
    wanted = [f"{RUNS}/{method}/1/exits.csv" for method in ("soft_cgt", "single_exit")]
    run = checkout.snakemake("--keep-going", "--rerun-incomplete", *wanted)
    assert run.returncode != 0
    assert "cgt train: training diverged at epoch 1, step " in run.stdout
    assert "a smaller lr than 0.05 may help" in run.stdout
    assert "results/tiny/logs/train/indian_pines/soft_cgt/1.log" in run.stdout
    assert not list((checkout.folder / RUNS / "soft_cgt/1").glob("*.*"))
    assert (checkout.folder / wanted[1]).is_file()


@pytest.mark.parametrize("key", ["results", "data"])
def test_a_value_that_a_shell_would_run_does_nothing(key, checkout):
    attack = '"; touch x"'
    change = {"results": attack} if key == "results" else {"data": {"raw": attack}}
    checkout.configure(merge(TINY, change))
    before = sorted(checkout.folder.iterdir())
    run = checkout.snakemake()
    assert run.returncode != 0
    assert f"{key}{'.raw' * (key == 'data')}: {attack!r} is not allowed" in run.stdout
    assert sorted(checkout.folder.iterdir()) == before
