"""Results out of the working folder: published, quoted, exported."""

import argparse
from pathlib import Path

from cgt.commands.arguments import add, add_external, run_name


def add_publish(commands: argparse._SubParsersAction) -> None:
    """Add the subcommands of this stage."""
    command = add(commands, "publish", publish, "copy results into the published folder")
    command.add_argument("expected", nargs="+", type=run_name, metavar="DATASET/METHOD/SEED")
    command.add_argument("--results", type=Path, required=True, help="root folder of the results")
    command.add_argument("--out", type=Path, required=True, help="folder to publish into")
    add_external(command)
    command.add_argument("--without", nargs="*", default=[], help="names of files to leave out")

    command = add(commands, "publish-bench", publish_bench, "copy measurements of speed there, too")
    command.add_argument("measured", type=Path, help="folder of the measurements")
    command.add_argument("--out", type=Path, required=True, help="folder to publish into")

    command = add(
        commands, "publish-list", publish_list, "count files as published: they may be replaced"
    )
    command.add_argument("folder", type=Path, help="folder that was published into")
    command.add_argument(
        "files", type=Path, nargs="*", help="files there (all tables and figures it lists)"
    )

    command = add(commands, "readme", readme, "put published tables and the cards' into a page")
    command.add_argument("readme", type=Path)
    command.add_argument(
        "--tables", type=Path, nargs="+", default=[], help="folders of the published ones"
    )

    command = add(commands, "data-card", card, "describe a published folder's tables as Croissant")
    command.add_argument("published", type=Path)
    command.add_argument("--citation", type=Path, required=True, help="CITATION.cff")

    command = add(commands, "archive", archive, "code, published results and runs in one file")
    command.add_argument("--runs", type=Path, required=True, help="root folder of the runs")
    command.add_argument("--out", type=Path, required=True, help="folder of the archive")

    command = add(commands, "export", export, "write runs as ONNX, to be run without torch")
    command.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of a run")
    command.add_argument("--dataset", required=True)
    command.add_argument("--prepared", type=Path, required=True, help="what they were trained on")
    command.add_argument("--raw", type=Path, required=True, help="folder of the raw files")
    command.add_argument("--point", default="one_se", help="operating point to answer at (one_se)")
    command.add_argument(
        "--threshold",
        type=float,
        nargs="+",
        help="instead of the point's: one, or one for each exit but the last",
    )
    command.add_argument("--out", type=Path, required=True, help="root folder of the exports")


def publish(arguments: argparse.Namespace) -> None:
    from cgt.study.publish import publish

    left_out, external = arguments.without, arguments.external
    kept = publish(arguments.results, arguments.expected, arguments.out, left_out, external)
    _say(kept, arguments.out)


def publish_bench(arguments: argparse.Namespace) -> None:
    from cgt.study.publish import publish_benchmarks

    _say(publish_benchmarks(arguments.measured, arguments.out), arguments.out)


def publish_list(arguments: argparse.Namespace) -> None:
    from cgt.study.publish import renew_list

    renew_list(arguments.folder, arguments.files)


def _say(kept: list[str], out: Path) -> None:
    if kept:
        names = ", ".join(str(out / name) for name in kept)
        print(f"edited since published, and no longer part of it; kept, and yours now: {names}")


def readme(arguments: argparse.Namespace) -> None:
    from cgt.study.readme import fill

    for folder in arguments.tables:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no folder of tables; `make figures` draws them")
    fill(arguments.readme, arguments.tables)


def card(arguments: argparse.Namespace) -> None:
    from cgt.study.datacard import write_data_card

    write_data_card(arguments.published, arguments.citation)


def archive(arguments: argparse.Namespace) -> None:
    from cgt.study.archive import archive

    print(archive(Path.cwd(), arguments.runs, arguments.out))


def export(arguments: argparse.Namespace) -> None:
    from cgt.data import load
    from cgt.deploy.export_run import export_run

    data = load(arguments.dataset, arguments.prepared, arguments.raw)
    answering = {"point": arguments.point, "threshold": arguments.threshold}
    for folder in arguments.runs:
        print(export_run(folder, data, arguments.prepared, arguments.out, **answering))
