"""`cgt bench …`: one subcommand per benchmark."""

import argparse
from pathlib import Path
from typing import Any

from cgt.commands.arguments import add, json_jobs, positive


def add_bench(commands: argparse._SubParsersAction) -> None:
    """Add `bench` with its own subcommands to those of `cgt`."""
    help = "measure speed, each time beside a baseline in the same run"
    bench = commands.add_parser("bench", help=help, description=help)
    benchmarks = bench.add_subparsers(dest="benchmark", required=True, metavar="BENCHMARK")
    _add_infer(benchmarks)
    _add_device(benchmarks)
    _add_train(benchmarks)
    _add_entries(benchmarks)
    _add_scaling(benchmarks)
    _add_pipeline(benchmarks)
    _add_page(benchmarks)
    _add_draw(benchmarks)


def _add_infer(benchmarks: argparse._SubParsersAction) -> None:
    command = add(benchmarks, "infer", infer, "what leaving early saves: latency and throughput")
    command.add_argument("methods", nargs="+", metavar="METHOD")
    command.add_argument("--dataset", required=True)
    command.add_argument("--seed", type=int, required=True)
    command.add_argument("--prepared", type=Path, required=True, help="prepared file (.npz)")
    command.add_argument("--raw", type=Path, required=True, help="folder of the raw files")
    command.add_argument("--runs", type=Path, required=True, help="folder of all runs")
    command.add_argument(
        "--points", type=Path, required=True, help="operating points with thresholds (.csv)"
    )
    command.add_argument("--out", type=Path, required=True, help="measurements (.csv)")


def infer(arguments: argparse.Namespace) -> None:
    from cgt.bench.infer import bench_infer

    bench_infer(
        arguments.runs,
        arguments.points,
        dataset=arguments.dataset,
        methods=arguments.methods,
        seed=arguments.seed,
        prepared=arguments.prepared,
        raw=arguments.raw,
        out=arguments.out,
    )


def _add_device(benchmarks: argparse._SubParsersAction) -> None:
    command = add(
        benchmarks, "device", device, "what exits save, exported and in torch: random weights"
    )
    command.add_argument(
        "--points", type=Path, required=True, help="operating points with exit shares (.csv)"
    )
    command.add_argument("--networks", nargs="+", help="of those it knows (all that have points)")
    command.add_argument("--out", type=Path, required=True, help="measurements (.csv)")


def device(arguments: argparse.Namespace) -> None:
    from cgt.bench.device import bench_device

    bench_device(arguments.points, arguments.out, arguments.networks)


def _add_train(benchmarks: argparse._SubParsersAction) -> None:
    command = add(benchmarks, "train", train, "our training loop: samples per second")
    command.add_argument("--jobs", type=json_jobs, required=True, help="JSON: list of jobs")
    command.add_argument("--steps", type=positive, default=40, help="of a loop in each repeat")
    command.add_argument("--repeats", type=positive, default=5)
    command.add_argument("--out", type=Path, required=True, help="measurements (.csv)")


def train(arguments: argparse.Namespace) -> None:
    from cgt.bench.train import bench_train

    bench_train(_jobs(arguments.jobs), arguments.steps, arguments.repeats, arguments.out)


def _add_entries(benchmarks: argparse._SubParsersAction) -> None:
    help = "what each entry costs: time and memory of training, time of an answer"
    command = add(benchmarks, "entries", entries, help)
    command.add_argument("--jobs", type=json_jobs, required=True, help="JSON: list of jobs")
    command.add_argument("--runs", type=Path, required=True, help="folder of all runs")
    command.add_argument("--epochs", type=positive, default=6, help="of a training (6)")
    command.add_argument("--steps", type=positive, default=40, help="of an epoch at most (40)")
    command.add_argument("--rounds", type=positive, default=3, help="of trainings (3)")
    command.add_argument("--out", type=Path, required=True, help="measurements (.csv)")


def entries(arguments: argparse.Namespace) -> None:
    from cgt.bench.entries import bench_entries

    how = {name: getattr(arguments, name) for name in ("epochs", "steps", "rounds", "out")}
    bench_entries(_jobs(arguments.jobs), arguments.runs, **how)


def _jobs(given: list[dict[str, Any]]) -> list:
    """Each :class:`cgt.training.job.Job` as JSON has it."""
    from cgt.training.job import Job

    paths = ("prepared", "raw_dir")
    return [
        Job(**{name: Path(value) if name in paths else value for name, value in job.items()})
        for job in given
    ]


def _add_scaling(benchmarks: argparse._SubParsersAction) -> None:
    command = add(benchmarks, "scaling", scaling, "how time grows: samples, seeds, exits, width")
    command.add_argument("--repeats", type=positive, default=5)
    command.add_argument("--out", type=Path, required=True, help="measurements (.csv)")


def scaling(arguments: argparse.Namespace) -> None:
    from cgt.bench.scaling import bench_scaling

    bench_scaling(arguments.out, arguments.repeats)


def _add_pipeline(benchmarks: argparse._SubParsersAction) -> None:
    command = add(benchmarks, "pipeline", pipeline, "what planning and starting jobs costs")
    command.add_argument("--snakefile", type=Path, required=True)
    command.add_argument("--jobs", type=json_jobs, required=True, help="JSON: list of jobs")
    command.add_argument("--raw", type=Path, required=True, help="folder with one per dataset")
    command.add_argument("--out", type=Path, required=True, help="measurements (.csv)")


def pipeline(arguments: argparse.Namespace) -> None:
    from cgt.bench.pipeline import bench_pipeline

    bench_pipeline(arguments.snakefile, arguments.jobs, arguments.raw, arguments.out)


def _add_page(benchmarks: argparse._SubParsersAction) -> None:
    command = add(benchmarks, "page", page, "write the pages of a folder of measurements")
    command.add_argument("folder", type=Path)


def page(arguments: argparse.Namespace) -> None:
    from cgt.analysis.performance import write_page

    write_page(arguments.folder)


def _add_draw(benchmarks: argparse._SubParsersAction) -> None:
    command = add(benchmarks, "draw", draw, "accuracy against latency, from what infer measured")
    command.add_argument("measured", type=Path, nargs="+", help="measurements of infer (.csv)")
    command.add_argument("--out", type=Path, required=True, help="folder of the figure")


def draw(arguments: argparse.Namespace) -> None:
    from cgt.analysis.latency import draw_latency

    draw_latency(arguments.measured, arguments.out)
