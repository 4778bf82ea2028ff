"""What the pipeline costs besides training: planning, starting, memory; and what two cores gain."""

import json
import shutil
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cgt.bench.measure import write_table
from cgt.bench.processes import peak_gigabytes, python, seconds, seconds_to_first_step
from cgt.study.config import load_config, seeds_of

COLUMNS = ("what", "value", "unit", "goal")
REPEATS = 3
"""Of all but memory and the smoke runs, of which there are two; the median counts."""
SMOKE_DATASET = "indian_pines"


def bench_pipeline(
    snakefile: Path, jobs: Sequence[Mapping[str, Any]], raw: Path, out: Path
) -> None:
    """Measure and write `out` (CSV, :data:`COLUMNS`); `goal` is empty where there is none.

    jobs: full-size training jobs, as :class:`cgt.training.job.Job` has them. raw: the folder that
    holds a folder of raw files for each dataset.
    """
    snakefile = snakefile.resolve()
    rows = [("cgt --help", _median(lambda: seconds(python("-m", "cgt", "--help"))), "s", "< 0.3")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = _snakemake(snakefile, folder, "--dry-run", "--cores", "2")
        rows.append(
            ("snakemake -n, full configuration", _median(lambda: seconds(plan)), "s", "< 5")
        )
        rows += [row for job in jobs for row in _job_rows(job, folder)]
        rows += _smoke_rows(snakefile, raw, folder)
    table = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    write_table(out, table, threads=1, packages=["snakemake"])


def train_arguments(job: Mapping[str, Any], folder: Path, epochs: int = 1) -> list[str]:
    """Arguments of `cgt train` for so many epochs of `job`, written into `folder`."""
    return [
        *("--dataset", job["dataset"], "--method", job["method"], "--seed", str(job["seed"])),
        *("--implementation", job["implementation"]),
        *("--prepared", str(job["prepared"]), "--raw", str(job["raw_dir"])),
        *("--settings", json.dumps({**job["settings"], "epochs": epochs})),
        *("--hyperparameters", json.dumps(job["hyperparameters"])),
        *("--out", str(folder / "run"), "--checkpoints", str(folder / "checkpoints")),
    ]


def _job_rows(job: Mapping[str, Any], folder: Path) -> list[tuple]:
    arguments = train_arguments(job, folder)
    what = f"training job, {job['dataset']}"
    peak = peak_gigabytes(python("-m", "cgt", "train", *arguments))
    first_step = _median(lambda: seconds_to_first_step(arguments))
    return [
        (f"{what}: start to first step", first_step, "s", "< 4"),
        (f"{what}: peak memory", peak, "GB", "< 1"),
    ]


def _smoke_rows(snakefile: Path, raw: Path, folder: Path) -> list[tuple]:
    """Train and evaluate all methods on the smoke slice of one dataset, on one core and on two."""
    config = snakefile.parent / "config"
    smoke = config / "smoke.yaml"
    # A copy: Snakemake may decide to make raw files anew, and deletes them first.
    settings = load_config(config / "config.yaml", smoke)
    shutil.copytree(raw / SMOKE_DATASET, folder / settings["data"]["raw"] / SMOKE_DATASET)
    seed = seeds_of(settings, SMOKE_DATASET)[0]
    prepared = f"{settings['data']['prepared']}/{SMOKE_DATASET}/{seed}.npz"

    def run(number: int, cores: int) -> float:
        results = f"results-{number}"
        done = [f"{results}/runs/{SMOKE_DATASET}/{m}/{seed}/exits.csv" for m in settings["methods"]]
        own = ("--config", f"results={results}", "--cores", str(cores))
        common = ("--scheduler", "greedy", "--configfile", smoke, *own, "--")
        seconds(_snakemake(snakefile, folder, *common, prepared))
        return seconds(_snakemake(snakefile, folder, *common, *done))

    # In an order that favours neither, should the machine's pace drift.
    took = [(cores, run(number, cores)) for number, cores in enumerate((2, 1, 1, 2))]
    one, two = (statistics.median(time for of, time in took if of == cores) for cores in (1, 2))
    what = f"smoke configuration, all methods on {SMOKE_DATASET}"
    return [
        (f"{what}: --cores 1", one, "s", ""),
        (f"{what}: --cores 2", two, "s", ""),
        (f"{what}: --cores 2 against --cores 1", one / two, "times as fast", ""),
    ]


def _snakemake(snakefile: Path, folder: Path, *arguments: str | Path) -> list[str]:
    return python(*("-m", "snakemake", "--snakefile", snakefile, "--directory", folder), *arguments)


def _median(measure: Callable[[], float]) -> float:
    return statistics.median(measure() for _ in range(REPEATS))
