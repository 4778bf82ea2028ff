"""Arguments that several subcommands share. Cheap to import: `cgt --help` reads it."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path


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
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} must be at least 1")
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
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON object")
    return value
