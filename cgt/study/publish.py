"""From a finished run to the files that stand in the repository."""

import filecmp
import json
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

from cgt.analysis.complete import check_runs
from cgt.analysis.conclusions import CONCLUSIONS, conclude
from cgt.analysis.frames import SAMPLED
from cgt.analysis.performance import DEVICE, PAGE, pages
from cgt.analysis.sample_intervals import write_sample_intervals
from cgt.analysis.summary import Run, aggregate
from cgt.records.files import json_text
from cgt.records.manifest import summarise
from cgt.study.listed import enlist, put, read_list, refuse_overlap

PUBLISHED_SUFFIXES = (".csv", ".npz", ".md", ".tex", ".svg", ".png")
"""PDF figures are left out: they are large, and `make figures` redraws them."""
TUNING_PAGE = "tuning.md"
PARTS = ("summary", "tables", "figures")
"""Folders of a finished run that are published."""


def check_summary(
    runs_dir: Path, expected: Sequence[Run], summary_dir: Path, external: Collection[str] = ()
) -> None:
    """Look at every run, gather all again, draw the conclusions that stand there, and compare.

    Raises ValueError if a run is missing or damaged, or if the summary does not follow from them.
    """
    check_runs(runs_dir, expected, external)
    with tempfile.TemporaryDirectory() as folder:
        aggregate(runs_dir, expected, Path(folder), external)
        if (summary_dir / f"{SAMPLED}.csv").exists():
            sampled = Path(folder) / f"{SAMPLED}.csv"
            write_sample_intervals(runs_dir, expected, runs_dir.parent / "reference", sampled)
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
) -> list[str]:
    """Put summary, tables and figures of `results` into `out`, with one manifest for all.

    Files whose name is in `left_out` are not published. Of runs of `external` methods nothing is
    known but their predictions: the manifest does not describe them.

    Returns:
        What was published before, is no longer, and stays because it was edited since.

    Raises:
        ValueError: if the summary does not follow from the expected runs, a part is empty, `out`
            and `results` overlap, or others' files are in the way. Nothing is changed then.
    """
    refuse_overlap([results / "runs", *(results / part for part in PARTS)], out)
    check_summary(results / "runs", expected, results / "summary", external)
    paths = []
    for part in PARTS:
        found = publishable(results / part, "**/*")
        if not found:
            raise ValueError(f"{results / part} holds nothing to publish; `make` writes it")
        paths += [path for path in found if path.name not in left_out]
    refuse_overlap(paths, out)
    files = {path.relative_to(results).as_posix(): path.read_bytes() for path in paths}
    names = ["/".join(map(str, run)) for run in expected if run[1] not in external]
    manifests = {name: results / "runs" / name / "manifest.json" for name in names}
    texts = {name: path.read_text(encoding="utf-8") for name, path in manifests.items()}
    merged = summarise({name: json.loads(text) for name, text in texts.items()})
    return put({**files, "manifest.json": json_text(merged).encode()}, out)


def publish_benchmarks(measured: Path, out: Path) -> list[str]:
    """Put tables and figures of `measured` into `out`, a table with the machine beside it.

    Returns:
        What was published before, is no longer, and stays because it was edited since.

    Raises:
        FileNotFoundError: if there are none.
        ValueError: if `out` and `measured` overlap, or others' files are in the way. Nothing is
            changed then.
    """
    paths = publishable(measured, "*", ".json")
    if not paths:
        raise FileNotFoundError(f"{measured} holds no measurements; `make bench` makes them")
    refuse_overlap([measured, *paths], out)
    files = {path.name: path.read_bytes() for path in paths}
    written = {name: text.encode() for name, text in pages(measured).items()}
    return put({**files, **written}, out)


def renew_list(out: Path, files: Collection[Path] = ()) -> None:
    """Count `files` below `out` as published; without any, the listed tables and figures.

    For what was redrawn or restored by hand and may be replaced by what is published next.

    Raises ValueError naming a file that is not there, or not below `out`.
    """
    if files:
        names = []
        for path in files:
            # Not the last link: a link is no file of ours, and shall be told so.
            place = path.parent.resolve() / path.name
            if not place.is_relative_to(out.resolve()):
                raise ValueError(f"{path}: not in {out}; name files of that folder")
            names.append(place.relative_to(out.resolve()).as_posix())
    else:
        listed = read_list(out)
        names = [name for name in listed if _is_drawn(name) and (out / name).exists()]
    enlist(out, names)


def publishable(folder: Path, pattern: str, *more: str) -> list[Path]:
    return [
        path
        for path in sorted(folder.glob(pattern))
        if path.suffix in (*PUBLISHED_SUFFIXES, *more) and path.is_file()
    ]


def _is_drawn(name: str) -> bool:
    """`make figures` redraws these from the CSVs."""
    folder, _, base = name.rpartition("/")
    drawn = base in (PAGE, DEVICE, TUNING_PAGE) or base.endswith((".svg", ".png"))
    return drawn or folder in ("tables", "figures")
