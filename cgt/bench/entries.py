"""What each entry of a configuration costs: time and memory of training, time of an answer."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import cgt.data
from cgt.analysis.comparisons import reference_of
from cgt.bench.infer import batches, seconds_of
from cgt.bench.loops import epoch_seconds
from cgt.bench.measure import interleave, median_ratio, write_table
from cgt.bench.pipeline import train_arguments
from cgt.bench.processes import peak_bytes, python
from cgt.bench.variants import run_to_the_end
from cgt.data import Dataset
from cgt.methods.single_exit import SingleExit
from cgt.methods.static import SideBySide
from cgt.nn.network import EarlyExitNetwork
from cgt.operate.routing import exit_index
from cgt.records.csv_schema import check, read_csv
from cgt.records.predictions import load_predictions
from cgt.training.job import Job, build_method, build_settings
from cgt.training.model_io import build_network
from cgt.training.runs import TrainedRun, open_run

COLUMNS = (
    "dataset",
    "method",
    "seed",
    "epochs",
    "steps",
    "rounds",
    "epoch_seconds",
    "epoch_factor",
    "epoch_factor_low",
    "epoch_factor_high",
    "peak_mib",
    "ms_1",
    "ms_64",
    "reference_ms_1",
    "reference_ms_64",
    "relative_time_1",
    "relative_time_64",
)
"""What :func:`bench_entries` measures.

epochs, steps: of the trainings that were timed; steps of an epoch at most. rounds: of these.
epoch_seconds: see :func:`cgt.bench.loops.epoch_seconds`; median over the rounds.
epoch_factor: of the time per epoch to BranchyNet's of the same round (without BranchyNet among the
    entries, to the first entry's): median, smallest and largest of the rounds.
peak_mib: largest resident memory of a training process, MiB (2²⁰ bytes): one training of as few
    epochs as the entry's phases allow.
ms_1, ms_64: milliseconds of an answer to one sample and to a batch of 64, at the run's one-SE
    point, median over the rounds. reference_ms_…: the same of the dataset's network without early
    exits, which answers in turn with the entries. relative_time_…: median of the rounds' ratios.
