"""`cgt bench …`: one subcommand per benchmark. Heavy imports stand inside the handlers."""

import argparse
from pathlib import Path

from cgt.arguments import add


def add_bench(commands: argparse._SubParsersAction) -> None:
    """Add `bench` with its own subcommands to those of `cgt`."""
    help = "measure speed, each time beside a baseline in the same run"
    bench = commands.add_parser("bench", help=help, description=help)
    benchmarks = bench.add_subparsers(dest="benchmark", required=True, metavar="BENCHMARK")
    _add_infer(benchmarks)
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


def _add_draw(benchmarks: argparse._SubParsersAction) -> None:
    command = add(benchmarks, "draw", draw, "accuracy against latency, from what infer measured")
    command.add_argument("measured", type=Path, nargs="+", help="measurements of infer (.csv)")
    command.add_argument("--out", type=Path, required=True, help="folder of the figure")


def draw(arguments: argparse.Namespace) -> None:
    from cgt.analysis.latency import draw_latency

    draw_latency(arguments.measured, arguments.out)
