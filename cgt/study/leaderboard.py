"""From the published rows to the leaderboard: one page, one figure, one table."""

from pathlib import Path

import matplotlib
import pandas as pd

from cgt.analysis.figures.leaderboard import leaderboard
from cgt.analysis.frames import Frames
from cgt.analysis.leaderboard import standings
from cgt.analysis.style import RC, save
from cgt.analysis.tables.leaderboard import leaderboard_markdown
from cgt.records.csv_schema import write_csv
from cgt.records.files import write_text
from cgt.records.rows import read_rows

NAME = "leaderboard"
ROWS, MEASURED = "rows", "benchmarks"
"""Folders of published rows and of measurements, below the published results."""


def read_frames(published: Path) -> dict[str, pd.DataFrame]:
    """The published rows, and what entries cost where it has been measured.

    Raises ValueError naming a file that is missing or damaged, or that there is no row.
    """
    frames = dict(read_rows(published / ROWS))
    paths = sorted((published / MEASURED).glob("entries_*.csv"))
    if paths:
        frames["entries"] = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    return frames


def write_leaderboard(frames: Frames, out: Path) -> None:
    """Write `leaderboard.csv`, `.md`, `.svg`, `.pdf` and `.png` into `out`.

    frames: as :func:`cgt.analysis.leaderboard.standings` takes them.
    """
    board = standings(frames)
    write_csv(board, out / f"{NAME}.csv")
    write_text(out / f"{NAME}.md", leaderboard_markdown(board))
    with matplotlib.rc_context(RC):
        figure = leaderboard(board)
    save(figure, out / NAME)
