"""The door: one thin subcommand per rule. Heavy imports stand inside the handlers."""

import argparse
import errno
import json
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from cgt.arguments import (
    add,
    add_drawing,
    add_expected,
    add_job,
    add_jobs,
    add_run,
    named_path,
    run_name,
)
from cgt.bench.commands import add_bench


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; return 0, or 2 after one clean message about what was wrong."""
    arguments = build_parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except KeyboardInterrupt:
        print(f"cgt {arguments.command}: stopped; run it again to go on", file=sys.stderr)
        return 128 + signal.SIGINT
    except (ValueError, OSError, ModuleNotFoundError) as error:
        if arguments.debug:
            traceback.print_exc()
        print(f"cgt {arguments.command}: {_reason(error)}", file=sys.stderr)
        return 2
    return 0


def _reason(error: Exception) -> str:
    """What to tell the user, with what can be done where the system refused."""
    if not (isinstance(error, OSError) and error.filename):
        return str(error)
    advice = {
        errno.ENOSPC: "; free some space and run again: finished files are kept",
        errno.EDQUOT: "; free some of your quota and run again: finished files are kept",
        errno.EACCES: "; the folder must be readable and writable for you",
        errno.EROFS: "; choose a folder that can be written",
    }
    return f"{error.strerror}: {error.filename}{advice.get(error.errno, '')}"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands; each sets `run` to its handler."""
    parser = argparse.ArgumentParser(
        prog="cgt", description="A reproducible benchmark of early-exit training methods."
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = add(commands, "download", download, "fetch and verify a dataset's raw files")
    command.add_argument("dataset")
    command.add_argument("--out", type=Path, required=True, help="folder of the raw files")

    command = add(commands, "prepare", prepare, "split a dataset and fit its scaling, at one seed")
    command.add_argument("dataset")
    command.add_argument("--seed", type=int, required=True)
    command.add_argument("--raw", type=Path, required=True, help="folder of the raw files")
    command.add_argument("--out", type=Path, required=True, help="prepared file (.npz)")
    command.add_argument("--limit", type=int, help="keep at most this many training samples")
    command.add_argument("--patch", type=int, help="indian_pines: width of a patch in pixels")
    command.add_argument("--components", type=int, help="indian_pines: principal components kept")

    command = add(commands, "train", train, "train one method on one dataset at one seed")
    add_job(command)
    command.add_argument("--out", type=Path, required=True, help="folder of the run")
    command.add_argument("--checkpoints", type=Path, required=True, help="folder to resume from")

    command = add(commands, "evaluate", evaluate, "measure one run: thresholds, curves, exits")
    command.add_argument("predictions", type=Path)
    add_run(command)
    command.add_argument("--out", type=Path, required=True, help="folder of the CSV files")

    command = add(commands, "aggregate", aggregate, "gather all runs into one CSV per question")
    add_expected(command)
    command.add_argument("--out", type=Path, required=True, help="folder of the summary")

    command = add(commands, "check", check, "are the runs complete, and is the summary theirs?")
    add_expected(command)
    command.add_argument("--summary", type=Path, required=True, help="folder of the summary")

    command = add(commands, "conclude", conclude, "compare the methods and judge the claims")
    add_drawing(command)

    command = add(commands, "tables", tables, "write the tables from a summary")
    add_drawing(command)

    command = add(commands, "figures", figures, "draw the figures from a summary")
    add_drawing(command)
    add_jobs(command)

    command = add(commands, "pictures", pictures, "draw the pictures from a summary")
    add_drawing(command)
    add_jobs(command)

    command = add(commands, "ablation-effects", ablation_effects, "compare variants to the tuned")
    command.add_argument("--summary", type=Path, required=True, help="folder of the summary")
    command.add_argument("--cells", type=json.loads, required=True, help="JSON: points of studies")
    command.add_argument("--out", type=Path, required=True, help="folder of the effects")

    command = add(commands, "ablation-draw", ablation_draw, "draw the ablations and their tables")
    add_drawing(command)

    command = add(commands, "audit", audit, "count what the splits of a scene train and test on")
    command.add_argument("prepared", nargs="+", type=named_path, metavar="DATASET=PREPARED")
    command.add_argument("--raw", type=Path, required=True, help="folder of the raw files")
    command.add_argument("--out", type=Path, required=True, help="audit (.csv)")

    command = add(commands, "scene", scene, "map every pixel of a scene with trained runs")
    command.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of a run")
    command.add_argument("--dataset", required=True)
    command.add_argument("--shown", required=True, help="the method that other pictures show")
    command.add_argument("--prepared", type=Path, required=True, help="prepared file (.npz)")
    command.add_argument("--raw", type=Path, required=True, help="folder of the raw files")
    command.add_argument("--out", type=Path, required=True, help="maps (.npz)")

    command = add(commands, "collect-gallery", collect_gallery, "gather samples of each exit")
    command.add_argument("predictions", type=Path)
    command.add_argument("--method", required=True)
    command.add_argument("--seed", type=int, required=True)
    command.add_argument("--raw", type=Path, required=True, help="folder of the raw files")
    command.add_argument("--out", type=Path, required=True, help="images (.npz)")

    command = add(commands, "confusion", confusion, "count which class each exit takes for which")
    add_expected(command)
    command.add_argument("--out", type=Path, required=True, help="counts (.csv)")

    command = add(commands, "compare", compare, "does a new summary agree with the published one?")
    command.add_argument("new", type=Path, help="folder of the new summary")
    command.add_argument("published", type=Path, help="folder of the published summary")

    command = add(commands, "publish", publish, "copy results into the published folder")
    command.add_argument("expected", nargs="+", type=run_name, metavar="DATASET/METHOD/SEED")
    command.add_argument("--results", type=Path, required=True, help="root folder of the results")
    command.add_argument("--out", type=Path, required=True, help="folder to publish into")
    command.add_argument("--without", nargs="*", default=[], help="names of files to leave out")

    command = add(commands, "publish-bench", publish_bench, "copy measurements of speed there, too")
    command.add_argument("measured", type=Path, help="folder of the measurements")
    command.add_argument("--out", type=Path, required=True, help="folder to publish into")

    command = add(commands, "readme", readme, "put the published tables into the README")
    command.add_argument("readme", type=Path)
    command.add_argument("--tables", type=Path, nargs="+", required=True, help="their folders")

    command = add(commands, "tune-trial", tune_trial, "train and score one trial on validation")
    add_job(command)
    command.add_argument("--trial", type=int, required=True)
    command.add_argument("--work", type=Path, required=True, help="folder of the trial's run")
    command.add_argument("--out", type=Path, required=True, help="result (.json)")

    command = add(commands, "tune-select", tune_select, "gather all trials and choose the best")
    command.add_argument("trials", type=Path, nargs="+", help="results of tune-trial (.json)")
    command.add_argument("--out", type=Path, required=True, help="folder of tuning.csv, best.yaml")

    command = add(commands, "export", export, "write runs as ONNX, to be run without torch")
    command.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of a run")
    command.add_argument("--dataset", required=True)
    command.add_argument("--prepared", type=Path, required=True, help="what they were trained on")
    command.add_argument("--raw", type=Path, required=True, help="folder of the raw files")
    command.add_argument("--point", default="knee", help="operating point to answer at (knee)")
    command.add_argument(
        "--threshold", type=float, nargs="+", help="instead of the point's: one, or one per exit"
    )
    command.add_argument("--out", type=Path, required=True, help="root folder of the exports")

    add_bench(commands)
    return parser


def download(arguments: argparse.Namespace) -> None:
    from cgt import data

    data.download(arguments.dataset, arguments.out)


def prepare(arguments: argparse.Namespace) -> None:
    from cgt import data

    given = {name: getattr(arguments, name) for name in ("limit", "patch", "components")}
    settings = {name: value for name, value in given.items() if value is not None}
    data.prepare(arguments.dataset, arguments.seed, arguments.raw, arguments.out, **settings)


def train(arguments: argparse.Namespace) -> None:
    _train(arguments, arguments.out, arguments.checkpoints)


def evaluate(arguments: argparse.Namespace) -> None:
    from cgt.analysis.evaluation import evaluate_file

    evaluate_file(
        arguments.predictions, arguments.dataset, arguments.method, arguments.seed, arguments.out
    )


def aggregate(arguments: argparse.Namespace) -> None:
    from cgt.analysis.summary import aggregate

    aggregate(arguments.runs, arguments.expected, arguments.out)


def check(arguments: argparse.Namespace) -> None:
    from cgt.publish import check_summary

    check_summary(arguments.runs, arguments.expected, arguments.summary)
    print(f"{arguments.summary} follows from all {len(arguments.expected)} runs")


def conclude(arguments: argparse.Namespace) -> None:
    from cgt.analysis.conclusions import conclude

    conclude(arguments.summary, arguments.out)


def tables(arguments: argparse.Namespace) -> None:
    from cgt.analysis.tables import write_tables

    write_tables(arguments.summary, arguments.out)


def figures(arguments: argparse.Namespace) -> None:
    from cgt.analysis.figures import draw_all

    draw_all(arguments.summary, arguments.out, arguments.jobs)


def pictures(arguments: argparse.Namespace) -> None:
    from cgt.analysis.pictures import draw_pictures

    draw_pictures(arguments.summary, arguments.out, arguments.jobs)


def ablation_effects(arguments: argparse.Namespace) -> None:
    from cgt.analysis.ablation import write_effects

    write_effects(arguments.summary, arguments.cells, arguments.out)


def ablation_draw(arguments: argparse.Namespace) -> None:
    from cgt.analysis.ablation import draw_ablation

    draw_ablation(arguments.summary, arguments.out)


def audit(arguments: argparse.Namespace) -> None:
    from cgt.analysis.audit import write_audit
    from cgt.data.audit import audit

    parts = [audit(dataset, path, arguments.raw) for dataset, path in arguments.prepared]
    write_audit([row for part in parts for row in part], arguments.out)


def scene(arguments: argparse.Namespace) -> None:
    from cgt.analysis.pictures.data import THRESHOLD
    from cgt.analysis.pictures.parts import save_npz
    from cgt.data.scene import backdrop
    from cgt.scene import map_scene

    where = (arguments.dataset, arguments.prepared, arguments.raw)
    maps = map_scene(arguments.runs, *where, THRESHOLD)
    save_npz(arguments.out, shown=arguments.shown, **backdrop(*where), **maps)


def collect_gallery(arguments: argparse.Namespace) -> None:
    from cgt.analysis.pictures.data import THRESHOLD, choose
    from cgt.analysis.pictures.parts import save_npz
    from cgt.data.fashion_mnist import CLASS_NAMES
    from cgt.data.images import test_images
    from cgt.predictions import load_predictions

    chosen = choose(load_predictions(arguments.predictions).test, len(CLASS_NAMES))
    save_npz(
        arguments.out,
        image=test_images(chosen["index"], arguments.raw),
        **chosen,
        class_names=CLASS_NAMES,
        shown=arguments.method,
        seed=arguments.seed,
        threshold=THRESHOLD,
    )


def confusion(arguments: argparse.Namespace) -> None:
    from cgt.analysis.pictures.data import write_confusion

    folders = {run: arguments.runs.joinpath(*map(str, run)) for run in arguments.expected}
    write_confusion(
        {run: folder / "predictions.npz" for run, folder in folders.items()}, arguments.out
    )


def compare(arguments: argparse.Namespace) -> None:
    from cgt.analysis.compare import compare

    table = compare(arguments.new, arguments.published)
    print(table.to_string(index=False))
    print(f"{(table['verdict'] == 'agrees').sum()} of {len(table)} numbers agree")


def publish(arguments: argparse.Namespace) -> None:
    from cgt.publish import publish

    publish(arguments.results, arguments.expected, arguments.out, arguments.without)


def publish_bench(arguments: argparse.Namespace) -> None:
    from cgt.analysis.performance import write_page
    from cgt.publish import publish_benchmarks

    publish_benchmarks(arguments.measured, arguments.out)
    write_page(arguments.out)


def readme(arguments: argparse.Namespace) -> None:
    from cgt.readme import fill

    fill(arguments.readme, arguments.tables)


def export(arguments: argparse.Namespace) -> None:
    from cgt.data import load
    from cgt.export import export_run

    data = load(arguments.dataset, arguments.prepared, arguments.raw)
    answering = {"point": arguments.point, "threshold": arguments.threshold}
    for folder in arguments.runs:
        print(export_run(folder, data, arguments.prepared, arguments.out, **answering))


def tune_trial(arguments: argparse.Namespace) -> None:
    from cgt.analysis.area import validation_area
    from cgt.files import write_json
    from cgt.predictions import load_predictions
    from cgt.training import DivergedError

    try:
        _train(arguments, arguments.work, arguments.work)
        score = validation_area(load_predictions(arguments.work / "predictions.npz"))
    except DivergedError as error:
        # A learning rate that is too high is an answer, not a failure of the search.
        print(error, file=sys.stderr)
        score = 0.0
    record = {
        "dataset": arguments.dataset,
        "method": arguments.method,
        "trial": arguments.trial,
        "seed": arguments.seed,
        "settings": {"lr": arguments.settings["lr"], **arguments.hyperparameters},
        "score": score,
    }
    write_json(arguments.out, record)


def tune_select(arguments: argparse.Namespace) -> None:
    from cgt.tuning import write_selection

    write_selection(arguments.trials, arguments.out)


def _train(arguments: argparse.Namespace, out: Path, checkpoints: Path) -> None:
    """Train the job of the arguments and write the run with its manifest."""
    import torch

    from cgt.files import remove_leftovers, write_json
    from cgt.lock import locked
    from cgt.manifest import build_manifest
    from cgt.training import Job, train_run

    asked = _asked(arguments)
    with locked(checkpoints):
        for folder in (out, checkpoints):
            remove_leftovers(folder)
        start = time.perf_counter()

        def finish(data) -> None:
            seconds = time.perf_counter() - start
            manifest = build_manifest(asked, data.checksums, torch.get_num_threads(), seconds)
            write_json(out / "manifest.json", manifest)

        job = Job(**asked, prepared=arguments.prepared, raw_dir=arguments.raw)
        train_run(job, out, checkpoints, finish)


def _asked(arguments: argparse.Namespace) -> dict:
    names = ("dataset", "method", "seed", "settings", "hyperparameters")
    return {name: getattr(arguments, name) for name in names}
