"""Every statement on every dataset, judged."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cgt.analysis.claims.rule import CANNOT_TELL, VERDICTS, conjunction, of_readings
from cgt.analysis.claims.statements import CLAIMS, STATEMENTS, Statement, methods_of
from cgt.analysis.comparisons import POINT
from cgt.analysis.frames import Frames
from cgt.analysis.statistics import ALPHA, Estimate, estimate, half_width
from cgt.analysis.style import looks

SCALED = f"{POINT}_scaled"
"""The paper's threshold on confidences whose temperatures were fitted on validation."""
COLUMNS = (
    *("claim", "method", "dataset", "saying", "statistic", "value"),
    *("ci_low", "ci_high", "ci_low_bonferroni", "ci_high_bonferroni"),
    *("n", "verdict", "scaled_value", "scaled_ci_low", "scaled_ci_high"),
)

Found = dict[str | None, np.ndarray]
"""Numbers of a statement by competitor; None: its method alone."""


@dataclass(frozen=True)
class Row:
    """A statement on a dataset: the comparison that decides it, with its interval and verdict.

    other: the weakest competitor, None for a statement about the method alone. rivals: how many
    competitors there were. half_bonferroni: half of the interval that *not reproduced* needs.
    scaled: the same comparison at the threshold with scaled temperatures, where there is such a
    point; it decides nothing.
    """

    statement: Statement
    dataset: str
    other: str | None
    rivals: int
    estimate: Estimate
    half_bonferroni: float
    verdict: str
    scaled: Estimate | None = None

    @property
    def interval_bonferroni(self) -> tuple[float, float]:
        """The interval corrected for all comparisons of the claim and method on the dataset."""
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

    Statements about runs that are not there get no row. *Not reproduced* is corrected, by
    Bonferroni, for the number of a claim's comparisons of a method on a dataset; readings of the
    same words count once.
    """
    values = {
        (statement, dataset): found
        for statement in statements
        for dataset in CLAIMS[statement.claim].datasets
        if (found := _values(frames, statement, dataset))
    }
    together = _comparisons({key: len(found) for key, (found, judged) in values.items() if judged})
    scaled = _at_scaled(frames)
    rows = []
    for (statement, dataset), (found, judged) in values.items():
        family = statement.claim, statement.method, dataset
        comparisons = together.get(family, 1)
        row = _weakest(_judged(statement, dataset, found, comparisons, judged))
        rows.append(_with_scaled(row, scaled))
    return rows


def ledger(frames: Frames) -> pd.DataFrame:
    """The table `claims`: one row per statement and dataset, sorted by claim.

    `statistic` says what was measured and which region was claimed; all numbers are as in the
    summary tables, shares in [0, 1]. `saying`: rows of one are readings of the same words.
    `ci_…_bonferroni`: the interval that *not reproduced* goes by. `scaled_…`: at the threshold with
    scaled temperatures, empty without such a point. `verdict` is the row's own.
    """
    rows = [
        {
            "claim": row.statement.claim,
            "method": row.statement.method,
            "dataset": row.dataset,
            "saying": row.statement.saying or row.statement.measure,
            "statistic": f"{row.compared}, claimed {row.statement.region.text()}",
            "value": row.estimate.mean,
            "ci_low": row.estimate.ci_low,
            "ci_high": row.estimate.ci_high,
            "ci_low_bonferroni": row.interval_bonferroni[0],
            "ci_high_bonferroni": row.interval_bonferroni[1],
            "n": row.estimate.n,
            "verdict": row.verdict,
            "scaled_value": row.scaled.mean if row.scaled else np.nan,
            "scaled_ci_low": row.scaled.ci_low if row.scaled else np.nan,
            "scaled_ci_high": row.scaled.ci_high if row.scaled else np.nan,
        }
        for row in judge(frames)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def verdicts(frames: Frames) -> pd.DataFrame:
    """The table `verdicts`: one verdict for each claim, method and dataset that was judged."""
    rows = judge(frames)
    found = [
        {"claim": name, "method": method, "dataset": dataset, "verdict": verdict}
        for name, claim in CLAIMS.items()
        for method in methods_of(name)
        for dataset in claim.datasets
        if (verdict := verdict_of(rows, name, method, [dataset]))
    ]
    return pd.DataFrame(found, columns=["claim", "method", "dataset", "verdict"])


def verdict_of(rows: Sequence[Row], claim: str, method: str, datasets: Sequence[str]) -> str | None:
    """Verdict on a claim for a method over some datasets; None if nothing was judged on any."""
    sayings = defaultdict(list)
    for row in rows:
        of = row.statement
        if (of.claim, of.method) == (claim, method) and row.dataset in datasets:
            sayings[row.dataset, of.saying or id(of)].append(row.verdict)
    return conjunction(map(of_readings, sayings.values())) if sayings else None


def _values(frames: Frames, statement: Statement, dataset: str) -> tuple[Found, bool] | None:
    """Numbers of the statement by competitor, of those that were run, and whether to judge them."""
    found = _measured(frames, statement, dataset, statement.others or (None,))
    if not found:
        found = _measured(frames, statement, dataset, statement.instead)
        return (found, False) if found else None
    comparable = statement.comparable
    return found, comparable is None or comparable(frames, dataset, statement.method)


def _measured(
    frames: Frames, statement: Statement, dataset: str, others: Sequence[str | None]
) -> Found:
    values = {other: statement.effect(frames, dataset, statement.method, other) for other in others}
    return {other: numbers for other, numbers in values.items() if len(numbers)}


def _comparisons(sizes: dict[tuple[Statement, str], int]) -> dict[tuple[str, str, str], int]:
    """How many comparisons each claim has of a method on a dataset."""
    sayings: dict[tuple[str, str, str], dict[str | int, int]] = defaultdict(dict)
    for (of, dataset), size in sizes.items():
        own = sayings[of.claim, of.method, dataset]
        saying = of.saying or id(of)
        own[saying] = max(size, own.get(saying, 0))
    return {family: sum(own.values()) for family, own in sayings.items()}


def _judged(
    statement: Statement, dataset: str, values: Found, together: int, judged: bool
) -> list[Row]:
    rows = []
    for other, numbers in values.items():
        found = estimate(numbers)
        corrected = float(half_width(numbers, level=1 - ALPHA / together))
        verdict = CANNOT_TELL
        if judged:
            verdict = statement.region.verdict(found.mean, found.ci_high - found.mean, corrected)
        rows.append(Row(statement, dataset, other, len(values), found, corrected, verdict))
    return rows


def _at_scaled(frames: Frames) -> Frames | None:
    """The tables with the scaled threshold in place of the paper's; None without such a point."""
    points = frames.get("operating_points")
    if points is None or not (points["point"] == SCALED).any():
        return None
    of_scaled = points[points["point"] == SCALED].assign(point=POINT)
    return {**frames, "operating_points": of_scaled}


def _with_scaled(row: Row, scaled: Frames | None) -> Row:
    if scaled is None or not row.statement.at_threshold:
        return row
    numbers = row.statement.effect(scaled, row.dataset, row.statement.method, row.other)
    return replace(row, scaled=estimate(numbers)) if len(numbers) else row


def _weakest(rows: Sequence[Row]) -> Row:
    return min(
        rows,
        key=lambda row: (
            VERDICTS.index(row.verdict),
            row.statement.region.slack(row.estimate.mean),
        ),
    )
