"""Ablations: what each part of a method is worth, from the runs' summary to figure and table."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

from cgt.analysis.ablation.effects import effects, read_effects
from cgt.analysis.ablation.figure import ablation_figure
from cgt.analysis.ablation.table import ablation_markdown
from cgt.analysis.frames import check, read_csv, write_csv
from cgt.analysis.style import RC, order, save
from cgt.files import write_text


def write_effects(
    summary_dir: Path | str, cells: Sequence[Mapping[str, str]], out: Path | str
) -> None:
    """Write the effect of every cell, from the areas and exits of a summary."""
    paths = {name: Path(summary_dir) / f"{name}.csv" for name in ("areas", "exits")}
    frames = {name: check(read_csv(path), name, path) for name, path in paths.items()}
    write_csv(effects(frames, cells), out)


def draw_ablation(effects_csv: Path | str, out_dir: Path | str) -> None:
    """Write `figures/ablation_{dataset}.{pdf,svg,png}` and `tables/ablation.md`."""
    table = read_effects(effects_csv)
    for dataset in order(table, "dataset"):
        with matplotlib.rc_context(RC):
            figure = ablation_figure(table[table["dataset"] == dataset])
        save(figure, Path(out_dir) / "figures" / f"ablation_{dataset}")
    write_text(Path(out_dir) / "tables" / "ablation.md", ablation_markdown(table))
