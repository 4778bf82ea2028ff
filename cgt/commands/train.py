"""Training: a run, or a trial of a search."""

import argparse
import sys
import time
from pathlib import Path

from cgt.commands.arguments import add, add_job


def add_train(commands: argparse._SubParsersAction) -> None:
    """Add the subcommands of this stage."""
    command = add(commands, "train", train, "train one method on one dataset at one seed")
    add_job(command)
    command.add_argument("--out", type=Path, required=True, help="folder of the run")
    command.add_argument("--checkpoints", type=Path, required=True, help="folder to resume from")

    command = add(commands, "tune-trial", tune_trial, "train and score one trial on validation")
    add_job(command)
    command.add_argument("--trial", type=int, required=True)
    command.add_argument(
        "--reference", type=Path, required=True, help="what the dataset's network costs (.json)"
    )
    command.add_argument("--work", type=Path, required=True, help="folder of the trial's run")
    command.add_argument("--out", type=Path, required=True, help="result (.json)")

    command = add(commands, "reference", reference, "count what a dataset's network costs")
    command.add_argument("dataset")
    command.add_argument("--prepared", type=Path, required=True, help="prepared file (.npz)")
    command.add_argument("--raw", type=Path, required=True, help="folder of the raw files")
    command.add_argument("--network", required=True, help="file of cgt/networks")
    command.add_argument("--exits", type=int, help="how many exits (the network's own default)")
    command.add_argument("--out", type=Path, required=True, help="costs (.json)")


def reference(arguments: argparse.Namespace) -> None:
    from cgt.training.reference import write_reference

    where = (arguments.dataset, arguments.prepared, arguments.raw)
    write_reference(*where, arguments.network, arguments.exits, arguments.out)


def train(arguments: argparse.Namespace) -> None:
    _train(arguments, arguments.out, arguments.checkpoints)


def tune_trial(arguments: argparse.Namespace) -> None:
    from cgt.operate.area import validation_area
    from cgt.records.files import write_json
    from cgt.records.predictions import load_predictions
    from cgt.records.reference import load_reference
    from cgt.study.schema import LABEL_SMOOTHING
    from cgt.training.divergence import DivergedError

    try:
        _train(arguments, arguments.work, arguments.work)
        reference = load_reference(arguments.reference, arguments.dataset)
        score = validation_area(load_predictions(arguments.work / "predictions.npz"), reference)
    except DivergedError as error:
        # A learning rate that is too high is an answer, not a failure of the search.
        print(error, file=sys.stderr)
        score = 0.0
    settings = arguments.settings
    record = {
        "dataset": arguments.dataset,
        "method": arguments.method,
        "trial": arguments.trial,
        "seed": arguments.seed,
        "settings": {
            "lr": settings["lr"],
            LABEL_SMOOTHING: settings.get(LABEL_SMOOTHING, 0.0),
            **arguments.hyperparameters,
        },
        "score": score,
    }
    write_json(arguments.out, record)


def _train(arguments: argparse.Namespace, out: Path, checkpoints: Path) -> None:
    """Train the job of the arguments and write the run with its manifest."""
    import torch

    from cgt.records.files import remove_leftovers, write_json
    from cgt.records.lock import locked
    from cgt.records.manifest import build_manifest, digests
    from cgt.training.job import Job
    from cgt.training.loop import train_run

    asked = _asked(arguments)
    with locked(checkpoints):
        for folder in (out, checkpoints):
            remove_leftovers(folder)
        start = time.perf_counter()

        def finish(data, earlier: float) -> None:
            seconds = earlier + time.perf_counter() - start
            threads = torch.get_num_threads()
            manifest = build_manifest(asked, data.checksums, threads, seconds, digests(out))
            write_json(out / "manifest.json", manifest)

        job = Job(**asked, prepared=arguments.prepared, raw_dir=arguments.raw)
        train_run(job, out, checkpoints, finish)


def _asked(arguments: argparse.Namespace) -> dict:
    names = ("dataset", "method", "seed", "settings", "hyperparameters")
    asked = {name: getattr(arguments, name) for name in names}
    return {**asked, "implementation": arguments.implementation or arguments.method}
