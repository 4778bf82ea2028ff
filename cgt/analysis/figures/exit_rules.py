"""Would another rule for leaving have been better?"""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cgt.analysis.figures.off_scale import NOTE, arrow, off_scale
from cgt.analysis.figures.parts import legend, panels, pick
from cgt.analysis.frames import Frames, routing_exits
from cgt.analysis.gains import RULES, gains
from cgt.analysis.style import COLUMN, dataset_name, looks, order, rule_name

_INTERVAL = ("gain", "half")
_SPREAD = 0.7  # of the methods within one rule's row


def exit_rules(frames: Frames) -> Figure:
    """Gain in area of each exit rule over one threshold on the method's own confidence.

    The same trained networks, other rules for leaving; one panel per dataset. Points are means over
    seeds, whiskers 95 % intervals of the difference, paired by seed. What reaches far beyond the
    others is an arrow, with its numbers printed. Rules that need logits are shown for methods whose
    confidence is the largest softmax probability.
    """
    table = gains(frames["exit_rules"])
    shown = 100 * table[["mean", "ci_low", "ci_high"]]
    table = table.assign(gain=shown["mean"], half=(shown["ci_high"] - shown["ci_low"]) / 2)
    methods = list(routing_exits(frames))
    names = looks(methods)
    datasets = order(frames["exit_rules"], "dataset")
    figure, axes = panels(
        1,
        len(datasets),
        COLUMN * 0.85,
        0.4 + len(RULES) * (0.15 + 0.09 * len(methods)),
        sharey=True,
    )
    for ax, dataset in zip(axes[0], datasets, strict=True):
        ax.axvline(0, color="0.4", linewidth=0.8, zorder=0.9)  # below the text of arrows
        beyond = off_scale(*(table.loc[table["dataset"] == dataset, name] for name in _INTERVAL))
        for i, method in enumerate(methods):
            marker = {"color": names[method].color, "marker": names[method].marker}
            for row in pick(table, dataset, method).itertuples():
                y = RULES.index(row.exit_rule) + _SPREAD * ((i + 0.5) / len(methods) - 0.5)
                if beyond[row.Index]:
                    arrow(ax, y, row.gain, row.half, **marker)
                else:
                    half = row.half if row.n > 1 else None
                    ax.errorbar(row.gain, y, xerr=half, elinewidth=0.9, **marker)
        ax.set_title(dataset_name(dataset))
        ax.set_xlabel("Gain in area (points)")
        ax.grid(visible=False, axis="y")
        ax.tick_params(axis="y", length=0)
    axes[0, 0].set_yticks(range(len(RULES)), [rule_name(rule) for rule in RULES])
    axes[0, 0].set_ylim(len(RULES) - 0.5, -0.5)
    handles = [
        Line2D([], [], color=look.color, marker=look.marker, label=look.name)
        for look in names.values()
    ]
    legend(figure, handles, frames["exit_rules"], f"; paired by seed{NOTE}")
    return figure
