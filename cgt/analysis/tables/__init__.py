"""Tables for people (Markdown, HTML, LaTeX) and the same numbers for machines (CSV)."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from cgt.analysis.audit import read_audit
from cgt.analysis.claims import read_verdicts
from cgt.analysis.frames import read_summary
from cgt.analysis.tables.audit import audit_markdown
from cgt.analysis.tables.calibration import calibration_files
from cgt.analysis.tables.claims import FIRST, claims_files
from cgt.analysis.tables.classes import classes_markdown, recall_words
from cgt.analysis.tables.comparisons import comparisons_files
from cgt.analysis.tables.depends import LEARNING_RATES, depends_files
from cgt.analysis.tables.exit_rules import exit_rules_files
from cgt.analysis.tables.failure import failure_files
from cgt.analysis.tables.in_short import in_short_files
from cgt.analysis.tables.operating_points import operating_points_files
from cgt.analysis.tables.overthinking import overthinking_files
from cgt.analysis.tables.page import page
from cgt.analysis.tables.table_1 import results_files, table_1_files
from cgt.analysis.tables.why import why_files
from cgt.records.csv_schema import read_csv
from cgt.records.files import write_text

TABLES: tuple[Callable[[dict[str, pd.DataFrame]], dict[str, str]], ...] = (
    table_1_files,
    results_files,
    operating_points_files,
    exit_rules_files,
    overthinking_files,
    calibration_files,
    failure_files,
    claims_files,
    comparisons_files,
    why_files,
    in_short_files,
    depends_files,
)
"""Each turns the summary tables into files: name -> text."""


def write_tables(
    summary_dir: Path | str,
    out_dir: Path | str,
    first: Path | str | None = None,
    learning_rates: Path | str | None = None,
) -> None:
    """Write every table from the CSVs in `summary_dir` into `out_dir`; Markdown as HTML too.

    first: kept verdicts of an earlier publication, to be shown beside the new ones.
    learning_rates: areas at learning rates that no trial had; see `tables.depends`.
    """
    frames = read_summary(summary_dir)
    if first is not None:
        frames[FIRST] = read_verdicts(first)
    if learning_rates is not None:
        frames[LEARNING_RATES] = read_csv(learning_rates)
    texts = {name: text for files in TABLES for name, text in files(frames).items()}
    audit = Path(summary_dir) / "audit.csv"
    if audit.is_file():  # there is none without a scene among the datasets
        classes = read_audit(audit)
        texts["audit.md"] = audit_markdown(frames, classes)
        texts["classes.md"] = classes_markdown(frames, classes)
        texts["recall_words.md"] = f"{recall_words(frames, classes)}\n"
    for name, text in texts.items():
        path = Path(out_dir) / name
        write_text(path, text)
        if path.suffix == ".md":
            write_text(path.with_suffix(".html"), page(text, path.stem))
