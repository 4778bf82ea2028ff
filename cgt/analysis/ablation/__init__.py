"""Ablations: what each part of a method contributes, from the runs' summary to figure and table."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

from cgt.analysis.ablation.effects import Cell, effects, read_effects
from cgt.analysis.ablation.figure import ablation_figure
from cgt.analysis.ablation.table import ablation_markdown
from cgt.analysis.ablation.timing import timing_effects
from cgt.analysis.ablation.timing_table import timing_markdown
from cgt.analysis.ablation.words import parts_words, time_words
from cgt.analysis.style import RC, order, save
from cgt.records.csv_schema import check, read_csv, write_csv
from cgt.records.files import write_text

EFFECTS, TIMING_EFFECTS = "effects.csv", "timing_effects.csv"


def write_effects(summary_dir: Path | str, cells: Sequence[Cell], out_dir: Path | str) -> None:
    """Write `effects.csv` and `timing_effects.csv` from the tables of a summary."""
    names = ("areas", "exits", "timings", "training")
    paths = {name: Path(summary_dir) / f"{name}.csv" for name in names}
    frames = {name: check(read_csv(path), name, path) for name, path in paths.items()}
    write_csv(effects(frames, cells), Path(out_dir) / EFFECTS)
    write_csv(timing_effects(frames, cells), Path(out_dir) / TIMING_EFFECTS)


def draw_ablation(summary_dir: Path | str, out_dir: Path | str) -> None:
    """Draw what `write_effects` wrote into `summary_dir`, beside the tables it is from.

    Writes `figures/ablation_{dataset}.{pdf,svg,png}`, `tables/ablation.md`,
    `tables/ablation_time.md` and, in words, `tables/ablation_words.md` and `tables/time_words.md`.
    """
    table, timings = (read_effects(Path(summary_dir) / name) for name in (EFFECTS, TIMING_EFFECTS))
    for dataset in order(table, "dataset"):
        with matplotlib.rc_context(RC):
            figure = ablation_figure(table[table["dataset"] == dataset])
        save(figure, Path(out_dir) / "figures" / f"ablation_{dataset}")
    tables = Path(out_dir) / "tables"
    write_text(tables / "ablation.md", ablation_markdown(table))
    write_text(tables / "ablation_time.md", timing_markdown(timings))
    paths = {name: Path(summary_dir) / f"{name}.csv" for name in ("areas", "exits")}
    areas, exits = (check(read_csv(path), name, path) for name, path in paths.items())
    write_text(tables / "ablation_words.md", f"{parts_words(areas, exits)}\n")
    write_text(tables / "time_words.md", f"{time_words(areas, timings)}\n")
