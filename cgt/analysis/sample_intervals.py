"""Headline differences with a second interval, over seeds and over test samples.

It needs every run's predictions, so it is a table of the summary: nothing can be resampled from
CSVs. `sample_intervals.csv` has one row per dataset and method that has an area: the difference in
area from the reference, sample by sample, and

- `ci_low`, `ci_high`: the 95 % t interval over seeds;
- `sampled_low`, `sampled_high`: the 95 % interval of resampling seeds and test samples, crossed
  where `shared` is 1 (the same test samples at every seed), else within each seed; with one seed,
  of test samples alone;
- `n`: seeds that both have; `samples`: test samples at each seed, the fewest.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cgt.analysis.comparisons import reference_of
from cgt.analysis.resampling import interval_over_seeds_and_samples
from cgt.analysis.statistics import estimate
from cgt.analysis.summary import Run, in_order, name_of
from cgt.operate.area import area_by_sample
from cgt.records.csv_schema import write_csv
from cgt.records.predictions import load_predictions
from cgt.records.reference import Reference, load_reference

COLUMNS = (
    *("dataset", "method", "reference", "difference", "ci_low", "ci_high"),
    *("sampled_low", "sampled_high", "shared", "n", "samples"),
)
PREDICTIONS = "predictions.npz"

Samples = Mapping[int, np.ndarray]
"""By seed: each test sample's share of the budgets at which it is answered right."""


def write_sample_intervals(
    runs_dir: Path | str, expected: Sequence[Run], references: Path | str, out: Path | str
) -> None:
    """Write the table of all expected runs to `out`.

    Args:
        runs_dir: folder of `DATASET/METHOD/SEED/predictions.npz`.
        references: folder of `DATASET.json`, see `cgt reference`.

    Raises:
        ValueError: naming a file that is missing or damaged, or that no run is expected.
    """
    rows = []
    runs = in_order(expected)
    for dataset in dict.fromkeys(run[0] for run in runs):
        reference = load_reference(Path(references) / f"{dataset}.json", dataset)
        of_dataset = [run for run in runs if run[0] == dataset]
        found, shared = _of_dataset(Path(runs_dir), of_dataset, reference)
        rows += [{"dataset": dataset, **row} for row in against_reference(found, shared)]
    write_csv(pd.DataFrame(rows, columns=list(COLUMNS)), out)


def against_reference(found: Mapping[str, Samples], shared: bool) -> list[dict]:
    """The rows of one dataset; methods in the order given.

    shared: whether test samples are the same at every seed.
    """
    if not found:
        return []
    reference = reference_of(list(found))
    rows = []
    for method, own in found.items():
        seeds = [seed for seed in own if seed in found[reference]]
        if method == reference or not seeds:
            continue
        gains = [own[seed] - found[reference][seed] for seed in seeds]
        over = estimate([gain.mean() for gain in gains])
        low, high = interval_over_seeds_and_samples(gains, shared)
        rows.append(
            {
                **{"method": method, "reference": reference, "difference": over.mean},
                **{"ci_low": over.ci_low, "ci_high": over.ci_high},
                **{"sampled_low": low, "sampled_high": high, "shared": int(shared)},
                **{"n": over.n, "samples": min(map(len, gains))},
            }
        )
    return rows


def _of_dataset(
    runs_dir: Path, runs: Sequence[Run], reference: Reference
) -> tuple[dict[str, dict[int, np.ndarray]], bool]:
    found: dict[str, dict[int, np.ndarray]] = {}
    answered = set()
    for run in runs:
        path = runs_dir / name_of(run) / PREDICTIONS
        if not path.is_file():
            raise ValueError(f"{path} is missing; `make` trains what is not there")
        predictions = load_predictions(path)
        answered.add((predictions.test.index.tobytes(), predictions.test.target.tobytes()))
        if len(predictions.macs) > 1:
            found.setdefault(run[1], {})[run[2]] = area_by_sample(predictions, reference)
    return found, len(answered) == 1
