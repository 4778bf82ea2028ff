"""Every statement on every dataset, judged."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cgt.analysis.claims.rule import VERDICTS, conjunction
from cgt.analysis.claims.statements import CLAIMS, STATEMENTS, Statement
from cgt.analysis.frames import Frames
from cgt.analysis.statistics import ALPHA, Estimate, estimate, half_width
from cgt.analysis.style import looks

COLUMNS = (
    *("claim", "dataset", "statistic", "value"),
    *("ci_low", "ci_high", "ci_low_bonferroni", "ci_high_bonferroni"),
    *("n", "verdict"),
)


@dataclass(frozen=True)
class Row:
    """A statement on a dataset: the comparison that decides it, with its interval and verdict.

    other: the weakest competitor, None for a statement about the method alone. rivals: how many
    competitors there were. half_bonferroni: half of the interval that *not reproduced* needs.
    """

    statement: Statement
    dataset: str
    other: str | None
    rivals: int
    estimate: Estimate
    half_bonferroni: float
    verdict: str

    @property
    def interval_bonferroni(self) -> tuple[float, float]:
        """The interval corrected for all comparisons of the claim on the dataset."""
        mean, half = self.estimate.mean, self.half_bonferroni
        return mean - half, mean + half

    @property
    def compared(self) -> str:
        """What the number is, such as `accuracy, SoftCGT − CO (weakest of 3)`."""
        names = looks(filter(None, (self.statement.method, self.other)))
        sign = " ÷ " if self.statement.unit == "×" else " − "
        text = f"{self.statement.measure}, {sign.join(look.name for look in names.values())}"
        return text if self.rivals < 2 else f"{text} (weakest of {self.rivals})"


def judge(frames: Frames, statements: Sequence[Statement] = STATEMENTS) -> list[Row]:
    """Judge each statement on each of its claim's datasets.

    Statements about runs that are not there get no row. *Not reproduced* is corrected for the
    number of a claim's comparisons on a dataset, by Bonferroni.
    """
    values = {
        (statement, dataset): found
        for statement in statements
        for dataset in CLAIMS[statement.claim].datasets
        if (found := _values(frames, statement, dataset))
    }
    together = Counter[tuple[str, str]]()
    for (statement, dataset), found in values.items():
        together[statement.claim, dataset] += len(found)
    return [
        _weakest(_judged(statement, dataset, found, together[statement.claim, dataset]))
        for (statement, dataset), found in values.items()
    ]


def ledger(frames: Frames) -> pd.DataFrame:
    """The table `claims`: one row per statement and dataset, sorted by claim.

    `statistic` says what was measured and which region was claimed; all numbers are as in the
    summary tables, shares in [0, 1]. `ci_…_bonferroni`: the interval that *not
    reproduced* goes by.
    """
    rows = [
        {
            "claim": row.statement.claim,
            "dataset": row.dataset,
            "statistic": f"{row.compared}, claimed {row.statement.region.text()}",
            "value": row.estimate.mean,
            "ci_low": row.estimate.ci_low,
            "ci_high": row.estimate.ci_high,
            "ci_low_bonferroni": row.interval_bonferroni[0],
            "ci_high_bonferroni": row.interval_bonferroni[1],
            "n": row.estimate.n,
            "verdict": row.verdict,
        }
        for row in judge(frames)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def verdict_of(rows: Sequence[Row], claim: str, datasets: Sequence[str]) -> str | None:
    """Verdict on a claim over some datasets; None if nothing was judged on any of them."""
    verdicts = [
        row.verdict for row in rows if row.statement.claim == claim and row.dataset in datasets
    ]
    return conjunction(verdicts) if verdicts else None


def _values(frames: Frames, statement: Statement, dataset: str) -> dict[str | None, np.ndarray]:
    """Numbers of the statement by competitor, of those that were run; None: its method alone."""
    values = {
        other: statement.effect(frames, dataset, statement.method, other)
        for other in statement.others or (None,)
    }
    return {other: numbers for other, numbers in values.items() if len(numbers)}


def _judged(
    statement: Statement, dataset: str, values: dict[str | None, np.ndarray], together: int
) -> list[Row]:
    rows = []
    for other, numbers in values.items():
        found = estimate(numbers)
        corrected = float(half_width(numbers, level=1 - ALPHA / together))
        verdict = statement.region.verdict(found.mean, found.ci_high - found.mean, corrected)
        rows.append(Row(statement, dataset, other, len(values), found, corrected, verdict))
    return rows


def _weakest(rows: Sequence[Row]) -> Row:
    return min(
        rows,
        key=lambda row: (
            VERDICTS.index(row.verdict),
            row.statement.region.slack(row.estimate.mean),
        ),
    )
