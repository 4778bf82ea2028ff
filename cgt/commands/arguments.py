"""Arguments that several subcommands share. Cheap to import: `cgt --help` reads it."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

MOST = 2**31 - 1
"""Of what is counted: far more than any machine can do."""
JOB = {
    **dict.fromkeys(("dataset", "method", "implementation", "prepared", "raw_dir"), str),
    "seed": int,
    **dict.fromkeys(("settings", "hyperparameters"), dict),
}
"""What a training job is, as JSON, see :class:`cgt.training.job.Job`."""


def add(
    commands: argparse._SubParsersAction,
    name: str,
    run: Callable[[argparse.Namespace], None],
    help: str,
) -> argparse.ArgumentParser:
    """Add a subcommand that `run` handles."""
    command = commands.add_parser(name, help=help, description=help)
    command.set_defaults(run=run)
    return command


def add_run(command: argparse.ArgumentParser) -> None:
    """Which run: dataset, method, seed."""
    command.add_argument("--dataset", required=True)
    command.add_argument("--method", required=True)
    command.add_argument("--seed", type=int, required=True)


def add_expected(command: argparse.ArgumentParser) -> None:
    """Names of runs and the folder they are in."""
    command.add_argument("expected", nargs="+", type=run_name, metavar="DATASET/METHOD/SEED")
    command.add_argument("--runs", type=Path, required=True, help="folder of all runs")


def add_external(command: argparse.ArgumentParser) -> None:
    """Which of the expected runs were trained elsewhere."""
    command.add_argument(
        "--external", nargs="*", default=[], help="methods that were trained elsewhere"
    )


def add_drawing(command: argparse.ArgumentParser) -> None:
    """From a summary into a folder."""
    command.add_argument("--summary", type=Path, required=True, help="folder of the summary")
    command.add_argument("--out", type=Path, required=True, help="folder to write into")


def add_jobs(command: argparse.ArgumentParser) -> None:
    """How many processes."""
    command.add_argument("--jobs", type=positive, default=1, help="processes at a time (1)")


def add_job(command: argparse.ArgumentParser) -> None:
    """Everything that says what to train."""
    add_run(command)
    command.add_argument(
        "--implementation", help="file of cgt/methods that trains it, if not the method's name"
    )
    command.add_argument("--prepared", type=Path, required=True, help="prepared file (.npz)")
    command.add_argument("--raw", type=Path, required=True, help="folder of the raw files")
    command.add_argument(
        "--settings",
        type=json_object,
        required=True,
        help="JSON: network, epochs, lr, ...",
    )
    command.add_argument(
        "--hyperparameters", type=json_object, default={}, help="JSON: the method's own"
    )


def positive(text: str) -> int:
    """An integer of at least 1."""
    value = int(text)
    if not 1 <= value <= MOST:
        raise argparse.ArgumentTypeError(f"{text} must be at least 1 and at most {MOST}")
    return value


def json_jobs(text: str) -> list[dict]:
    """A JSON list of training jobs, each with every name of :class:`cgt.training.job.Job`."""
    value = _json(text)
    if not isinstance(value, list) or not value or not all(isinstance(of, dict) for of in value):
        raise argparse.ArgumentTypeError(f"{_start(text)} is not a JSON list of one job or more")
    for job in value:
        wrong = [name for name, kind in JOB.items() if not isinstance(job.get(name), kind)]
        if wrong or set(job) != set(JOB):
            named = ", ".join(wrong or sorted(set(job) - set(JOB)))
            raise argparse.ArgumentTypeError(
                f"a job is wrong in {named}; it has exactly {', '.join(JOB)}"
            )
    return value


def json_list(text: str) -> list[dict]:
    """A JSON list of objects."""
    value = _json(text)
    if not isinstance(value, list) or not all(isinstance(of, dict) for of in value):
        raise argparse.ArgumentTypeError(f"{_start(text)} is not a JSON list of objects")
    return value


def named_path(text: str) -> tuple[str, Path]:
    """NAME=PATH."""
    name, separator, path = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} must be NAME=PATH")
    return name, Path(path)


def run_name(text: str) -> tuple[str, str, int]:
    """DATASET/METHOD/SEED."""
    dataset, method, seed = text.split("/")
    return dataset, method, int(seed)


def json_object(text: str) -> dict:
    """A JSON object, such as `{"lr": 0.1}`."""
    value = _json(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{_start(text)} is not a JSON object")
    return value


def configuration(text: str) -> dict:
    """JSON of the parts of a checked configuration that a command reads."""
    value = json_object(text)
    tuning = value.get("tuning")
    blocks = {key: value.get(key) for key in ("datasets", "methods")}
    for key, of in list(blocks.items()):
        blocks |= {f"{key}.{name}": one for name, one in of.items()} if isinstance(of, dict) else {}
    if isinstance(tuning, dict):
        blocks |= {f"tuning.{key}": tuning.get(key) for key in ("datasets", "space", "first")}
    else:
        blocks["tuning"] = tuning
    if wrong := [key for key, of in blocks.items() if not isinstance(of, dict)]:
        raise argparse.ArgumentTypeError(
            f"the configuration is wrong in {', '.join(wrong)}: each is a JSON object"
        )
    return value


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{_start(text)} is not JSON: {error}") from None


def _start(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:97]}...")
