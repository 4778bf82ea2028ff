"""One look for everything that people read: names, colours, fonts, and how a figure is saved."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from cgt.records.files import atomic_path

COLUMN = 3.4
"""Width of one printed column, inches. Panels are drawn at the size they are read at."""

FORMATS = ("pdf", "svg", "png")

RC = {
    "font.family": "DejaVu Sans",  # shipped with matplotlib, so bytes do not depend on the machine
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.5,
    "pdf.fonttype": 42,  # real fonts, not outlines that journals refuse
    "svg.fonttype": "path",
    "svg.hashsalt": "cgt",  # without it, ids in SVG files are random
    "savefig.dpi": 200,
}

# Dates and program versions would make every rendering different.
_METADATA = {
    "pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


@dataclass(frozen=True)
class Look:
    """How one method appears in every figure and table."""

    name: str
    color: str
    marker: str


_PALETTE = seaborn.color_palette("colorblind").as_hex()

# The references are grey and black; every other known method owns one colour of the palette.
_KNOWN = {
    "single_exit": Look("Single exit", "#7f7f7f", "X"),
    "static": Look("Static", "#000000", "P"),
    "branchynet": Look("BranchyNet", _PALETTE[2], "s"),
    "cascade": Look("CO", _PALETTE[1], "^"),
    "classynet": Look("ClassyNet", _PALETTE[4], "v"),
    "hard_cgt": Look("HardCGT", _PALETTE[3], "D"),
    "soft_cgt": Look("SoftCGT", _PALETTE[0], "o"),
    "cgt_plus": Look("CGT+ (ours)", "#882255", ">"),
}
_SPARE = list(itertools.product("p<hHd8", _PALETTE[5:]))

_DATASETS = {
    "fashion_mnist": "Fashion-MNIST",
    "indian_pines": "Indian Pines",
    "indian_pines_disjoint": "Indian Pines (disjoint)",
}
_POINTS = {
    "knee": "knee",
    "tau_0.9": "τ = 0.9",
    "full": "all at the last exit",
}
_POLICIES = {
    "shared": "One threshold",
    "per_exit": "Threshold per exit",
    "entropy": "Entropy",
    "margin": "Margin",
    "temperature": "Temperature",
}

EXIT_COLORS = ("#9ecae1", "#4292c6", "#08306b", "#fdae6b", "#e6550d", "#7f2704")
"""From shallow (light) to deep (dark); also told apart in grey."""


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """The look of each method, in the order given; methods unknown here share the spare colours.

    A method's look depends on the unknown methods' names alone, not on their order.
    """
    methods = list(dict.fromkeys(methods))
    spare = itertools.cycle(_SPARE)
    new = {
        method: Look(method, color, marker)
        for method, (marker, color) in zip(sorted(set(methods) - set(_KNOWN)), spare, strict=False)
    }
    return {method: _KNOWN.get(method) or new[method] for method in methods}


def dataset_name(dataset: str) -> str:
    """Display name of a dataset; an unknown one keeps its own."""
    return _DATASETS.get(dataset, dataset)


def point_name(point: str) -> str:
    """Display name of an operating point."""
    return _POINTS.get(point, point)


def policy_name(policy: str) -> str:
    """Display name of an exit rule."""
    return _POLICIES.get(policy, policy)


def order(frame: pd.DataFrame, column: str) -> list[str]:
    """Values of a column in order of display: the order of the summary CSVs."""
    return list(dict.fromkeys(frame[column]))


def lay_out(figure: Figure) -> None:
    """Give everything its place, once and for all formats."""
    with matplotlib.rc_context(RC):  # the number of ticks, and so their room, follows from fonts
        figure.draw_without_rendering()
    figure.set_layout_engine("none")


def save(figure: Figure, stem: Path | str, formats: Sequence[str] = FORMATS) -> None:
    """Write `stem.pdf`, `stem.svg`, ... atomically; equal figures give equal bytes."""
    lay_out(figure)
    for suffix in formats:
        # Not with_suffix: a stem may hold a dot.
        with matplotlib.rc_context(RC), atomic_path(f"{stem}.{suffix}") as temporary:
            figure.savefig(temporary, format=suffix, metadata=_METADATA[suffix])


def in_parallel(draw: Callable[[str], None], names: Iterable[str], jobs: int) -> None:
    """Call `draw` with each name, in `jobs` processes: drawing keeps one core busy for seconds."""
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        for _ in pool.map(draw, names):  # an error of any of them is raised here
            pass
