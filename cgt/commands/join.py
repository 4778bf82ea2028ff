"""A method beside the published rows: publish rows, admit a method, and compare it."""

import argparse
from pathlib import Path

from cgt.commands.arguments import add, configuration, json_object


def add_join(commands: argparse._SubParsersAction) -> None:
    """Add the subcommands of this stage."""
    command = add(commands, "publish-rows", publish_rows, "put finished entries among the rows")
    command.add_argument("entries", nargs="+", metavar="ENTRY", help="names in the configuration")
    _add_places(command)
    command.add_argument(
        "--tuning", type=Path, nargs="*", default=[], help="tables of trials (tuning.csv)"
    )
    command.add_argument("--marked", default="", help="what tables say of them, such as trial")
    command.add_argument("--out", type=Path, required=True, help="folder of the published rows")

    command = add(commands, "join-admit", admit, "may runs be compared with the published rows?")
    command.add_argument("dataset")
    command.add_argument("--config", type=json_object, required=True, help="JSON: configuration")
    command.add_argument("--rows", type=Path, required=True, help="folder of the published rows")
    command.add_argument(
        "--reference", type=Path, required=True, help="what the dataset's network costs (.json)"
    )
    command.add_argument(
        "--prepared", type=Path, required=True, help="folder of the prepared files"
    )

    command = add(commands, "join", join, "set a method beside the published rows")
    command.add_argument("join", type=json_object, help="JSON: method, tuned, check, left_out")
    _add_places(command)
    command.add_argument("--rows", type=Path, required=True, help="folder of the published rows")
    command.add_argument("--out", type=Path, required=True, help="folder to write into")


def _add_places(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=configuration, required=True, help="JSON: configuration")
    command.add_argument("--results", type=Path, required=True, help="root folder of the results")
    command.add_argument(
        "--prepared", type=Path, required=True, help="folder of the prepared files"
    )


def publish_rows(arguments: argparse.Namespace) -> None:
    from cgt.study.publish_rows import publish_rows

    places = (arguments.results, arguments.prepared, arguments.out)
    done = publish_rows(
        arguments.config, arguments.entries, *places, arguments.tuning, arguments.marked
    )
    print(f"published: {', '.join(done.written)}")
    if done.unfinished:
        print(f"left as they were, since runs are missing: {', '.join(done.unfinished)}")


def admit(arguments: argparse.Namespace) -> None:
    from cgt.study.join import refuse_unlike

    places = (arguments.rows, arguments.reference, arguments.prepared)
    refuse_unlike(arguments.config, arguments.dataset, *places)
    print(f"runs on {arguments.dataset} may be compared with {arguments.rows}")


def join(arguments: argparse.Namespace) -> None:
    from cgt.analysis.tables.join import write_join
    from cgt.study.join import make_rows

    asked = arguments.join
    places = (arguments.results, arguments.prepared, arguments.out / "rows")
    repeated = make_rows(arguments.config, asked, *places)
    write_join(asked, arguments.rows, arguments.out / "rows", repeated, arguments.out)
    print(f"written: {arguments.out / 'join.md'}")
