"""Does our own variant win? The comparisons, and the verdict by a rule fixed before looking."""

import pandas as pd

from cgt.analysis.comparisons import Frames
from cgt.analysis.groups import PLUS, REFERENCE
from cgt.analysis.plus import WINS_NEEDED, Verdict, contest, verdicts
from cgt.analysis.style import dataset_name, looks
from cgt.analysis.tables.parts import ABSENT, Rows, markdown, p_value, signed

_OURS = looks([PLUS])[PLUS].name
_RULE = (
    f"{_OURS} is not one of the paper's methods. Rule, fixed before looking: it is compared in "
    "area, the mean test accuracy over all cost budgets, paired by seed, with one competitor on "
    "every dataset. The intervals are corrected for the number of datasets, m: each has level "
    "1 − 0.05 / m (Bonferroni), so that all m hold together with 95 %. It wins on a dataset if the "
    "corrected interval lies wholly above 0, loses if wholly below, and wins against the "
    f"competitor if it wins on at least {WINS_NEEDED} datasets. The verdict that counts is the one "
    f"against {looks([REFERENCE])[REFERENCE].name}."
)
_NOTE = (
    "In points, mean over n seeds. p: paired t test, corrected by Holm's method for the datasets "
    "of one competitor."
)


def cgt_plus_files(frames: Frames) -> dict[str, str]:
    """The contest in Markdown; nothing if CGT+, or all its competitors, were not run."""
    table = contest(frames)
    if table.empty:
        return {}
    words = "\n".join(_sentence(*verdict) + "\n" for verdict in verdicts(table).items())
    return {"cgt_plus.md": f"{_RULE}\n\n{words}\n{markdown(_rows(table))}\n{_NOTE}\n"}


def _sentence(other: str, verdict: Verdict) -> str:
    result = "wins" if verdict.wins else "does not win"
    datasets = "dataset" if verdict.of == 1 else "datasets"
    return (
        f"Against {looks([other])[other].name}, {_OURS} **{result}**: better on {verdict.won}, "
        f"worse on {verdict.lost} of {verdict.of} {datasets}."
    )


def _rows(table: pd.DataFrame) -> Rows:
    return [
        {
            "Dataset": dataset_name(row.dataset),
            "Against": looks([row.other])[row.other].name,
            "Difference": signed(row.difference),
            "95 % interval": _interval(row.ci_low, row.ci_high),
            "Corrected interval": _bold(_interval(row.corrected_low, row.corrected_high), row),
            "p (Holm)": p_value(row.p_holm),
            "n": str(row.n),
        }
        for row in table.itertuples()
    ]


def _interval(low: float, high: float) -> str:
    return ABSENT if pd.isna(low) else f"{signed(low)} to {signed(high)}"


def _bold(text: str, row) -> str:
    apart = row.corrected_low > 0 or row.corrected_high < 0
    return f"**{text}**" if apart else text
