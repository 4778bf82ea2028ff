"""One look for everything that people read: names, colours, fonts, and how a figure is saved."""

import hashlib
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from cgt.records.cards import cards
from cgt.records.files import atomic_path

COLUMN = 3.4
"""Width of one printed column, inches. Panels are drawn at the size they are read at."""

FORMATS = ("pdf", "svg", "png")

# Whatever the user's own matplotlibrc says: first the defaults of matplotlib, then our look.
# A backend is no part of a look.
_DEFAULTS = {
    key: value for key, value in matplotlib.rcParamsDefault.items() if "backend" not in key
}
RC = {
    **_DEFAULTS,
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
class MethodStyle:
    """How one method appears in every figure and table: name, colour, marker."""

    name: str
    color: str
    marker: str

    @property
    def look(self) -> tuple[str, str]:
        """What makes it different from the others in a figure."""
        return self.color, self.marker


_SPARE_MARKERS = ("p", "<", "h", "d", "8", "H")
"""Markers of variants, and of methods that have no look of their own on a card."""
_OWN_COLORS = tuple(
    itertools.chain.from_iterable(
        seaborn.husl_palette(20, h=0.02, l=lightness, s=0.85).as_hex() for lightness in (0.4, 0.6)
    )
)

_POINTS = {
    "one_se": "one-SE point",
    "threshold_0.9": "threshold 0.9",
    "threshold_0.9_scaled": "threshold 0.9 with temperatures",
    "full": "all at the last exit",
    **{f"budget_{share}": f"budget {share} %" for share in (10, 25, 50)},
}
_RULES = {
    "shared": "One threshold",
    "per_exit": "Threshold per exit",
    "entropy": "Entropy",
    "margin": "Margin",
    "temperature": "Temperature",
}

EXIT_COLORS = ("#9ecae1", "#4292c6", "#08306b", "#fdae6b", "#e6550d", "#7f2704")
"""From shallow (light) to deep (dark); different in grey print, too."""


def looks(methods: Iterable[str]) -> dict[str, MethodStyle]:
    """The style of each method, in the order given.

    A method with a card has the card's name, colour and marker. One that is named after a card,
    such as `soft_cgt_published`, is a variant: it has the card's colour, another marker, and the
    rest of its name in brackets. Any other keeps its name, and its colour and marker follow from
    that name alone. So nobody's look changes when others are added; only where two that have no
    card would look the same in one figure, the later one in alphabetical order gives way.
    """
    methods = list(dict.fromkeys(methods))
    known = _known()
    styles = {method: known[method] for method in methods if method in known}
    taken = {style.look for style in known.values()}
    for method in sorted(set(methods) - set(known)):
        styles[method] = _style_of_its_own(method, known, taken)
        taken.add(styles[method].look)
    return {method: styles[method] for method in methods}


def _known() -> dict[str, MethodStyle]:
    """Styles of the methods that have a card; a card need not say how it looks."""
    found = cards("methods")
    known = {
        name: MethodStyle(card["short"], card["look"]["color"], card["look"]["marker"])
        for name, card in found.items()
        if "look" in card
    }
    taken = {style.look for style in known.values()}
    for name in sorted(found.keys() - known.keys()):
        color, marker = _first_free(name, _OWN_COLORS, _SPARE_MARKERS, taken)
        known[name] = MethodStyle(found[name]["short"], color, marker)
        taken.add((color, marker))
    return known


def _style_of_its_own(
    method: str, known: Mapping[str, MethodStyle], taken: Collection[tuple[str, str]]
) -> MethodStyle:
    """Of a method without a card: as a variant of the longest card name it starts with, or new."""
    parents = [name for name in known if method.startswith(f"{name}_")]
    if not parents:
        return MethodStyle(method, *_first_free(method, _OWN_COLORS, _SPARE_MARKERS, taken))
    parent = max(parents, key=len)
    rest = method.removeprefix(f"{parent}_").replace("_", " ")
    look = _first_free(method, (known[parent].color,), _SPARE_MARKERS, taken)
    return MethodStyle(f"{known[parent].name} ({rest})", *look)


def _first_free(
    name: str,
    colors: Sequence[str],
    markers: Sequence[str],
    taken: Collection[tuple[str, str]],
) -> tuple[str, str]:
    """The pair of colour and marker that a name falls on, or the next one that is free."""
    pairs = list(itertools.product(colors, markers))
    start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % len(pairs)
    in_turn = pairs[start:] + pairs[:start]
    return next((pair for pair in in_turn if pair not in taken), in_turn[0])


def dataset_name(dataset: str) -> str:
    """Display name of a dataset, from its card; one without a card keeps its own."""
    card = cards("data").get(dataset)
    return card["title"] if card else dataset


def point_name(point: str) -> str:
    """Display name of an operating point."""
    return _POINTS.get(point, point)


def rule_name(rule: str) -> str:
    """Display name of an exit rule."""
    return _RULES.get(rule, rule)


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
    names = list(names)
    with ProcessPoolExecutor(max_workers=max(1, min(jobs, len(names)))) as pool:
        for _ in pool.map(draw, names):  # an error of any of them is raised here
            pass
