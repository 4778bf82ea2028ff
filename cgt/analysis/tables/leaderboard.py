"""The leaderboard for people: what stands out, in words, and all entries of each dataset."""

import pandas as pd

from cgt.analysis.groups import REFERENCE
from cgt.analysis.leaderboard import AREA, SHARES
from cgt.analysis.statistics import ALPHA, span
from cgt.analysis.style import dataset_name, looks, order
from cgt.analysis.tables.parts import ABSENT, Rows, markdown, p_value, percent, points, signed

FIGURE = "leaderboard.svg"
_TEXT = ("Method", "Family", "Source", "Mark")
_NAME = looks([REFERENCE])[REFERENCE].name
_NOTE = (
    "Area: test accuracy averaged over budgets of cost, in %. Difference: in area from "
    f"{_NAME}, in points, paired by seed, with half of its 95 % t interval; p: of the paired t "
    "test, corrected by Holm over all entries of the dataset; bold: below 0.05. The intervals are "
    "not corrected. Accuracy at 10, 25 and 50 %: within that share of the cost of the dataset's "
    "network without early exits, the threshold chosen on validation; *not met*: even the cheapest "
    "threshold costs more, and how much. Training: time per epoch, in times "
    f"{_NAME}'s; memory: peak of a training process, MiB; answers: milliseconds for one sample and "
    "for a batch of 64 at the one-SE point, in brackets of the network without exits. *Trial*, "
    "*untuned*: not yet as the protocol asks, so not to be compared with the others."
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
    all_of_them = "the only entry" if len(tested) == 1 else f"the {len(tested)} entries"
    if found.empty:
        none = f"{all_of_them} cannot" if len(tested) == 1 else f"none of {all_of_them} can"
        return f"{where}: {none} be told from {_NAME}."
    better, worse = found[found["difference"] > 0], found[found["difference"] < 0][::-1]
    said = [
        f"{_listed(side)} {'is' if len(side) == 1 else 'are'} {word} than {_NAME}"
        for word, side in (("better", better), ("worse", worse))
        if len(side)
    ]
    if alike := len(tested) - len(found):
        said.append(f"{alike} of {all_of_them} cannot be told from it")
    return f"{where}: {'; '.join(said)}."


def _listed(rows: pd.DataFrame) -> str:
    """Names with their differences in points and marks: "A (+0.52) and B (+0.40, trial)"."""
    names = looks(rows["method"])
    shown = [
        f"{names[row.method].name} ({', '.join(filter(None, (signed(row.difference), row.mark)))})"
        for row in rows.itertuples()
    ]
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
