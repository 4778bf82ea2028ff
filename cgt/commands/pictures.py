"""What the pictures are drawn from, and the pictures."""

import argparse
from functools import partial
from pathlib import Path

from cgt.commands.arguments import add, add_drawing, add_expected, add_jobs, add_run, positive


def add_pictures(commands: argparse._SubParsersAction) -> None:
    """Add the subcommands of this stage."""
    command = add(commands, "scene", scene, "map a scene with trained runs")
    command.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of a run")
    command.add_argument("--dataset", required=True)
    command.add_argument("--shown", required=True, help="the method that other pictures show")
    command.add_argument("--prepared", type=Path, required=True, help="prepared file (.npz)")
    command.add_argument("--raw", type=Path, required=True, help="folder of the raw files")
    command.add_argument("--step", type=positive, default=1, help="map every n-th row and column")
    command.add_argument("--out", type=Path, required=True, help="maps (.npz)")

    command = add(commands, "collect-gallery", collect_gallery, "gather samples of each exit")
    command.add_argument("predictions", type=Path)
    add_run(command)
    command.add_argument("--prepared", type=Path, required=True, help="prepared file (.npz)")
    command.add_argument("--raw", type=Path, required=True, help="folder of the raw files")
    command.add_argument(
        "--reference", type=Path, required=True, help="what names the classes (.json)"
    )
    command.add_argument("--out", type=Path, required=True, help="images or signals (.npz)")

    command = add(
        commands, "confusion", confusion, "count which class each exit mistakes for which"
    )
    add_expected(command)
    command.add_argument(
        "--references", type=Path, nargs="+", required=True, help="what name the classes (.json)"
    )
    command.add_argument(
        "--out", type=Path, required=True, help="folder of confusion.csv and class_names.csv"
    )

    command = add(commands, "pictures", pictures, "draw the pictures from a summary")
    add_drawing(command)
    command.add_argument("--shown", required=True, help="the method that confusions show")
    add_jobs(command)


def scene(arguments: argparse.Namespace) -> None:
    from cgt.analysis.pictures.data import THRESHOLD
    from cgt.training.scene import write_maps

    where = (arguments.dataset, arguments.prepared, arguments.raw)
    write_maps(*(arguments.out, arguments.runs, *where, THRESHOLD), arguments.shown, arguments.step)


def collect_gallery(arguments: argparse.Namespace) -> None:
    from cgt.analysis.pictures.data import write_gallery
    from cgt.data.samples import test_samples
    from cgt.records.predictions import load_predictions
    from cgt.records.reference import load_reference

    names = load_reference(arguments.reference, arguments.dataset).class_names
    test = load_predictions(arguments.predictions).test
    samples = partial(test_samples, arguments.dataset, arguments.prepared, arguments.raw)
    write_gallery(arguments.out, test, samples, names, arguments.method, arguments.seed)


def confusion(arguments: argparse.Namespace) -> None:
    from cgt.analysis.pictures.data import write_confusion
    from cgt.records.reference import load_reference

    runs = {
        run: arguments.runs.joinpath(*map(str, run)) / "predictions.npz"
        for run in arguments.expected
    }
    references = [load_reference(path) for path in arguments.references]
    names = {reference.dataset: reference.class_names for reference in references}
    write_confusion(runs, names, arguments.out)


def pictures(arguments: argparse.Namespace) -> None:
    from cgt.analysis.pictures import draw_pictures

    draw_pictures(arguments.summary, arguments.out, arguments.shown, arguments.jobs)
