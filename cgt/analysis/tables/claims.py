"""The claims ledger in words: a verdict for each claim, and the numbers behind it."""

from collections.abc import Sequence

import pandas as pd

from cgt.analysis.claims import (
    CLAIMS,
    DATASETS,
    LEAK_FREE,
    Row,
    conjunction,
    judge,
    methods_of,
    verdict_of,
)
from cgt.analysis.frames import Frames
from cgt.analysis.style import dataset_name, looks
from cgt.analysis.tables.parts import ABSENT, markdown

_RULE = (
    "Rule: a claim says in which region a number lies. The number's mean over seeds has a 95 % t "
    "interval, paired by seed where two methods are compared; it speaks of other seeds, on the "
    "same test data. *Reproduced*: the interval lies wholly in the region. *Not reproduced*: "
    "wholly outside, even when made wider for all comparisons of the claim and method on the "
    "dataset (Bonferroni). *Undecided*: otherwise, and always with one seed. Against several "
    "competitors the weakest comparison counts. Of several numbers the least favourable verdict "
    "counts. Words with two readings, such as *leaves early*, are judged by both: if one is "
    "reproduced and the other is not, the claim is *undecided: depends on the reading*. *Cannot "
    "be told*: what would have to be compared is not there, whatever the number of seeds: joint "
    "training at the same schedule of exit weights in (f), a network with the paper's exits for "
    "the exit shares of (j). Each method that a claim speaks of has its own verdict."
)
_SCOPE = (
    f"The last column takes the datasets that the paper used; {dataset_name(LEAK_FREE)}, where no "
    "test patch shares a pixel with a training patch, says what is left without such overlap."
)
_FIRST = (
    "*First publication*: the verdict of the first published results, by the rule of then: one for "
    "both methods, with *early* read as before the last exit, and (f) against BranchyNet as tuned."
)
_NOTE = (
    "Differences between shares are in points, shares in %, ratios (÷) plain. Bonferroni "
    "interval: wider, for all comparisons of the claim and method on the dataset. Only *not "
    "reproduced* needs it: a claim holds only if all of them do. Nothing is corrected for the "
    "number of claims and datasets."
)
_SCALED = (
    "With temperatures: the same comparison at threshold 0.9 on confidences whose temperatures "
    "were fitted on validation; no verdict goes by it."
)
FIRST = "first_verdicts"
"""Name among the tables of what :func:`cgt.analysis.claims.read_verdicts` gives."""


def claims_files(frames: Frames) -> dict[str, str]:
    """The ledger, and its short form for the README; beside it the first verdicts, if given."""
    rows = judge(frames)
    first = frames.get(FIRST)
    notes = [_RULE, _SCOPE, *([_FIRST] if first is not None else [])]
    short = f"{_summary(rows, first)}\n{' '.join(notes)}\n"
    details = "\n".join(_details(rows, claim) for claim in CLAIMS)
    note = f"{_NOTE} {_SCALED}" if any(row.scaled for row in rows) else _NOTE
    return {"claims.md": f"{short}\n{details}\n{note}\n", "verdicts.md": short}


def _summary(rows: Sequence[Row], first: pd.DataFrame | None) -> str:
    """One line per claim and method: the verdict on each dataset and as the paper made it."""
    datasets = [name for name in DATASETS if any(row.dataset == name for row in rows)]
    lines = []
    for name, claim in CLAIMS.items():
        for number, method in enumerate(methods_of(name)):
            line = {
                "": f"({name})" if number == 0 else "",
                "The paper's claim": claim.sentence if number == 0 else "",
                "Method": looks([method])[method].name,
                **{
                    dataset_name(of): _word(verdict_of(rows, name, method, [of])) for of in datasets
                },
                "Verdict": f"**{_word(verdict_of(rows, name, method, claim.paper))}**",
            }
            if first is not None:
                line["First publication"] = _first(first, name, claim.paper) if number == 0 else ""
            lines.append(line)
    return markdown(lines, text=tuple(lines[0]))


def _first(first: pd.DataFrame, claim: str, datasets: Sequence[str]) -> str:
    own = first[(first["claim"] == claim) & first["dataset"].isin(datasets)]
    return conjunction(own["verdict"]) if len(own) else ABSENT


def _details(rows: Sequence[Row], claim: str) -> str:
    head = f"**({claim}) {CLAIMS[claim].sentence}** {CLAIMS[claim].measured}\n\n"
    scaled = any(row.scaled for row in rows if row.statement.claim == claim)
    lines = [
        {
            "Dataset": dataset_name(row.dataset),
            "Statistic": row.compared,
            "Claimed": row.statement.region.text(row.statement.scale),
            "Mean": _number(row, row.estimate.mean),
            "95 % interval": _interval(row, row.estimate.ci_low, row.estimate.ci_high),
            "Bonferroni interval": _interval(row, *row.interval_bonferroni),
            **({"With temperatures": _scaled(row)} if scaled else {}),
            "n": str(row.estimate.n),
            "Verdict": row.verdict,
        }
        for row in rows
        if row.statement.claim == claim
    ]
    if not lines:
        return f"{head}Nothing to judge: its methods were not run on its datasets.\n"
    return head + markdown(lines, text=("Dataset", "Statistic", "Verdict"))


def _scaled(row: Row) -> str:
    if row.scaled is None:
        return ABSENT
    interval = _interval(row, row.scaled.ci_low, row.scaled.ci_high)
    return f"{_number(row, row.scaled.mean)} ({interval})"


def _interval(row: Row, low: float, high: float) -> str:
    return ABSENT if pd.isna(low) else f"{_number(row, low)} to {_number(row, high)}"


def _number(row: Row, value: float) -> str:
    sign = "+" if row.statement.unit == "points" else ""
    return f"{row.statement.scale * value:{sign}.2f}".replace("-", "−")


def _word(verdict: str | None) -> str:
    return verdict or ABSENT
