"""Does every expected run have all its files, whole and its own?"""

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from cgt.analysis.summary import Run, files_of, in_order, missing, name_of, read_manifest, refuse
from cgt.records.csv_schema import RUN
from cgt.records.files import check_safetensors
from cgt.records.predictions import load_predictions

MANIFEST = (
    *("job", "data", "wall_seconds", "git", "versions", "platform", "cpu", "cpu_count", "gpu"),
    "threads",
)
"""Keys that the manifest of a run has."""


def check_runs(
    runs_dir: Path | str, expected: Sequence[Run], external: Collection[str] = ()
) -> None:
    """Look at every file of every expected run but its tables' cells, which `aggregate` checks.

    Predictions must be readable and keep their contract, weights be as long as they say, and the
    manifest describe this run. Of `external` methods there are neither weights nor manifest.

    Raises:
        ValueError: saying how many runs are missing or damaged, and what is wrong with the first
            few.
    """
    runs_dir = Path(runs_dir)
    faults = {}
    for run in in_order(expected):
        folder = runs_dir / name_of(run)
        looks = {"predictions.npz": load_predictions}
        if run[1] not in external:
            looks["model.safetensors"] = check_safetensors
            looks["manifest.json"] = partial(_check_manifest, run=run)
        faults[run] = missing(folder, [*looks, *files_of(run, external)])
        for name, look in looks.items():
            try:
                if (folder / name).is_file():
                    look(folder / name)
            except ValueError as error:
                faults[run].append(str(error))
    refuse(faults, runs_dir)


def _check_manifest(path: Path, run: Run) -> None:
    manifest = read_manifest(path)
    if lacking := [key for key in MANIFEST if key not in manifest]:
        raise ValueError(f"{path}: {lacking[0]} is missing")
    job = manifest["job"]
    # A variant's name is the method's and what differs.
    due = dict(zip(RUN, (run[0], run[1].split(",")[0], run[2]), strict=True))
    for key, value in due.items():
        found = job.get(key) if isinstance(job, dict) else None
        if found != value:
            raise ValueError(f"{path}: the job's {key} is {found!r}; it must be {value!r}")
