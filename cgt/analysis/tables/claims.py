"""The claims ledger in words: a verdict for each claim, and the numbers behind it."""

from collections.abc import Sequence

import pandas as pd

from cgt.analysis.claims import CLAIMS, DATASETS, LEAK_FREE, Row, judge, verdict_of
from cgt.analysis.frames import Frames
from cgt.analysis.style import dataset_name
from cgt.analysis.tables.parts import ABSENT, markdown

_RULE = (
    "Rule: a claim says in which region a number lies. The number's mean over seeds has a 95 % t "
    "interval, paired by seed where two methods are compared; it speaks of other seeds, on the "
    "same test data. *Reproduced*: the interval lies wholly in the region. *Not reproduced*: "
    "wholly outside, even when made wider for all comparisons of the claim on the dataset "
    "(Bonferroni). *Undecided*: otherwise, and always with one seed. Against several competitors "
    "the weakest comparison counts. A claim of several numbers is reproduced if all are, not "
    "reproduced if any is not, else undecided."
)
_SCOPE = (
    f"The last column takes the datasets that the paper used; {dataset_name(LEAK_FREE)}, where no "
    "test patch shares a pixel with a training patch, says what is left without such overlap."
)
_NOTE = (
    "Differences between shares are in points, shares in %, ratios (÷) plain. Bonferroni interval: "
    "wider, for all comparisons of the claim on the dataset. Only *not reproduced* needs it: a "
    "claim holds only if all of them do. Nothing is corrected for the number of claims and "
    "datasets."
)


def claims_files(frames: Frames) -> dict[str, str]:
    """The ledger, and its short form for the README."""
    rows = judge(frames)
    short = f"{_summary(rows)}\n{_RULE} {_SCOPE}\n"
    details = "\n".join(_details(rows, claim) for claim in CLAIMS)
    return {"claims.md": f"{short}\n{details}\n{_NOTE}\n", "verdicts.md": short}


def _summary(rows: Sequence[Row]) -> str:
    """One line per claim: its verdict on each dataset and as the paper made it."""
    datasets = [name for name in DATASETS if any(row.dataset == name for row in rows)]
    lines = [
        {
            "": f"({name})",
            "The paper's claim": claim.sentence,
            **{dataset_name(of): _word(verdict_of(rows, name, [of])) for of in datasets},
            "Verdict": f"**{_word(verdict_of(rows, name, claim.paper))}**",
        }
        for name, claim in CLAIMS.items()
    ]
    return markdown(lines, text=tuple(lines[0]))


def _details(rows: Sequence[Row], claim: str) -> str:
    head = f"**({claim}) {CLAIMS[claim].sentence}** {CLAIMS[claim].measured}\n\n"
    lines = [
        {
            "Dataset": dataset_name(row.dataset),
            "Statistic": row.compared,
            "Claimed": row.statement.region.text(row.statement.scale),
            "Mean": _number(row, row.estimate.mean),
            "95 % interval": _interval(row, row.estimate.ci_low, row.estimate.ci_high),
            "Bonferroni interval": _interval(row, *row.interval_bonferroni),
            "n": str(row.estimate.n),
            "Verdict": row.verdict,
        }
        for row in rows
        if row.statement.claim == claim
    ]
    if not lines:
        return f"{head}Nothing to judge: its methods were not run on its datasets.\n"
    return head + markdown(lines, text=("Dataset", "Statistic", "Verdict"))


def _interval(row: Row, low: float, high: float) -> str:
    return ABSENT if pd.isna(low) else f"{_number(row, low)} to {_number(row, high)}"


def _number(row: Row, value: float) -> str:
    sign = "+" if row.statement.unit == "points" else ""
    return f"{row.statement.scale * value:{sign}.2f}".replace("-", "−")


def _word(verdict: str | None) -> str:
    return verdict or ABSENT
