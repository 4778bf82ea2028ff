"""Time and memory of a process, from outside."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cgt.bench.first_step import READY

_TAIL = 2000
"""Characters of a failed command's output that its error shows."""


def python(*arguments: str | Path) -> list[str]:
    """The command that runs this Python with `arguments`."""
    return [sys.executable, *map(str, arguments)]


def seconds(command: Sequence[str]) -> float:
    """Wall time from start to end.

    Raises ValueError with the end of the command's output if it fails.
    """
    start = time.perf_counter()
    run = subprocess.run(
        command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    elapsed = time.perf_counter() - start
    _check(command, run.returncode, run.stdout)
    return elapsed


def seconds_to_first_step(train: Sequence[str]) -> float:
    """Wall time from the start of `cgt train` with these arguments to its first step."""
    command = python("-m", "cgt.bench.first_step", *train)
    start = time.perf_counter()
    with subprocess.Popen(
        command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        said = ""
        while READY not in said and (line := process.stdout.readline()):
            said += line
        elapsed = time.perf_counter() - start
    _check(command, process.returncode if READY in said else 1, said)
    return elapsed


def peak_gigabytes(command: Sequence[str]) -> float:
    """Largest resident memory that the process had, in 10⁹ bytes."""
    return peak_bytes(command) / 1e9


def peak_bytes(command: Sequence[str]) -> int:
    """Largest resident memory that the process had.

    Raises ValueError with the end of the command's output if it fails.
    """
    run = subprocess.run(
        python("-m", "cgt.bench.peak", *command),
        env=_environment(),
        capture_output=True,
        text=True,
    )
    _check(command, run.returncode, run.stderr)
    return int(run.stdout)


def _environment() -> dict[str, str]:
    """This package and this Python also for processes of the process."""
    package = str(Path(__file__).parents[2])
    if os.environ.get("PYTHONPATH"):
        package = os.pathsep.join([package, os.environ["PYTHONPATH"]])
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "PYTHONPATH": package, "OMP_NUM_THREADS": "1"}


def _check(command: Sequence[str], status: int, output: str) -> None:
    if status != 0:
        raise ValueError(f"{' '.join(command)} failed with status {status}:\n{output[-_TAIL:]}")
