"""The claims ledger at a glance."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cgt.analysis.claims import CLAIMS, VERDICTS, Row, Statement, judge
from cgt.analysis.figures.parts import legend
from cgt.analysis.frames import Frames
from cgt.analysis.style import dataset_name, looks

COLUMNS = 2
COLORS = dict(zip(VERDICTS, ("#d55e00", "#cc79a7", "#8c8c8c", "#d9d9d9", "#0072b2"), strict=True))
MARKERS = {"fashion_mnist": "o", "indian_pines": "s", "indian_pines_disjoint": "D"}
UNITS = {"points": "Points", "%": "%", "×": "Ratio to BranchyNet"}
_TINT = {"color": "#0072b2", "alpha": 0.09, "linewidth": 0}
_LINE, _HEAD = 0.23, 0.6  # inches: one statement, and a panel's title and axis


def claims(frames: Frames) -> Figure:
    """Every statement of the ledger: mean and 95 % interval, coloured by verdict; a panel a claim.

    The tinted field is the region that the claim names. Marker shapes stand for datasets. Against
    several competitors the weakest comparison is shown.
    """
    rows = judge(frames)
    groups = {claim: _by_statement(rows, claim) for claim in CLAIMS}
    names = list(groups)
    half = -(-len(names) // COLUMNS)
    lines = [[max(1, len(groups[name])) for name in names[i::COLUMNS]] for i in range(COLUMNS)]
    heights = [_HEAD + _LINE * max(pair) for pair in zip(*lines, strict=True)]
    figure = Figure(figsize=(7.4, sum(heights) + 0.7), layout="constrained")
    axes = figure.subplots(half, COLUMNS, squeeze=False, height_ratios=heights)
    for ax, (name, group) in zip(axes.flat, groups.items(), strict=True):
        _panel(ax, name, group)
    datasets = [name for name in MARKERS if any(row.dataset == name for row in rows)]
    handles = [
        *(
            Line2D([], [], color=COLORS[word], linewidth=3, label=word)
            for word in VERDICTS[::-1]
            if any(row.verdict == word for row in rows)
        ),
        Patch(**_TINT, label="claimed region"),
        *(
            Line2D(
                [], [], color="0.3", linestyle="", marker=MARKERS[name], label=dataset_name(name)
            )
            for name in datasets
        ),
    ]
    note = "; not reproduced needs the wider, Bonferroni-corrected one"
    legend(figure, handles, frames["operating_points"], note)
    return figure


def _by_statement(rows: Sequence[Row], claim: str) -> list[list[Row]]:
    """A claim's rows, those of one statement together."""
    groups: dict[int, list[Row]] = {}
    for row in rows:
        if row.statement.claim == claim:
            groups.setdefault(id(row.statement), []).append(row)
    return list(groups.values())


def _panel(ax: Axes, claim: str, group: list[list[Row]]) -> None:
    ax.set_title(f"({claim}) {CLAIMS[claim].title}", loc="left")
    ax.set_yticks(range(len(group)), [_label(rows[0]) for rows in group])
    ax.set_ylim(max(1, len(group)) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    if not group:
        ax.set_xticks([])
        ax.text(0.5, 0.5, "not run", transform=ax.transAxes, ha="center", va="center", color="0.4")
        return
    for y, rows in enumerate(group):
        for place, row in zip(np.linspace(-0.24, 0.24, 2 * len(rows) + 1)[1::2], rows, strict=True):
            _interval(ax, y + place, row)
    statements = [rows[0].statement for rows in group]
    bounds = [
        statement.scale * bound
        for statement in statements
        for bound in (statement.region.lower, statement.region.upper)
        if np.isfinite(bound)
    ]
    low, high = ax.get_xlim()
    margin = 0.06 * (high - low)
    limits = min(low, min(bounds) - margin), max(high, max(bounds) + margin)
    for y, statement in enumerate(statements):
        _field(ax, y, statement, limits)
    ax.set_xlim(limits)
    ax.set_xlabel(UNITS[statements[0].unit], labelpad=1)


def _interval(ax: Axes, y: float, row: Row) -> None:
    scale, found = row.statement.scale, row.estimate
    half = scale * (found.ci_high - found.mean)
    ax.errorbar(
        scale * found.mean,
        y,
        xerr=None if np.isnan(half) else half,
        color=COLORS[row.verdict],
        marker=MARKERS.get(row.dataset, "o"),
        markersize=3,
        linewidth=1.1,
        zorder=3,
    )


def _field(ax: Axes, y: int, statement: Statement, limits: tuple[float, float]) -> None:
    """Tint the claimed region behind one statement, and draw its bounds."""
    bounds = statement.scale * statement.region.lower, statement.scale * statement.region.upper
    left, right = np.clip(bounds, *limits)
    ax.fill_betweenx([y - 0.5, y + 0.5], left, right, **_TINT)
    ax.vlines(
        [bound for bound in bounds if np.isfinite(bound)],
        y - 0.5,
        y + 0.5,
        color="0.15",
        linewidth=0.7,
        zorder=2,
    )


def _label(row: Row) -> str:
    method = row.statement.method
    return f"{row.statement.measure}, {looks([method])[method].name}"
