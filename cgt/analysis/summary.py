"""All runs -> one CSV per question. Nothing is averaged here, and nothing may be missing."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from cgt.analysis.sources import check_sources
from cgt.records.csv_schema import RUN, TABLES, check, exit_columns, read_csv, write_csv
from cgt.records.manifest import check_files

Run = tuple[str, str, int]
"""Dataset, method, seed."""

RUN_FILES = {name: f"{name}.csv" for name in TABLES} | {
    "training": "history.csv",
    "timings": "manifest.json",
}
"""The file in a run's folder that each summary table is gathered from."""

BY_TRAINING = ("training", "gradients", "timings")
"""Tables of what training records; a run's files do not hold its labels there."""


def aggregate(
    runs_dir: Path | str,
    expected: Sequence[Run],
    out_dir: Path | str,
    external: Collection[str] = (),
) -> None:
    """Gather `runs_dir/{dataset}/{method}/{seed}/` of every expected run into one CSV per table.

    Rows follow the order in which `expected` first names each dataset and method, then the seed;
    this is also the order of display. Exits that a network does not have get a share of 0. Methods
    named in `external` were trained elsewhere: they have no rows in what training records.

    Raises:
        ValueError: naming every run file that is missing, or the first cell that is there twice, is
            not a finite number, or labelled as another run. Nothing is written then.
    """
    runs_dir, out_dir = Path(runs_dir), Path(out_dir)
    if not expected:
        raise ValueError("no runs are expected; name at least one dataset, method and seed")
    twice = sorted({run for run in expected if list(expected).count(run) > 1})
    if twice:
        raise ValueError(f"runs expected twice: {', '.join(map(_name, twice))}")
    ordered = _in_order(expected)
    runs = {
        table: [run for run in ordered if not (table in BY_TRAINING and run[1] in external)]
        for table in TABLES
    }
    missing = [
        f"{_name(run)}/{RUN_FILES[table]}"
        for table in TABLES
        for run in runs[table]
        if not (runs_dir / _name(run) / RUN_FILES[table]).is_file()
    ]
    if missing:
        raise ValueError(
            f"{runs_dir} is incomplete; {len(missing)} files are missing: {', '.join(missing)}"
        )
    summary = {name: _gather(name, runs_dir, runs[name]) for name in TABLES}
    _refuse_missing_rows(summary, runs_dir)
    check_sources(runs_dir, ordered, summary, RUN_FILES, external)
    for name, frame in summary.items():
        write_csv(frame, out_dir / f"{name}.csv")


def _in_order(runs: Sequence[Run]) -> list[Run]:
    datasets = list(dict.fromkeys(dataset for dataset, _, _ in runs))
    methods = list(dict.fromkeys(method for _, method, _ in runs))
    return sorted(runs, key=lambda run: (datasets.index(run[0]), methods.index(run[1]), run[2]))


def _gather(table: str, runs_dir: Path, runs: Sequence[Run]) -> pd.DataFrame:
    parts = [_load(table, runs_dir / _name(run), run) for run in runs]
    # A run without rows has nothing to add, and its lack of exit columns must not count.
    frame = pd.concat([part for part in parts if not part.empty] or parts[:1], ignore_index=True)
    shares = exit_columns(frame) if TABLES[table].has_exit_shares else []
    return frame.fillna(dict.fromkeys(shares, 0.0))


def _load(table: str, folder: Path, run: Run) -> pd.DataFrame:
    path = folder / RUN_FILES[table]
    labels = dict(zip(RUN, run, strict=True))
    if table == "timings":
        manifest = check_files(folder, *run)
        frame = pd.DataFrame([{**labels, "seconds": manifest["wall_seconds"]}])
    elif table in BY_TRAINING:
        frame = read_csv(path).assign(**labels)
    else:
        frame = read_csv(path)
    frame = check(frame, table, path)
    for label, value in labels.items():
        if not (frame[label] == value).all():
            raise ValueError(f"{path}: {label} is {frame[label].iloc[0]}; it must be {value}")
    key = list(TABLES[table].key)
    return frame.sort_values(key) if key else frame


def _refuse_missing_rows(summary: dict[str, pd.DataFrame], runs_dir: Path) -> None:
    """A run that routes has rows in every table, one that does not may lack the same few."""
    said = {
        name: set(summary[name][list(RUN)].itertuples(index=False, name=None))
        for name, table in TABLES.items()
        if table.may_be_empty
    }
    # A network of several exits has an area even if it does not route.
    routing = set().union(*(runs for name, runs in said.items() if name != "areas"))
    for name, runs in said.items():
        if silent := sorted(routing - runs):
            path = runs_dir / _name(silent[0]) / RUN_FILES[name]
            raise ValueError(f"{path}: holds no rows, as if the run did not route, but it does")


def _name(run: Run) -> str:
    return "/".join(str(part) for part in run)
