"""Tables for people (Markdown, LaTeX) and the same numbers for machines (CSV)."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from cgt.analysis.frames import read_summary
from cgt.analysis.tables.calibration import calibration_files
from cgt.analysis.tables.claims import claims_files
from cgt.analysis.tables.comparisons import comparisons_files
from cgt.analysis.tables.exit_rules import exit_rules_files
from cgt.analysis.tables.overthinking import overthinking_files
from cgt.analysis.tables.table_1 import results_files, table_1_files
from cgt.analysis.tables.why import why_files
from cgt.files import write_text

TABLES: tuple[Callable[[dict[str, pd.DataFrame]], dict[str, str]], ...] = (
    table_1_files,
    results_files,
    exit_rules_files,
    overthinking_files,
    calibration_files,
    claims_files,
    comparisons_files,
    why_files,
)
"""Each turns the summary tables into files: name -> text."""


def write_tables(summary_dir: Path | str, out_dir: Path | str) -> None:
    """Write every table from the CSVs in `summary_dir` into `out_dir`."""
    frames = read_summary(summary_dir)
    for files in TABLES:
        for name, text in files(frames).items():
            write_text(Path(out_dir) / name, text)
