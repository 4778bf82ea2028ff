"""One run to tables, all runs to a summary, and whether summaries are sound."""

import argparse
from pathlib import Path

from cgt.commands.arguments import add, add_expected, add_external, add_run


def add_evaluate(commands: argparse._SubParsersAction) -> None:
    """Add the subcommands of this stage."""
    command = add(commands, "evaluate", evaluate, "measure one run: thresholds, curves, exits")
    command.add_argument("predictions", type=Path)
    add_run(command)
    command.add_argument(
        "--reference", type=Path, required=True, help="what the dataset's network costs (.json)"
    )
    command.add_argument("--out", type=Path, required=True, help="folder of the CSV files")

    command = add(
        commands, "verify-predictions", verify, "do predictions answer the prepared split?"
    )
    command.add_argument("predictions", type=Path)
    command.add_argument("--dataset", required=True)
    command.add_argument("--seed", type=int, required=True)
    command.add_argument("--prepared", type=Path, required=True, help="prepared file (.npz)")
    command.add_argument("--raw", type=Path, help="folder of the raw files, or the .npz file")

    command = add(
        commands, "verify", verify_folder, "do predictions from elsewhere answer the splits?"
    )
    command.add_argument("folder", type=Path, help="folder of DATASET/METHOD/SEED/predictions.npz")
    command.add_argument(
        "--prepared",
        type=Path,
        required=True,
        help="folder of the prepared files, DATASET/SEED.npz",
    )
    command.add_argument("--raw", type=Path, help="folder of the raw data, one folder each")
    command.add_argument(
        "--references", type=Path, required=True, help="folder of DATASET.json, see `cgt reference`"
    )
    command.add_argument("--rows", type=Path, help="published rows to compare seeds and data with")

    command = add(commands, "aggregate", aggregate, "gather all runs into one CSV per question")
    add_expected(command)
    add_external(command)
    command.add_argument("--out", type=Path, required=True, help="folder of the summary")

    command = add(
        commands, "sample-intervals", sample_intervals, "resample differences over test samples"
    )
    add_expected(command)
    command.add_argument(
        "--references", type=Path, required=True, help="folder of DATASET.json, see `cgt reference`"
    )
    command.add_argument("--out", type=Path, required=True, help="file of the table (.csv)")

    command = add(commands, "check", check, "are the runs complete, and is the summary theirs?")
    add_expected(command)
    add_external(command)
    command.add_argument("--summary", type=Path, required=True, help="folder of the summary")

    command = add(commands, "compare", compare, "does a new summary agree with the published one?")
    command.add_argument("new", type=Path, help="folder of the new summary")
    command.add_argument("published", type=Path, help="folder of the published summary")


def evaluate(arguments: argparse.Namespace) -> None:
    from cgt.analysis.evaluation import evaluate_file

    evaluate_file(
        arguments.predictions,
        arguments.dataset,
        arguments.method,
        arguments.seed,
        arguments.out,
        arguments.reference,
    )


def verify(arguments: argparse.Namespace) -> None:
    from cgt.data.verify import verify_predictions

    where = (arguments.dataset, arguments.seed, arguments.prepared, arguments.raw)
    verify_predictions(arguments.predictions, *where)
    print(f"{arguments.predictions} answers {arguments.dataset}, seed {arguments.seed}")


def verify_folder(arguments: argparse.Namespace) -> None:
    from cgt.data.verify import verify_predictions
    from cgt.records.cards import cards
    from cgt.study.submission import find_predictions, submission_report

    found = find_predictions(arguments.folder)
    faults = []
    for one in found:
        prepared = arguments.prepared / one.dataset / f"{one.seed}.npz"
        raw = cards("data")[one.dataset]["raw"]
        place = arguments.raw / raw if raw and arguments.raw else None
        try:
            verify_predictions(one.path, one.dataset, one.seed, prepared, place)
        except ValueError as error:
            faults.append(str(error))
    if faults:
        raise ValueError(
            "\n  ".join([f"{len(faults)} of {len(found)} files are refused:", *faults])
        )
    places = (arguments.prepared, arguments.references, arguments.rows)
    print(submission_report(found, *places), end="")
    print(f"all {len(found)} files answer their splits")


def aggregate(arguments: argparse.Namespace) -> None:
    from cgt.analysis.summary import aggregate

    aggregate(arguments.runs, arguments.expected, arguments.out, arguments.external)


def sample_intervals(arguments: argparse.Namespace) -> None:
    from cgt.analysis.sample_intervals import write_sample_intervals

    names = arguments.runs, arguments.expected, arguments.references
    write_sample_intervals(*names, arguments.out)


def check(arguments: argparse.Namespace) -> None:
    from cgt.study.publish import check_summary

    check_summary(arguments.runs, arguments.expected, arguments.summary, arguments.external)
    print(f"{arguments.summary} follows from all {len(arguments.expected)} runs")


def compare(arguments: argparse.Namespace) -> None:
    from cgt.analysis.compare import compare, compare_verdicts

    both = arguments.new, arguments.published
    tables = {"numbers": compare(*both), "verdicts": compare_verdicts(*both)}
    for table in tables.values():
        print(table.to_string(index=False))
    for what, table in tables.items():
        print(f"{(table['verdict'] == 'agrees').sum()} of {len(table)} {what} agree")
