"""The search for people: what was chosen, how sure that is, and what more trials could turn."""

import json

import pandas as pd

from cgt.analysis.groups import SINGLE
from cgt.analysis.style import dataset_name, looks, order
from cgt.analysis.tables.parts import ABSENT, Rows, markdown, percent, points, signed
from cgt.analysis.trials import EDGE, open_choices, plain_best, range_edges

_NOTE = (
    "Score: area on validation data (of the network with one exit: accuracy), in %, mean over the "
    "seeds kept for tuning; ± one standard "
    "error over them. Tied: trials within one standard error of the best (pooled over the better "
    "half of the entry's trials); of these the one nearest to trial 0, the published default, is "
    "chosen. Best alone: what the highest mean would have chosen. Lead: of the entry's best score "
    "over {reference}'s. Growth: how much the best has grown, in the mean, from half of the trials "
    "to all of them, the larger of both entries'; where the lead is not larger, as many trials "
    "again could turn the order round: *open*."
)


def trials_markdown(
    trials: pd.DataFrame, reference: str, lr_range: tuple[float, float] | None
) -> str:
    """The page of the search.

    Args:
        trials: the columns of `cgt.study.tuning`; dataset by dataset.
        reference: the entry that leads are over.
        lr_range: of the learning rates tried, None if they are a list.
    """
    names = looks(order(trials, "method"))
    parts = ["# Tuning", _summary(trials, lr_range)]
    for dataset in order(trials, "dataset"):
        of = trials[trials["dataset"] == dataset]
        n = of["n"].max()
        parts += [
            f"## {dataset_name(dataset)}",
            f"![Expected best of n trials, a panel for each method](best_of_{dataset}.svg)",
            f"{of['method'].nunique()} entries, {of.groupby('method').size().max()} trials each, "
            f"{n} seed{'s' if n > 1 else ''} a trial.",
            markdown(_rows(of, names, reference), ("Method", "Settings", "Order")).rstrip("\n"),
        ]
    return "\n\n".join([*parts, _NOTE.format(reference=looks([reference])[reference].name)]) + "\n"


def _summary(trials: pd.DataFrame, lr_range: tuple[float, float] | None) -> str:
    chosen = trials[trials["chosen"] == 1]
    plain = plain_best(trials)
    by_rule = sum(
        plain["trial"][row.dataset, row.method] != row.trial for row in chosen.itertuples()
    )
    first = (chosen["trial"] == 0).sum()
    said = [
        f"Searches: {len(chosen)}. Another trial than the one with the highest mean, tied with it "
        f"and nearer to the published default, was chosen {by_rule} times; that default itself "
        f"{first} times."
    ]
    if lr_range is not None:
        low, high = range_edges(chosen["lr"], *lr_range)
        said.append(
            f"{low} of the chosen learning rates lie in the lowest, {high} in the highest "
            f"{EDGE:.0%} of the range from {lr_range[0]:g} to {lr_range[1]:g} (on a log axis)."
        )
    return " ".join(said)


def _rows(of: pd.DataFrame, names: dict, reference: str) -> Rows:
    plain = plain_best(of)["trial"]
    leads = {}
    if reference in set(of["method"]):
        leads = {row.method: row for row in open_choices(of, reference).itertuples()}
    rows = []
    for trial in of[of["chosen"] == 1].itertuples():
        own = of[of["method"] == trial.method]
        lead = None if trial.method == SINGLE else leads.get(trial.method)
        best = plain[trial.dataset, trial.method]
        rows.append(
            {
                "Method": names[trial.method].name,
                "Trial": str(trial.trial),
                "Learning rate": f"{trial.lr:g}",
                "Smoothing": f"{trial.label_smoothing:g}",
                "Settings": _settings(trial.hyperparameters),
                "Score": f"{percent(trial.score)} ± {points(trial.se)}",
                "Tied": f"{own['tied'].sum()} of {len(own)}",
                "Best alone": "the same" if best == trial.trial else f"trial {best}",
                "Lead": signed(lead.lead) if lead else ABSENT,
                "Growth": percent(lead.gain) if lead else ABSENT,
                "Order": ("open" if lead.open else "settled") if lead else ABSENT,
            }
        )
    return rows


def _settings(text: str) -> str:
    given = json.loads(text)
    shown = [f"{name} {_shown(value)}" for name, value in given.items()]
    return ", ".join(shown) or ABSENT


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
