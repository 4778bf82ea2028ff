"""From the trials of searches to what they have chosen."""

import argparse
from pathlib import Path

from cgt.commands.arguments import add, configuration


def add_tune(commands: argparse._SubParsersAction) -> None:
    """Add the subcommands of this stage."""
    command = add(
        commands, "tune-entry", entry, "tabulate the trials of one entry, choose the best"
    )
    command.add_argument("trials", type=Path, nargs="+", help="results of tune-trial (.json)")
    command.add_argument("--dataset", required=True)
    command.add_argument("--method", required=True, help="the entry")
    _add_config(command)
    command.add_argument("--out", type=Path, required=True, help="table of the trials (.csv)")

    command = add(commands, "tune-show", show, "gather finished searches: table, page, figures")
    command.add_argument("folder", type=Path, help="of the tables, {dataset}/{entry}.csv")
    _add_config(command)
    command.add_argument("--out", type=Path, required=True, help="folder to write into")

    command.add_argument(
        "--redraw", action="store_true", help="leave the chosen settings, tuned.yaml, alone"
    )

    command = add(commands, "publish-tuning", publish, "put finished searches among the published")
    command.add_argument("folder", type=Path, help="of the tables, {dataset}/{entry}.csv")
    _add_config(command)
    command.add_argument("--out", type=Path, required=True, help="folder of the published ones")


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config", type=configuration, required=True, help="JSON: datasets, methods and tuning"
    )


def entry(arguments: argparse.Namespace) -> None:
    from cgt.study.tuning import write_table

    cell = (arguments.dataset, arguments.method)
    write_table(arguments.config, *cell, arguments.trials, arguments.out)


def show(arguments: argparse.Namespace) -> None:
    from cgt.study.show_tuning import show_tuning

    where = (arguments.folder, arguments.config, arguments.out)
    show_tuning(*where, redraw=arguments.redraw)


def publish(arguments: argparse.Namespace) -> None:
    from cgt.study.show_tuning import publish_tuning

    for name in publish_tuning(arguments.folder, arguments.config, arguments.out):
        print(f"published: {name}")
