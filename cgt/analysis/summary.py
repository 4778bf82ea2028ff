"""All runs -> one CSV per question. Nothing is averaged here, and nothing may be missing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
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

EXAMPLES = 5
"""How many faulty runs a message names."""


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
        ValueError: saying how many runs lack a file, or hold one with a row that is there twice, a
            cell that is not a finite number, or labels of another run; the first few are named.
            Nothing is written then.
    """
    runs_dir, out_dir = Path(runs_dir), Path(out_dir)
    ordered = in_order(expected)
    absent = {run: missing(runs_dir / name_of(run), files_of(run, external)) for run in ordered}
    refuse(absent, runs_dir)
    faults: dict[Run, list[str]] = {run: [] for run in ordered}
    loaded: dict[str, list[pd.DataFrame]] = {table: [] for table in TABLES}
    for run in ordered:
        for table in _tables(run, external):
            try:
                loaded[table].append(_load(table, runs_dir / name_of(run), run))
            except ValueError as error:
                faults[run].append(str(error))
    refuse(faults, runs_dir)
    summary = {name: _gather(name, parts) for name, parts in loaded.items()}
    _refuse_missing_rows(summary, runs_dir)
    check_sources(runs_dir, ordered, summary, RUN_FILES, external)
    for name, frame in summary.items():
        write_csv(frame, out_dir / f"{name}.csv")


def missing(folder: Path, names: Iterable[str]) -> list[str]:
    """What to say of files of a run that are not there; of a run without any, of the run."""
    names = dict.fromkeys(names)
    absent = [f"{folder / name} is missing" for name in names if not (folder / name).is_file()]
    return absent if len(absent) < len(names) else [f"{folder} is missing"]


def files_of(run: Run, external: Collection[str]) -> list[str]:
    """Files that the summary is gathered from."""
    return [RUN_FILES[table] for table in _tables(run, external)]


def _tables(run: Run, external: Collection[str]) -> list[str]:
    return [table for table in TABLES if not (table in BY_TRAINING and run[1] in external)]


def refuse(faults: Mapping[Run, Sequence[str]], runs_dir: Path) -> None:
    """Raise ValueError if a run has faults: how many runs do, and the first of the first few."""
    faulty = [found for found in faults.values() if found]
    if not faulty:
        return
    named = [
        first + (f" (and {len(rest)} more of this run)" if rest else "")
        for first, *rest in faulty[:EXAMPLES]
    ]
    if len(faulty) > EXAMPLES:
        named.append(f"and {len(faulty) - EXAMPLES} more")
    are = "is" if len(faulty) == 1 else "are"
    raise ValueError(
        f"{len(faulty)} of {len(faults)} runs in {runs_dir} {are} missing or damaged; delete what "
        f"is damaged, and `make` makes it anew: {'; '.join(named)}"
    )


def in_order(runs: Sequence[Run]) -> list[Run]:
    """Runs in the order of display. Raises ValueError if there is none, or one is there twice."""
    if not runs:
        raise ValueError("no runs are expected; name at least one dataset, method and seed")
    if twice := sorted({run for run in runs if list(runs).count(run) > 1}):
        raise ValueError(f"runs expected twice: {', '.join(map(name_of, twice))}")
    datasets = list(dict.fromkeys(dataset for dataset, _, _ in runs))
    methods = list(dict.fromkeys(method for _, method, _ in runs))
    return sorted(runs, key=lambda run: (datasets.index(run[0]), methods.index(run[1]), run[2]))


def _gather(table: str, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
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
            path = runs_dir / name_of(silent[0]) / RUN_FILES[name]
            raise ValueError(f"{path}: holds no rows, as if the run did not route, but it does")


def name_of(run: Run) -> str:
    """As in the path of its folder."""
    return "/".join(str(part) for part in run)
