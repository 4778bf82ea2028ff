"""Training throughput: our loop beside the bound and beside the conventional loop."""

import statistics
import tempfile
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

import cgt.data
from cgt.bench.loops import bound, conventional, ours
from cgt.bench.measure import interleave, median_ratio, write_table
from cgt.training.job import Job

COLUMNS = (
    "dataset",
    "loop",
    "method",
    "batch_size",
    "steps",
    "repeats",
    "samples_per_second",
    "relative_to_bound",
    "relative_to_conventional",
)
WHOLE = "ours, whole epochs"
"""Our loop with the validation, gradients and checkpoint that follow the steps of an epoch."""


def bench_train(jobs: Sequence[Job], steps: int, repeats: int, out: Path) -> None:
    """Measure the loops on the datasets of `jobs` and write `out` (CSV, :data:`COLUMNS`).

    jobs: the methods to train with our loop; those of a dataset stand together and share its
    settings but `lr`. steps: of each loop in each repeat, at most those of an epoch. Single thread.
    `relative_to_…`: median over the repeats of the ratio within a repeat; whole epochs are not
    compared to the conventional loop, which does not validate.
    """
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for _, group in groupby(jobs, key=lambda job: job.dataset):
            rows += _measure(list(group), steps, repeats, Path(folder))
    write_table(out, rows, threads=1)


def _measure(jobs: list[Job], steps: int, repeats: int, folder: Path) -> list[dict[str, Any]]:
    first = jobs[0]
    data = cgt.data.load(first.dataset, first.prepared, first.raw_dir)
    steps = min(steps, max(len(data.train.y) // first.settings["batch_size"], 1))
    loops: dict[tuple[str, str], Callable[[], Any]] = {
        ("bound", ""): lambda: bound(data, first, steps),
        ("conventional", ""): lambda: conventional(data, first, steps),
    }
    for job in jobs:
        loops["ours", job.method] = lambda job=job: ours(data, job, steps, folder)
    return table(first, steps, interleave(loops, repeats))


def table(job: Job, steps: int, measured: dict[tuple[str, str], list[Any]]) -> list[dict[str, Any]]:
    """Rows of :data:`COLUMNS` from what the loops gave in each repeat, by loop and method."""
    rates: dict[tuple[str, str], list[float]] = {}
    for (loop, method), values in measured.items():
        if loop == "ours":
            rates[loop, method] = [rate.steps for rate in values]
            rates[WHOLE, method] = [rate.epoch for rate in values]
        else:
            rates[loop, method] = values
    return [
        {
            "dataset": job.dataset,
            "loop": loop,
            "method": method,
            "batch_size": job.settings["batch_size"],
            "steps": steps,
            "repeats": len(values),
            "samples_per_second": statistics.median(values),
            "relative_to_bound": median_ratio(values, rates["bound", ""]),
            "relative_to_conventional": ""
            if loop == WHOLE
            else median_ratio(values, rates["conventional", ""]),
        }
        for (loop, method), values in rates.items()
    ]
