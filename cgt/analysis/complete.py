"""Does every expected run have all its files, whole and its own?"""

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from cgt.analysis.summary import Run, files_of, in_order, missing, name_of, refuse
from cgt.records.files import check_safetensors
from cgt.records.manifest import FILES, check_files
from cgt.records.predictions import load_predictions


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
            looks["manifest.json"] = partial(_check_own, run=run)
        faults[run] = missing(folder, [*looks, *files_of(run, external)])
        for name, look in looks.items():
            try:
                if (folder / name).is_file():
                    look(folder / name)
            except ValueError as error:
                faults[run].append(str(error))
    refuse(faults, runs_dir)


def _check_own(manifest: Path, run: Run) -> None:
    """The manifest is this run's, and the files that it lists are what training wrote."""
    there = [name for name in FILES if (manifest.parent / name).is_file()]
    check_files(manifest.parent, *run, names=there)
