"""Every method against every other: paired differences and ranks."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from cgt.analysis.equivalence import EQUAL_P, MARGIN, kind_by_tests, tests_of
from cgt.analysis.frames import SAMPLED, Frames
from cgt.analysis.groups import REFERENCE
from cgt.analysis.statistics import (
    Difference,
    estimate,
    friedman,
    holm,
    paired_difference,
)
from cgt.analysis.style import order
from cgt.records.cards import cards

POINT = "threshold_0.9"
"""The operating point that the paper reports."""
AREA = "mean_budget_accuracy"
DIFFERENCES = (
    *("dataset", "metric", "method", "reference", "difference", "ci_low", "ci_high"),
    *("p_value", "p_holm", "sign_flip_p", *EQUAL_P.values(), "kind"),
    *("sampled_low", "sampled_high", "n"),
)
METRICS = (AREA, f"accuracy_{POINT}")
"""The area (see `cgt.operate.area`), and test accuracy at the paper's operating point."""


def values(frames: Frames, metric: str) -> pd.DataFrame:
    """A metric with one row per dataset and seed and one column per method; NaN: not run."""
    if metric == AREA:
        frame, column = frames["areas"], AREA
    else:
        points = frames["operating_points"]
        frame, column = points[points["point"] == POINT], "accuracy"
    table = frame.pivot(index=["dataset", "seed"], columns="method", values=column)
    return table.loc[order(frame, "dataset"), order(frame, "method")]


def comparisons(frames: Frames) -> pd.DataFrame:
    """The table `comparisons`: each pair of methods on each dataset, paired by seed.

    `difference` is method_a − method_b with its 95 % t interval; method_a is the one that comes
    later in the order of display. `p_value` is the paired t test's, `p_holm` the same corrected
    within dataset and metric. With one seed, interval and p-values are NaN.
    """
    rows = []
    for metric in METRICS:
        for dataset, table in by_dataset(values(frames, metric)):
            pairs = [
                {
                    "dataset": dataset,
                    "metric": metric,
                    "method_a": a,
                    "method_b": b,
                    **_compare(shared),
                }
                for b, a in itertools.combinations(table.columns, 2)
                if len(shared := table[[a, b]].dropna())
            ]
            _correct(pairs)
            rows += pairs
    columns = ["dataset", "metric", "method_a", "method_b", "difference", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=[*columns, "p_value", "p_holm", "n"])


def differences(frames: Frames) -> pd.DataFrame:
    """The table `differences`: each method against the reference, with what may be said of it.

    One row per metric, dataset and method; the columns are `DIFFERENCES`. `difference` is method −
    reference with its 95 % t interval, paired by seed. `p_value`: the paired t test's; `p_holm`:
    corrected by Holm over all methods of the dataset and metric; `sign_flip_p`: of the exact
    sign-flip test; `equal_p_…`: of the equivalence test within so many points; `kind`: of
    `cgt.analysis.equivalence.kind_of_difference`, by `p_holm`. `sampled_low`, `sampled_high`: of
    the area, the 95 % interval of resampling seeds and test samples, empty where the runs'
    predictions are not there.
    """
    rows = []
    for metric in METRICS:
        for dataset, table in by_dataset(values(frames, metric)):
            reference = reference_of(list(table.columns))
            found = [
                {
                    **{"dataset": dataset, "metric": metric},
                    **{"method": method, "reference": reference},
                    **_compare(shared),
                    **tests_of(shared[method].to_numpy(), shared[reference].to_numpy()),
                }
                for method in table.columns
                if method != reference and len(shared := table[[method, reference]].dropna())
            ]
            _correct(found)
            equal = EQUAL_P[MARGIN]
            rows += [{**row, "kind": kind_by_tests(row["p_holm"], row[equal])} for row in found]
    frame = pd.DataFrame(rows, columns=[c for c in DIFFERENCES if not c.startswith("sampled_")])
    keys = ["dataset", "metric", "method", "reference"]
    sampled = pd.DataFrame(columns=[*keys, "sampled_low", "sampled_high"])
    if SAMPLED in frames:
        sampled = frames[SAMPLED].assign(metric=AREA)[sampled.columns]
    return frame.merge(sampled, on=keys, how="left")[list(DIFFERENCES)]


def ranks(frames: Frames) -> pd.DataFrame:
    """The table `ranks`: mean rank of each method; 1 is the best, and ties share their mean rank.

    A dataset's numbers are means over the seeds at which every method was run; datasets without
    such a seed are left out. Methods are ranked on each dataset, ranks averaged over the datasets
    of one source (:func:`source_of`) and then over the sources, so that two splits of one scene
    count once. n counts the sources. `friedman_p` tests whether all methods are alike on them; NaN
    with fewer than :data:`cgt.analysis.statistics.FEWEST_BLOCKS`.
    """
    parts = []
    for metric in METRICS:
        table = values(frames, metric).dropna()
        if table.empty:
            continue
        ranked = table.groupby(level="dataset").mean().rank(axis=1, ascending=False)
        ranked = ranked.groupby(source_of).mean()
        mean = ranked.mean()
        parts.append(
            pd.DataFrame(
                {
                    "metric": metric,
                    "method": mean.index,
                    "mean_rank": mean.to_numpy(),
                    "n": len(ranked),
                    "friedman_p": friedman(ranked.to_numpy()),
                }
            )
        )
    if not parts:
        return pd.DataFrame(columns=["metric", "method", "mean_rank", "n", "friedman_p"])
    return pd.concat(parts, ignore_index=True)


def source_of(dataset: str) -> str:
    """What a dataset's samples are taken from; datasets of one source are not independent.

    These are the raw files that its card names; a dataset without such is a source by itself.
    """
    card = cards("data").get(dataset, {})
    return card.get("raw") or dataset


def reference_of(methods: Sequence[str]) -> str:
    """What the others are compared to: BranchyNet, or without it the first method."""
    return REFERENCE if REFERENCE in methods else methods[0]


def against(pairs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """The rows of a table of pairs that have the reference on one side; `method` is on the other.

    Where the table has differences, they are turned into method − reference.
    """
    pairs = pairs[(pairs["method_a"] == reference) | (pairs["method_b"] == reference)]
    turned = pairs["method_a"] == reference
    found = pairs.assign(method=pairs["method_a"].where(~turned, pairs["method_b"]))
    if "difference" in pairs:
        for name, other in (("difference",) * 2, ("ci_low", "ci_high"), ("ci_high", "ci_low")):
            found[name] = pairs[name].where(~turned, -pairs[other])
    return found.drop(columns=["method_a", "method_b"])


def by_dataset(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each dataset's rows, with the methods that were run on it."""
    for dataset, part in table.groupby(level="dataset", sort=False):
        yield dataset, part.dropna(axis=1, how="all")


def _correct(pairs: list[dict]) -> None:
    """Fill in `p_holm` of those that were tested."""
    tested = [pair for pair in pairs if not np.isnan(pair["p_value"])]
    corrected = holm([pair["p_value"] for pair in tested])
    for pair, p_value in zip(tested, corrected, strict=True):
        pair["p_holm"] = float(p_value)


def _compare(pair: pd.DataFrame) -> dict[str, float]:
    a, b = pair.to_numpy().T
    one = len(pair) == 1
    found = Difference(*estimate(a - b), np.nan) if one else paired_difference(a, b)
    return {
        "difference": found.mean,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "p_value": found.p_value,
        "p_holm": float("nan"),
        "n": found.n,
    }
