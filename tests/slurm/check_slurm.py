"""The workflow through a Slurm of one machine: same bytes, whatever happens to the cluster.

Not collected by default: `make test-slurm`. It needs root, Debian's slurm-wlm and munge, and the
extra `slurm`.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from checkout import ROOT, TINY, copy_of_repository

from cgt.study.config import load_config, seeds_of

CLUSTER = Path(__file__).with_name("cluster")
PROFILE = (
    *("--profile", "workflow/profiles/slurm", "--cores", "2"),
    # There is no accounting, and no network between the file system and the node.
    *("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "3"),
    *("--latency-wait", "5"),
)
EPOCHS = 150
"""Long enough for damage in the middle of a training job: it takes some ten seconds."""

LONG = {
    **TINY,
    "datasets": {"indian_pines": {**TINY["datasets"]["indian_pines"], "epochs": EPOCHS}},
}
PREDICTIONS = [
    f"results/tiny/runs/indian_pines/{method}/1/predictions.npz" for method in LONG["methods"]
]
"""What the tests of damage ask for: all that Slurm has to train."""


LOG = "results/tiny/logs/train/indian_pines/soft_cgt/1.log"
HUGE = [1e30, 1e30, 1e30]
RUNS = [f"results/*/runs/**/*.{ending}" for ending in ("npz", "csv", "safetensors")]
CONFIG = ROOT / "config"


def ask(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def until(condition, seconds=120):
    """The first true value of `condition()`; fails after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.3)
    raise AssertionError(f"not within {seconds} s: {condition.__name__}")


def jobs(states="PENDING,RUNNING"):
    """State and comment of each job of the cluster, by its number; the comment names the rule."""
    found = ask("squeue", "--noheader", "--states", states, "--format", "%i|%T|%k")
    return {line.split("|")[0]: line.split("|")[1:] for line in found.splitlines()}


def checkout_of(folder, config):
    """A copy of the repository with this configuration as its own.

    `--replace-workflow-config` does not reach the jobs that Slurm starts.
    """
    checkout = copy_of_repository(folder)
    (folder / "config" / "config.yaml").write_text(yaml.safe_dump(config))
    return checkout.folder


class Run:
    """Snakemake in a checkout, in the background; what it says is in a file."""

    def __init__(self, folder, *options):
        self.log = folder / "snakemake.log"
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", "--show-failed-logs", *options],
                cwd=folder,
                env={**os.environ, "PATH": path},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def going_on(self):
        return self.process.poll() is None

    def ended(self, seconds=1200):
        """Exit code and everything that was said."""
        return self.process.wait(seconds), self.log.read_text()


def done(folder, *options):
    """Everything that a run that went well has said."""
    code, said = Run(folder, *options).ended()
    assert code == 0, said
    return said


def contents(folder, *patterns):
    """Bytes of the files that match, wall-clock times aside, by their place in it."""
    paths = [path for pattern in patterns for path in folder.glob(pattern)]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.name != "timings.csv"
    }


@pytest.fixture(scope="module", autouse=True)
def machine():
    yield
    subprocess.run([CLUSTER, "down"], check=True)


@pytest.fixture(autouse=True)
def cluster():
    """A new one for each test, whatever the test before has broken."""
    subprocess.run([CLUSTER, "down"], check=True)
    subprocess.run([CLUSTER, "up"], check=True)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Files of the training jobs that ran here, without Slurm."""
    folder = checkout_of(tmp_path_factory.mktemp("local"), LONG)
    done(folder, "--cores", "2", *PREDICTIONS)
    return contents(folder, *RUNS)


@pytest.fixture
def place(tmp_path):
    return checkout_of(tmp_path, LONG)


@pytest.fixture
def start(place):
    started = []

    def start():
        started.append(Run(place, *PROFILE, "--keep-going", *PREDICTIONS))
        return started[-1]

    yield start
    for run in started:
        if run.going_on():
            run.process.send_signal(signal.SIGINT)
            run.process.wait(60)


def in_training(place, run):
    """Number of the job that trains soft_cgt, once some epochs are done."""
    log = place / LOG

    def training():
        assert run.going_on(), run.log.read_text()
        epochs = re.findall(r" epoch (\d+)/", log.read_text()) if log.exists() else []
        running = [number for number, (_, said) in jobs("RUNNING").items() if "soft_cgt" in said]
        return epochs and int(epochs[-1]) > 5 and running and running[0]

    return until(training)


def first_epoch(place):
    """Of the last start of soft_cgt's training: above 1, it went on."""
    return int(re.search(r" epoch (\d+)/", (place / LOG).read_text())[1])


def resumed(place, expected):
    """Do what is left: the same bytes at the end."""
    done(place, *PROFILE, *PREDICTIONS)
    assert contents(place, *RUNS) == expected


