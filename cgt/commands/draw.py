"""A summary to conclusions, tables and figures."""

import argparse
from pathlib import Path

from cgt.commands.arguments import add, add_drawing, add_jobs, json_list


def add_draw(commands: argparse._SubParsersAction) -> None:
    """Add the subcommands of this stage."""
    command = add(commands, "conclude", conclude, "compare the methods and judge the claims")
    add_drawing(command)

    command = add(commands, "keep-verdicts", keep_verdicts, "keep the verdicts of a publication")
    command.add_argument("claims", type=Path, help="published claims.csv, of the first rule")
    command.add_argument("--out", type=Path, required=True, help="file to write (.csv)")

    command = add(commands, "tables", tables, "write the tables from a summary")
    add_drawing(command)
    command.add_argument("--first", type=Path, help="verdicts to show beside, see keep-verdicts")
    command.add_argument(
        "--learning-rates", type=Path, help="areas at learning rates that were not tuned (.csv)"
    )

    command = add(commands, "figures", figures, "draw the figures from a summary")
    add_drawing(command)
    add_jobs(command)

    command = add(commands, "leaderboard", leaderboard, "set all published rows side by side")
    command.add_argument("published", type=Path, help="folder of the published results")
    command.add_argument("--out", type=Path, required=True, help="folder to write into")

    command = add(commands, "networks", networks, "tabulate how much room networks leave")
    command.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="folders of runs of static and branchynet"
    )
    command.add_argument("--out", type=Path, required=True, help="folder of the table")

    command = add(commands, "ablation-effects", ablation_effects, "compare variants to the tuned")
    command.add_argument("--summary", type=Path, required=True, help="folder of the summary")
    command.add_argument("--cells", type=json_list, required=True, help="JSON: points of studies")
    command.add_argument("--out", type=Path, required=True, help="folder of the effects")

    command = add(commands, "ablation-draw", ablation_draw, "draw the ablations and their tables")
    add_drawing(command)


def conclude(arguments: argparse.Namespace) -> None:
    from cgt.analysis.conclusions import conclude

    conclude(arguments.summary, arguments.out)


def keep_verdicts(arguments: argparse.Namespace) -> None:
    from cgt.analysis.claims import first_verdicts
    from cgt.records.csv_schema import read_csv, write_csv

    write_csv(first_verdicts(read_csv(arguments.claims)), arguments.out)


def tables(arguments: argparse.Namespace) -> None:
    from cgt.analysis.tables import write_tables

    beside = arguments.first, arguments.learning_rates
    write_tables(arguments.summary, arguments.out, *beside)


def figures(arguments: argparse.Namespace) -> None:
    from cgt.analysis.figures import draw_all

    draw_all(arguments.summary, arguments.out, arguments.jobs)


def leaderboard(arguments: argparse.Namespace) -> None:
    from cgt.study.leaderboard import read_frames, write_leaderboard

    write_leaderboard(read_frames(arguments.published), arguments.out)


def networks(arguments: argparse.Namespace) -> None:
    from cgt.analysis.networks import write_networks

    write_networks(arguments.runs, arguments.out)


def ablation_effects(arguments: argparse.Namespace) -> None:
    from cgt.analysis.ablation import write_effects
    from cgt.study.ablation import Cell

    if not arguments.cells:
        raise ValueError("--cells names no point of a study: nothing is compared")
    for cell in arguments.cells:
        if set(cell) != set(Cell._fields):
            raise ValueError(f"--cells: a point has {sorted(cell)}; it must have {Cell._fields}")
    write_effects(arguments.summary, arguments.cells, arguments.out)


def ablation_draw(arguments: argparse.Namespace) -> None:
    from cgt.analysis.ablation import draw_ablation

    draw_ablation(arguments.summary, arguments.out)
