"""The leaderboard for people: what stands out, in words, and all entries of each dataset."""

import pandas as pd

from cgt.analysis.equivalence import EQUAL, LESS_THAN_MARGIN, MARGIN
from cgt.analysis.groups import REFERENCE
from cgt.analysis.leaderboard import AREA, SHARES
from cgt.analysis.statistics import ALPHA, span
from cgt.analysis.style import dataset_name, looks, order
from cgt.analysis.tables.parts import ABSENT, Rows, markdown, p_value, percent, points, signed

FIGURE = "leaderboard.svg"
_TEXT = ("Method", "Family", "Source", "Mark", "What may be said")
_NAME = looks([REFERENCE])[REFERENCE].name
_NOTE = (
    f"Area: test accuracy averaged over budgets of cost, in %. Difference: in area from {_NAME}, "
    "in points, paired by seed, with half of its 95 % t interval; p: of the paired t test, "
    "corrected by Holm over all entries of the dataset; bold: below 0.05. The intervals are not "
    "corrected. *Equal*: two one-sided t tests reject a difference of 0.3 points either way; *no "
    "difference found*: neither test says anything. Accuracy at 10, 25 and 50 %: within that "
    "share of the cost of the dataset's network without early exits, the threshold chosen on "
    "validation; *not met*: even the cheapest threshold costs more, and how much. Training: time "
    f"per epoch, in times {_NAME}'s; memory: peak of a training process, MiB; answers: "
    "milliseconds for one sample and for a batch of 64 at the one-SE point, in brackets of the "
    "network without exits. *Trial*, *untuned*: not yet as the protocol asks, so not to be "
    "compared with the others."
)


def leaderboard_markdown(board: pd.DataFrame) -> str:
    """The page of :func:`cgt.analysis.leaderboard.standings`."""
    datasets = order(board, "dataset")
    parts = [
        f"# Leaderboard\n\nAll entries, by their difference in area from {_NAME}.",
        f"![Difference in area from {_NAME}, all entries, one panel per dataset]({FIGURE})",
        "\n".join(f"- {conclusion(board, dataset)}" for dataset in datasets),
    ]
    for dataset in datasets:
        of = board[board["dataset"] == dataset]
        n = span(of.loc[of["n"] > 0, "n"]) if (of["n"] > 0).any() else "0"
        parts += [f"## {dataset_name(dataset)}, n = {n}", markdown(_rows(of), _TEXT).rstrip("\n")]
    return "\n\n".join([*parts, _NOTE]) + "\n"


def conclusion(board: pd.DataFrame, dataset: str) -> str:
    """Who stands out on a dataset, and how many cannot be told from BranchyNet."""
    where = f"**{dataset_name(dataset)}**"
    tested = board[board["dataset"] == dataset].dropna(subset=["p_holm"])
    if tested.empty:
        return f"{where}: no entry has two seeds in common with {_NAME}, so nothing is tested."
    found = tested[tested["p_holm"] < ALPHA]
    if found.empty:
        return f"{where}: {'; '.join(_rest(tested, len(tested), _NAME))}."
    better, worse = found[found["difference"] > 0], found[found["difference"] < 0][::-1]
    said = [
        f"{_listed(side)} {'is' if len(side) == 1 else 'are'} {word} than {_NAME}"
        for word, side in (("better", better), ("worse", worse))
        if len(side)
    ]
    if len(tested) > len(found):
        rest = tested.drop(found.index)
        said += _rest(rest, len(tested), "it")
    return f"{where}: {'; '.join(said)}."


def _rest(rows: pd.DataFrame, of: int, name: str) -> list[str]:
    """Of entries that do not differ from BranchyNet: how many are equal, how many unknown."""
    equal = rows[rows["kind"] == EQUAL]
    unknown = len(rows) - len(equal)
    said = []
    if len(equal):
        word = "is" if len(equal) == 1 else "are"
        said.append(f"{_listed(equal)} {word} equal to {name} within {100 * MARGIN:g} points")
    if unknown:
        which = "the only entry" if of == 1 else f"{unknown} of the {of} entries"
        said.append(f"no difference from {name} is found for {which}")
    return said


def _listed(rows: pd.DataFrame) -> str:
    """Names with their differences in points and marks: "A (+0.52) and B (+0.40, trial)"."""
    names = looks(rows["method"])
    shown = []
    for row in rows.itertuples():
        less = "less than the margin" if row.kind == LESS_THAN_MARGIN else ""
        said = filter(None, (signed(row.difference), less, row.mark))
        shown.append(f"{names[row.method].name} ({', '.join(said)})")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _rows(board: pd.DataFrame) -> Rows:
    names = looks(board["method"])
    return [
        {
            "Method": names[row["method"]].name,
            "Family": row["family"] or ABSENT,
            "Area": points(row[AREA]),
            "Difference": _difference(row),
            "p": p_value(row["p_holm"]),
            "What may be said": row["kind"] or ABSENT,
            **{f"At {share} %": _within(row, share) for share in SHARES},
            "Training": _plain(row["epoch_factor"], "{:.2f} ×"),
            "Memory": _plain(row["peak_mib"], "{:.0f}"),
            "1 sample": _time(row, 1),
            "64 samples": _time(row, 64),
            "Mark": row["mark"] or ABSENT,
            "Source": row["source"] or ABSENT,
        }
        for row in board.to_dict("records")
    ]


def _difference(row: dict) -> str:
    if row["method"] == REFERENCE or pd.isna(row["difference"]):
        return ABSENT
    text = signed(row["difference"])
    if pd.notna(row["ci_low"]):
        text += f" ± {points((row['ci_high'] - row['ci_low']) / 2)}"
    return f"**{text}**" if row["p_holm"] < ALPHA else text


def _within(row: dict, share: int) -> str:
    """Accuracy within a budget; where it could not be met at every seed, that, and the cost."""
    accuracy, cost, met = (row[f"{name}_{share}"] for name in ("accuracy", "cost", "met"))
    if pd.isna(accuracy):
        return ABSENT
    if met == 1:
        return percent(accuracy)
    often = "not met" if met == 0 else f"met at {100 * met:.0f} % of the seeds"
    return f"{often} ({100 * cost:.0f} %)"


def _time(row: dict, size: int) -> str:
    shown, reference = (row[f"{name}_{size}"] for name in ("ms", "reference_ms"))
    return ABSENT if pd.isna(shown) else f"{shown:.2f} ({reference:.2f})"


def _plain(value: float, form: str) -> str:
    return ABSENT if pd.isna(value) else form.format(value)
