"""What the number of tuning trials decides.

Two methods with the same trials are compared by the best of each; how much of a difference is luck
shows in how the best grows with the number of trials (Dodge et al., EMNLP 2019, arXiv 1909.03004).
"""

from collections.abc import Sequence
from math import comb

import numpy as np
import pandas as pd

EDGE = 0.1
"""A choice in this outer share of a range suggests that the range is too narrow."""
COLUMNS = ("dataset", "method", "trials", "expected_best", "low", "high")


def best_of(scores: Sequence[float], count: int) -> tuple[float, float]:
    """Mean and standard deviation of the best of ``count`` of these trials, drawn at random.

    Without replacement, over all choices: Σ_i v_(i) · C(i−1, n−1) / C(T, n) for the sorted scores.

    Raises:
        ValueError: unless 1 ≤ ``count`` ≤ the number of scores, or a score is not finite.
    """
    ordered = np.sort(np.asarray(scores, dtype=float))
    if not (np.isfinite(ordered).all() and 1 <= count <= len(ordered)):
        raise ValueError(f"the best of {count} of {len(ordered)} finite scores is not defined")
    chances = np.array([comb(i, count - 1) for i in range(len(ordered))]) / comb(
        len(ordered), count
    )
    mean = float(chances @ ordered)
    return mean, float(np.sqrt(chances @ (ordered - mean) ** 2))


def growth(trials: pd.DataFrame) -> pd.DataFrame:
    """`COLUMNS`, from the tuning table: one row for each dataset, method and number of trials.

    `low` and `high` are one standard deviation away from the mean, `high` at most the best.
    """
    rows = []
    for (dataset, method), part in trials.groupby(["dataset", "method"], sort=False):
        scores = part["score"].to_numpy()
        for count in range(1, len(scores) + 1):
            mean, spread = best_of(scores, count)
            found = mean, mean - spread, min(mean + spread, scores.max())
            rows.append((dataset, method, count, *found))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def open_choices(trials: pd.DataFrame, reference: str) -> pd.DataFrame:
    """For each method whether as many trials again could turn its order with the reference round.

    Columns: dataset, method, `lead` (best score − the reference's best), `gain` (how much the best
    has grown, in the mean, from half of the trials to all of them, the larger of both methods':
    what doubling has brought, and is not expected to bring again), `open`: |lead| ≤ gain.

    Raises:
        ValueError: if the reference was not tuned on a dataset.
    """
    rows = []
    for dataset, part in trials.groupby("dataset", sort=False):
        scores = {name: of["score"].to_numpy() for name, of in part.groupby("method", sort=False)}
        if reference not in scores:
            raise ValueError(f"{reference} has no trials on {dataset}; it is the reference")
        grown = {
            name: of.max() - best_of(of, max(1, len(of) // 2))[0] for name, of in scores.items()
        }
        for name in scores:
            if name != reference:
                lead = scores[name].max() - scores[reference].max()
                gain = max(grown[name], grown[reference])
                rows.append((dataset, name, lead, gain, abs(lead) <= gain))
    return pd.DataFrame(rows, columns=["dataset", "method", "lead", "gain", "open"])


def plain_best(trials: pd.DataFrame) -> pd.DataFrame:
    """The trial with the highest score of each dataset and method, the earlier of equals.

    Indexed by (dataset, method): what would be chosen if the scores were exact.
    """
    ordered = trials.sort_values(["score", "trial"], ascending=[False, True], kind="stable")
    return ordered.groupby(["dataset", "method"], sort=False).first()


def range_edges(values: pd.Series, low: float, high: float) -> tuple[int, int]:
    """How many values lie in the lowest and in the highest `EDGE` of a range, on a log axis."""
    position = np.log(values / low) / np.log(high / low)
    return int((position < EDGE).sum()), int((position > 1 - EDGE).sum())
