"""How many trials does a method's best need, and how far would another number have led?"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from cgt.analysis.figures.parts import percent
from cgt.analysis.groups import SINGLE
from cgt.analysis.style import dataset_name, looks, order

_WIDTH = 6.75  # inches, a page's
_COLUMNS = 5
_HEIGHT, _ROOM = 1.0, 0.7  # inches: of a row of panels, and for what stands around them
_BAND = {"alpha": 0.25, "linewidth": 0}
_GREY = "0.55"
_SEEN = 0.1
"""The axis begins where this share of the mean curves of one trial lies below: a few entries whose
trials often fail would squash all others."""


def best_of_trials(grown: pd.DataFrame, dataset: str, reference: str) -> Figure:
    """Expected best validation area of n trials, a panel for each entry, over the reference's.

    `grown` is what :func:`cgt.analysis.trials.growth` gives. Bands: one standard deviation over
    the choices of n of the entry's trials. The network with one exit has no area, and no panel.
    """
    of = grown[(grown["dataset"] == dataset) & (grown["method"] != SINGLE)]
    methods = order(of, "method")
    columns = max(min(len(methods), _COLUMNS), 1)
    rows = max(-(-len(methods) // columns), 1)
    figure = Figure(figsize=(_WIDTH, _HEIGHT * rows + _ROOM), layout="constrained")
    axes = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    if not methods:
        return figure
    names = looks(methods)
    beside = of[of["method"] == reference]
    for ax, method in zip(axes, methods, strict=False):
        if len(beside) and method != reference:
            _curve(ax, beside, _GREY)
        _curve(ax, of[of["method"] == method], names[method].color)
        ax.set_title(names[method].name, fontsize=7)
    for ax in axes[len(methods) :]:
        ax.set_axis_off()
    starts = of.loc[of["trials"] == 1, "expected_best"]
    axes[0].set_ylim(starts.quantile(_SEEN) - 0.005, of["high"].max() + 0.003)
    axes[0].set_xlim(1, of["trials"].max())
    for ax in axes:
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        percent(ax.yaxis)
    figure.supxlabel("Trials", fontsize=8)
    figure.supylabel("Best area (%)", fontsize=8)
    figure.suptitle(dataset_name(dataset), fontsize=8, x=0.01, ha="left")
    if len(beside):
        handles = [
            Line2D([], [], color="0.15", label="the panel's method"),
            Line2D([], [], color=_GREY, label=looks([reference])[reference].name),
        ]
        figure.legend(handles=handles, loc="outside lower right", ncols=2, fontsize=7)
    return figure


def _curve(ax: Axes, of: pd.DataFrame, color: str) -> None:
    ax.fill_between(of["trials"], of["low"], of["high"], color=color, **_BAND)
    ax.plot(of["trials"], of["expected_best"], color=color, linewidth=1)
