"""From the summary tables to the tables that compare methods and judge the claims."""

from collections.abc import Iterable
from pathlib import Path

from cgt.analysis.claims import ledger, verdicts
from cgt.analysis.comparisons import comparisons, differences, ranks
from cgt.analysis.frames import read_summary
from cgt.analysis.power import power
from cgt.records.csv_schema import write_csv

CONCLUSIONS = {
    "claims": ledger,
    "verdicts": verdicts,
    "comparisons": comparisons,
    "differences": differences,
    "ranks": ranks,
    "power": power,
}
"""Each follows from the summary tables alone, so figures and tables compute it anew."""


def conclude(
    summary_dir: Path | str, out_dir: Path | str, names: Iterable[str] = tuple(CONCLUSIONS)
) -> None:
    """Write conclusions from the CSVs in `summary_dir` into `out_dir/{name}.csv`."""
    frames = read_summary(summary_dir)
    for name in names:
        write_csv(CONCLUSIONS[name](frames), Path(out_dir) / f"{name}.csv")
