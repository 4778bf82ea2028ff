"""From a finished run to the files that stand in the repository."""

import filecmp
import json
import shutil
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

from cgt.analysis.conclusions import CONCLUSIONS, conclude
from cgt.analysis.summary import Run, aggregate
from cgt.records.files import atomic_path, write_json
from cgt.records.manifest import summarise

PUBLISHED_SUFFIXES = (".csv", ".npz", ".md", ".tex", ".svg", ".png")
"""PDF figures are left out: they are large, and `make figures` redraws them."""


def check_summary(
    runs_dir: Path, expected: Sequence[Run], summary_dir: Path, external: Collection[str] = ()
) -> None:
    """Gather the runs again, draw the conclusions that stand there, and compare.

    Raises ValueError if a run is missing or damaged, or if the summary does not follow from them.
    """
    with tempfile.TemporaryDirectory() as folder:
        aggregate(runs_dir, expected, Path(folder), external)
        if drawn := [name for name in CONCLUSIONS if (summary_dir / f"{name}.csv").exists()]:
            conclude(folder, folder, drawn)
        fresh = sorted(path.name for path in Path(folder).iterdir())
        _, differing, unreadable = filecmp.cmpfiles(folder, summary_dir, fresh, shallow=False)
    if stale := sorted(differing + unreadable):
        raise ValueError(
            f"{summary_dir}: {', '.join(stale)} missing or not what the runs give; "
            f"delete the folder and run again"
        )


def publish(
    results: Path,
    expected: Sequence[Run],
    out: Path,
    left_out: Collection[str] = (),
    external: Collection[str] = (),
) -> None:
    """Copy summary, tables, figures and trials of `results` to `out`, with one manifest for all.

    Files whose name is in `left_out` are not copied. Of runs of `external` methods nothing is known
    but their predictions: the manifest does not describe them.

    Raises ValueError if the summary does not follow from the expected runs.
    """
    check_summary(results / "runs", expected, results / "summary", external)
    for folder in ("summary", "tables", "figures"):
        shutil.rmtree(out / folder, ignore_errors=True)
        for path in sorted((results / folder).rglob("*")):
            if path.suffix in PUBLISHED_SUFFIXES and path.name not in left_out:
                _copy(path, out / path.relative_to(results))
    trials = results / "tuning" / "tuning.csv"
    if trials.is_file():
        _copy(trials, out / "tuning.csv")
    names = ["/".join(map(str, run)) for run in expected if run[1] not in external]
    manifests = {name: results / "runs" / name / "manifest.json" for name in names}
    texts = {name: path.read_text(encoding="utf-8") for name, path in manifests.items()}
    merged = summarise({name: json.loads(text) for name, text in texts.items()})
    write_json(out / "manifest.json", merged)


def publish_benchmarks(measured: Path, out: Path) -> None:
    """Copy tables and figures of `measured` to `out`, a table with the machine beside it.

    Raises FileNotFoundError if there are none.
    """
    kept = {*PUBLISHED_SUFFIXES, ".json"}
    paths = [path for path in sorted(measured.glob("*.*")) if path.suffix in kept]
    if not paths:
        raise FileNotFoundError(f"{measured} holds no measurements; `make bench` makes them")
    shutil.rmtree(out, ignore_errors=True)
    for path in paths:
        _copy(path, out / path.name)


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