"""
POINT = "one_se"
BATCHES = (1, 64)
SAMPLES = {1: 256, 64: 512}
"""How many test samples are answered in a round; where there are fewer, some of them again."""
ROUNDS = 5
"""Of answers."""
MIB = 2**20

Row = dict[str, Any]


class Way(NamedTuple):
    """How a network answers a batch of tensors."""

    answer: Callable[[torch.Tensor], Any]
    takes_arrays: bool = False


def bench_entries(
    jobs: Sequence[Job], runs: Path, *, epochs: int, steps: int, rounds: int, out: Path
) -> None:
    """Measure the entries of one dataset; write `out` (CSV, :data:`COLUMNS`) and the machine.

    One thread. Trainings take turns, and so do answers at every batch. A training is cut off after
    `steps` steps of each epoch, so what an entry saves only later in its training is not seen; what
    it does once before a phase counts as much as in a training of `epochs` epochs.

    Args:
        jobs: full-size training jobs, all of one dataset at one seed.
        runs: folder of all runs, of which those of the jobs are finished and evaluated.
        epochs, steps: of the trainings, at most. rounds: of these; one more comes before.

    Raises:
        ValueError: if the jobs are not of one dataset and seed, `epochs` are too few for the phases
            of an entry, or a run is damaged, another's, or has no one-SE point.
    """
    torch.set_num_threads(1)
    first = jobs[0]
    if others := {(job.dataset, job.seed) for job in jobs} - {(first.dataset, first.seed)}:
        raise ValueError(
            f"jobs are of {first.dataset} at seed {first.seed} and also of {sorted(others)[0]}; "
            f"give those of one dataset at one seed"
        )
    data = cgt.data.load(first.dataset, first.prepared, first.raw_dir)
    fewest = {job.method: fewest_epochs(data, job, epochs) for job in jobs}
    folders = {job.method: runs / job.dataset / job.method / str(job.seed) for job in jobs}
    ways = {name: way_of(open_run(folder, data), folder) for name, folder in folders.items()}
    reference = reference_network(data, first)
    answers = {size: answer_times(ways, reference, data, size) for size in BATCHES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peaks = {job.method: peak_mib(job, folder / job.method, fewest[job.method]) for job in jobs}
        trainings = {
            job.method: partial(epoch_seconds, data, job, epochs, steps, folder) for job in jobs
        }
        trained = interleave(trainings, rounds)
    about = {"dataset": first.dataset, "seed": first.seed}
    about |= {"epochs": epochs, "steps": steps, "rounds": rounds}
    rows = table(trained, peaks, answers)
    write_table(out, [{name: (about | row)[name] for name in COLUMNS} for row in rows], threads=1)


def table(
    trained: Mapping[str, Sequence[float]],
    peaks: Mapping[str, float],
    answers: Mapping[int, Mapping[str, np.ndarray]],
) -> list[Row]:
    """Rows of :data:`COLUMNS`, without what is the same for all entries.

    trained: seconds of an epoch in each round, by entry. peaks: MiB. answers: by batch size and
    entry, milliseconds of an answer in each round; under the empty name, of the reference network.
    """
    baseline = trained[reference_of(list(trained))]
    rows = []
    for method, seconds in trained.items():
        factors = [a / b for a, b in zip(seconds, baseline, strict=True)]
        row: Row = {
            "method": method,
            "epoch_seconds": float(np.median(seconds)),
            "epoch_factor": median_ratio(seconds, baseline),
            "epoch_factor_low": min(factors),
            "epoch_factor_high": max(factors),
            "peak_mib": float(peaks[method]),
        }
        for size, of in answers.items():
            row[f"ms_{size}"] = float(np.median(of[method]))
            row[f"reference_ms_{size}"] = float(np.median(of[""]))
            row[f"relative_time_{size}"] = median_ratio(of[method].tolist(), of[""].tolist())
        rows.append(row)
    return rows


def fewest_epochs(data: Dataset, job: Job, most: int) -> int:
    """The smallest number of epochs that the job's phases can be trained in.

    Raises ValueError if that is above `most`.
    """
    method, settings = build_method(job), build_settings(job)
    exits = build_network(data, method, settings.network, settings.exits).num_exits
    for epochs in range(1, most + 1):
        try:
            method.phases(epochs, exits)
        except ValueError as error:
            reason = error
        else:
            return epochs
    raise ValueError(
        f"epochs is {most}, too few to train {job.method} on {job.dataset} ({reason}); give more"
    )


def peak_mib(job: Job, folder: Path, epochs: int) -> float:
    """Largest resident memory, MiB, of a process that trains the job for so many epochs."""
    return (
        peak_bytes(python("-m", "cgt", "train", *train_arguments(vars(job), folder, epochs))) / MIB
    )


def way_of(run: TrainedRun, folder: Path) -> Way:
    """How a finished run answers at its one-SE point: by :meth:`EarlyExitNetwork.infer`.

    Networks that stand side by side have no early exits: the one that the threshold picks answers.
    """
    threshold = one_se_threshold(folder)
    network = run.network.eval()
    if isinstance(network, SideBySide):
        picked = exit_index(load_predictions(folder / "predictions.npz").test.confidence, threshold)
        depth = int(picked[0])  # the same for all samples
        network = EarlyExitNetwork([network.stages[depth]], [network.heads[depth]]).eval()
    if network.num_exits == 1:
        return Way(partial(run_to_the_end, network))
    return Way(lambda x: network.infer(x, threshold, run.rule))


def one_se_threshold(folder: Path) -> float:
    """The threshold at the one-SE point of an evaluated run.

    Raises ValueError if its table of operating points is damaged or has no such point.
    """
    path = folder / "operating_points.csv"
    table = check(read_csv(path), "operating_points", path)
    return float(table.loc[table["point"] == POINT, "threshold"].iloc[0])


def reference_network(data: Dataset, job: Job) -> EarlyExitNetwork:
    """The dataset's network without early exits, as `single_exit` has it; its weights are random.

    Speed does not depend on the weights.
    """
    settings = build_settings(job)
    torch.manual_seed(job.seed)
    return build_network(data, SingleExit(), settings.network, settings.exits).eval()


def answer_times(
    ways: Mapping[str, Way], reference: EarlyExitNetwork, data: Dataset, size: int
) -> dict[str, np.ndarray]:
    """Milliseconds of an answer to `size` samples in each round, ``[ROUNDS]``, mean over batches.

    By entry, and under the empty name of the reference network; see :func:`seconds_of`.
    """
    compared = {"": Way(partial(run_to_the_end, reference)), **ways}
    # The same samples for all; in random order, because they are sorted by place.
    order = np.random.default_rng(0).permutation(len(data.test.y))
    inputs = batches(data.test.x[np.resize(order, SAMPLES[size])], size)
    seconds = seconds_of(list(compared.values()), inputs, ROUNDS)
    return {name: 1000 * of.mean(axis=1) for name, of in zip(compared, seconds, strict=True)}
