"""What a summary is gathered from: whose the runs' files are, and whether their tables follow."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cgt.operate.sweep import sweep_shared
from cgt.records.csv_columns import ROUNDING, RUN
from cgt.records.csv_schema import check_together
from cgt.records.manifest import MANIFEST, load_manifest
from cgt.records.predictions import SPLITS, Predictions, load_predictions

PREDICTIONS = "predictions.npz"

Run = tuple[str, str, int]
Tables = Mapping[str, pd.DataFrame]


def check_sources(
    runs_dir: Path,
    runs: Sequence[Run],
    tables: Tables,
    files: Mapping[str, str],
    external: Collection[str] = (),
) -> None:
    """Check the tables of all runs together, and against the predictions they were measured on.

    tables: of all runs, by name. files: those of a run's folder that they are from. external:
    methods trained elsewhere: they need no manifest.

    Raises:
        ValueError: naming the file and the fault: tables that contradict each other or were
            measured on other predictions, a manifest of another run, or runs of one dataset and
            seed that answer other samples.
    """

    def folder_of(run: Run) -> Path:
        return runs_dir / "/".join(map(str, run))

    check_together(tables, lambda table, run: f"{folder_of(run) / files[table]}")
    by_run = {name: dict(list(tables[name].groupby(list(RUN)))) for name in ("exits", "curves")}
    first: dict[tuple[str, str, int], tuple[Path, np.ndarray]] = {}
    for run in runs:
        dataset, method, seed = run
        folder = folder_of(run)
        path = folder / PREDICTIONS
        if method in external and (folder / MANIFEST).exists():
            load_manifest(folder / MANIFEST, *run)
        if not path.is_file():
            raise ValueError(f"{path} is missing, though its tables are there; run again")
        predictions = load_predictions(path)
        for split in SPLITS:
            part = getattr(predictions, split)
            answered = np.stack([part.index, part.target])
            other, expected = first.setdefault((dataset, split, seed), (path, answered))
            if not np.array_equal(answered, expected):
                raise ValueError(
                    f"{path}: its {split} samples, {split}_index and {split}_target, are not those "
                    f"of {other}; methods are compared sample by sample at each seed"
                )
        found = {name: frames[run] for name, frames in by_run.items()}
        _refuse_other_predictions(predictions, found, folder)


def _refuse_other_predictions(predictions: Predictions, tables: Tables, folder: Path) -> None:
    """The tables of one run must be what its predictions give on test samples."""
    test, macs = predictions.test, predictions.macs
    exits, curves = tables["exits"].sort_values("exit"), tables["curves"].sort_values("threshold")
    if len(exits) != len(macs):
        raise ValueError(
            f"{folder}/exits.csv: exit={len(exits)} is the last; {PREDICTIONS} beside it has "
            f"{len(macs)} exits"
        )
    curve = sweep_shared(test, macs)
    right = (test.prediction == test.target).mean(axis=1)
    # What costs are relative to is known to as many digits as the table shows.
    share = exits["relative_cost"].iloc[-1]
    cost = curve.cost / macs[-1] * share
    room = 2 * ROUNDING * (1 + curve.cost / macs[-1])
    for file, frame, key, column, expected, tolerance in (
        ("exits", exits, "exit", "macs", macs, 0),
        ("exits", exits, "exit", "accuracy", right, ROUNDING),
        ("curves", curves, "threshold", "accuracy", curve.accuracy, ROUNDING),
        ("curves", curves, "threshold", "relative_cost", cost, room),
    ):
        off = np.abs(frame[column].to_numpy() - expected) > tolerance
        if off.any():
            row = frame[off].iloc[0]
            raise ValueError(
                f"{folder}/{file}.csv: {column} is {row[column]:g} in the row {key}={row[key]:g}; "
                f"{PREDICTIONS} beside it gives {expected[off][0]:g}; evaluate the run again"
            )