def everything(folder, config):
    """What a whole run leaves that has the same bytes each time."""
    results = config["results"]
    patterns = [f"{results}/{name}" for name in ("summary/*.csv", "figures/*.svg", "tables/*.md")]
    return contents(folder, *patterns, *RUNS)


@pytest.mark.parametrize("size", ["tiny", "smoke"])
def test_a_whole_run_has_the_bytes_of_a_local_one_and_short_jobs_go_in_batches(size, tmp_path):
    config = TINY if size == "tiny" else load_config(CONFIG / "config.yaml", CONFIG / "smoke.yaml")
    left = []
    for name, options in (("local", ("--cores", "2")), ("cluster", PROFILE)):
        (tmp_path / name).mkdir()
        folder = checkout_of(tmp_path / name, config)
        said = done(folder, *options)
        left.append(everything(folder, config))
    local, there = left
    assert len(local) > 40
    assert there.keys() == local.keys()
    assert [name for name in local if there[name] != local[name]] == []

    trainings = sum(len(seeds_of(config, name)) for name in config["datasets"])
    trainings *= len(config["methods"])
    log = r"SLURM jobid \d+ \(log: \S+/slurm_logs/([a-z]+_[a-z]+)"
    # The machine that starts has downloaded: the nodes may have no internet.
    assert Counter(re.findall(log, said)) == {
        "group_splits": 1,
        "rule_train": trainings,
        "group_evaluations": -(-trainings // 10),
        "group_drawing": 1,
    }


def test_a_cancelled_job_is_named_with_its_logs_and_goes_on_where_it_was(place, start, expected):
    run = start()
    number = in_training(place, run)
    ask("scancel", number)
    code, said = run.ended()
    assert code == 1
    assert f"SLURM-job '{number}' failed, SLURM status is: 'CANCELLED'" in said
    (log,) = place.glob(f".snakemake/slurm_logs/rule_train/*/{number}.log")
    assert str(log) in said
    assert LOG in said
    resumed(place, expected)
    assert first_epoch(place) > 5


def test_a_failed_jobs_message_leads_to_its_log_without_accounting(tmp_path):
    config = deepcopy(LONG)
    diverging = {"exit_weights_start": HUGE, "exit_weights_end": HUGE, "normalize": False}
    config["methods"]["soft_cgt"]["indian_pines"].update(diverging)
    place = checkout_of(tmp_path, config)
    code, said = Run(place, *PROFILE, PREDICTIONS[-1]).ended()
    assert code == 1
    assert re.search(rf"log: {re.escape(LOG)}.*check log file", said)
    reason = "training diverged at epoch 1"
    assert reason in (place / LOG).read_text() and reason in said  # shown, too
    (log,) = place.glob(".snakemake/slurm_logs/rule_train/*/*.log")
    assert str(log) in said


def test_a_drained_node_lets_jobs_wait_and_the_run_goes_on(place, start, expected):
    run = start()
    until(lambda: [said for state, said in jobs().values() if state == "RUNNING"])
    ask("scontrol", "update", "nodename=localhost", "state=drain", "reason=test")

    def trainings_wait():
        states = [state for state, said in jobs().values() if "train" in said]
        return states == ["PENDING", "PENDING"]

    until(trainings_wait)
    time.sleep(10)
    assert trainings_wait() and run.going_on()
    ask("scontrol", "update", "nodename=localhost", "state=resume")
    code, said = run.ended()
    assert code == 0, said
    assert contents(place, *RUNS) == expected


def test_a_node_that_went_down_gets_its_jobs_again_and_they_go_on(place, start, expected):
    run = start()
    number = in_training(place, run)
    ask("scontrol", "update", "nodename=localhost", "state=down", "reason=test")
    until(lambda: number not in jobs("RUNNING"))
    ask("scontrol", "update", "nodename=localhost", "state=resume")
    code, said = run.ended()
    if code:
        resumed(place, expected)
    assert contents(place, *RUNS) == expected, said
    assert first_epoch(place) > 5


def test_a_controller_that_stopped_and_came_back_costs_at_most_another_start(
    place, start, expected
):
    """Jobs go on meanwhile; without accounting the plugin may lose them and wait forever."""
    run = start()
    in_training(place, run)
    subprocess.run([CLUSTER, "stop-controller"], check=True)
    time.sleep(20)
    subprocess.run([CLUSTER, "start-controller"], check=True)
    until(lambda: not jobs() or not run.going_on())
    time.sleep(30)  # for its next look at the jobs
    if run.going_on():
        run.process.send_signal(signal.SIGINT)
    run.ended(60)
    resumed(place, expected)
