"""From the summary tables to the tables that compare methods and judge the claims."""

from pathlib import Path

import pandas as pd

from cgt.analysis.claims import ledger
from cgt.analysis.comparisons import Frames, comparisons, ranks
from cgt.analysis.frames import read_summary, write_csv
from cgt.analysis.plus import contest, has_plus
from cgt.analysis.power import power

CONCLUSIONS = {"claims": ledger, "comparisons": comparisons, "ranks": ranks, "power": power}
"""Each follows from the summary tables alone, so figures and tables compute it anew."""


def conclude(summary_dir: Path | str, out_dir: Path | str) -> None:
    """Write every conclusion from the CSVs in `summary_dir` into `out_dir/{name}.csv`.

    `cgt_plus` is written only if that method was run.
    """
    for name, table in _conclusions(read_summary(summary_dir)).items():
        write_csv(table, Path(out_dir) / f"{name}.csv")


def _conclusions(frames: Frames) -> dict[str, pd.DataFrame]:
    found = {name: table(frames) for name, table in CONCLUSIONS.items()}
    return found | {"cgt_plus": contest(frames)} if has_plus(frames) else found
