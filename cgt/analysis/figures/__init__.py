"""Every figure of the paper: a function from the summary tables to a matplotlib Figure."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from cgt.analysis.figures.accuracy_cost import accuracy_cost
from cgt.analysis.figures.accuracy_cost_all import accuracy_cost_all
from cgt.analysis.figures.accuracy_exits import accuracy_exits
from cgt.analysis.figures.calibration import calibration
from cgt.analysis.figures.claims import claims
from cgt.analysis.figures.comparisons import comparisons
from cgt.analysis.figures.exit_rules import exit_rules
from cgt.analysis.figures.exit_shares import exit_shares
from cgt.analysis.figures.gradients import gradients
from cgt.analysis.figures.operating_points import operating_points
from cgt.analysis.figures.overthinking import overthinking
from cgt.analysis.figures.resolved import resolved
from cgt.analysis.figures.shown import only, shown_methods
from cgt.analysis.figures.training_dynamics import training_dynamics
from cgt.analysis.frames import Frames, read_summary
from cgt.analysis.style import RC, in_parallel, save

FIGURES: dict[str, Callable[[Frames], Figure]] = {
    draw.__name__: draw
    for draw in (
        accuracy_cost,
        accuracy_cost_all,
        accuracy_exits,
        exit_shares,
        operating_points,
        exit_rules,
        overthinking,
        calibration,
        training_dynamics,
        comparisons,
        gradients,
        resolved,
        claims,
    )
}


OF_FEW = {"accuracy_cost", "accuracy_exits"}
"""Figures that lay the methods' curves over one another: of the paper's and a few others. All else
has a line or a panel for each method, and shows all."""


def draw(name: str, frames: Frames) -> Figure:
    """One figure by name, in the house style."""
    shown = only(frames, shown_methods(frames)) if name in OF_FEW else frames
    with matplotlib.rc_context(RC):
        return FIGURES[name](shown)


def draw_all(summary_dir: Path | str, out_dir: Path | str, jobs: int = 1) -> None:
    """Draw every figure from the CSVs in `summary_dir` into `out_dir/{figure}.{pdf,svg,png}`.

    jobs: how many processes draw at a time.
    """
    frames = read_summary(summary_dir)
    in_parallel(partial(_draw_into, Path(out_dir), frames), FIGURES, jobs)


def _draw_into(folder: Path, frames: Frames, name: str) -> None:
    save(draw(name, frames), folder / name)
