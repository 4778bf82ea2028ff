"""Which classes are mistaken for which, exit by exit."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from cgt.analysis.pictures.data import CLASS_NAMES, CONFUSION
from cgt.analysis.style import EXIT_COLORS, dataset_name, looks

PANEL = 2.1  # inches
LEFT, RIGHT, BOTTOM, TOP = 1.5, 0.65, 0.42, 0.62  # inches around the panels


def read_confusion(path: Path) -> pd.DataFrame:
    """Read a confusion file; ValueError if its columns are not the expected ones."""
    return _read(path, CONFUSION)


def read_class_names(path: Path) -> dict[str, list[str]]:
    """The class names of each dataset, in the order of their numbers.

    Raises ValueError if the columns are not the expected ones.
    """
    table = _read(path, CLASS_NAMES).sort_values("class", kind="stable")
    return {dataset: part["name"].tolist() for dataset, part in table.groupby("dataset")}


def matrix(frame: pd.DataFrame, classes: int) -> np.ndarray:
    """Counts [C, C] by target and answer of one exit's rows."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    counts[frame["target"], frame["prediction"]] = frame["count"]
    return counts


def confusion(counts_path: Path, names_path: Path, dataset: str, shown: str) -> Figure:
    """One panel per exit: of each class's test samples, the share that leaves there so answered.

    counts_path, names_path: the two files of `write_confusion`; shown: the method to show. Classes
    that never occur are left out.

    Raises:
        ValueError: if the method was not run on the dataset.
    """
    class_names, frame = read_class_names(names_path)[dataset], read_confusion(counts_path)
    frame = frame[frame["dataset"] == dataset]
    if shown not in set(frame["method"]):
        found = ", ".join(dict.fromkeys(frame["method"])) or "none"
        raise ValueError(f"{counts_path}: {shown} was not run on {dataset}; methods are {found}")
    frame = frame[frame["method"] == shown]
    exits = range(1, frame["exit"].max() + 1)
    counts = np.array([matrix(frame[frame["exit"] == e], len(class_names)) for e in exits])
    occurs = counts.sum(axis=(0, 2)) + counts.sum(axis=(0, 1)) > 0
    names = np.array(class_names)[occurs]
    counts = counts[:, occurs][:, :, occurs]
    totals = counts.sum(axis=(0, 2))
    figure = Figure(figsize=(LEFT + len(exits) * PANEL + RIGHT, TOP + PANEL + BOTTOM))
    width, height = figure.get_size_inches()
    # By hand: square panels, long names and a shared bar are more than the layout engine can do.
    figure.subplots_adjust(
        LEFT / width, BOTTOM / height, 1 - RIGHT / width, 1 - TOP / height, wspace=0.04
    )
    axes = figure.subplots(1, len(exits), sharey=True, squeeze=False)[0]
    for ax, e in zip(axes, exits, strict=True):
        part = counts[e - 1]
        image = ax.imshow(
            part / np.maximum(totals, 1)[:, None],
            cmap="Blues",
            norm=PowerNorm(0.4, 0, 1),  # errors are rare; a linear scale would show none
            interpolation="none",
        )
        ax.set_title(_heading(e, part, counts.sum()), loc="left")
        ax.set_xticks(range(len(names)), [str(n + 1) for n in range(len(names))], fontsize=5.5)
        ax.set_yticks(
            range(len(names)), [f"{name}  {n + 1}" for n, name in enumerate(names)], fontsize=6
        )
        ax.tick_params(length=0, pad=2)
        ax.set_xlabel("Answer")
        ax.grid(visible=False)
        ax.spines[:].set(visible=True, color=EXIT_COLORS[e - 1], linewidth=1.5)
    place = figure.add_axes(
        (1 - 0.9 * RIGHT / width, BOTTOM / height, 0.08 / width, PANEL / height)
    )
    bar = figure.colorbar(image, cax=place, ticks=[0, 0.01, 0.1, 0.5, 1])
    bar.ax.set_yticklabels(["0", "1", "10", "50", "100"], fontsize=6)
    bar.set_label("Share of the class (%)", fontsize=7)
    bar.outline.set_linewidth(0.4)
    run = frame.iloc[0]
    look = looks([run["method"]])[run["method"]]
    figure.suptitle(
        f"{dataset_name(run['dataset'])}, {look.name}, seed {run['seed']}", fontsize=8.5
    )
    return figure


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    frame = pd.read_csv(path, keep_default_na=False)
    if tuple(frame.columns) != columns:
        raise ValueError(f"{path}: columns are {list(frame.columns)}, expected {list(columns)}")
    return frame


def _heading(number: int, counts: np.ndarray, samples: int) -> str:
    leave = counts.sum()
    if leave == 0:
        return f"Exit {number}:\nnobody leaves"
    share, right = leave / samples, np.trace(counts) / leave
    return f"Exit {number}: {100 * share:.1f} % leave,\n{100 * right:.1f} % of them right"
