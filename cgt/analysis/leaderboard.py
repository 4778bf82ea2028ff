"""All entries side by side: published rows to one table of standings."""

from typing import Any

import numpy as np
import pandas as pd

from cgt.analysis.equivalence import EQUAL_P, MARGIN, kind_by_tests, tests_of
from cgt.analysis.frames import Frames
from cgt.analysis.groups import REFERENCE
from cgt.analysis.statistics import holm, paired_difference
from cgt.analysis.style import order
from cgt.records.cards import cards
from cgt.records.rows import BY_PROTOCOL

AREA = "mean_budget_accuracy"
SHARES = (10, 25, 50)
"""Budgets at which accuracy is shown, % of the cost of the dataset's reference network."""
COSTS = ("epoch_factor", "peak_mib", "ms_1", "ms_64", "reference_ms_1", "reference_ms_64")
"""Columns of `cgt.bench.entries` that are taken over."""
COLUMNS = (
    *("dataset", "method", AREA, "n", "difference", "ci_low", "ci_high", "p_value", "p_holm"),
    *("sign_flip_p", *EQUAL_P.values(), "kind"),
    *(f"{name}_{share}" for share in SHARES for name in ("accuracy", "cost", "met")),
    *COSTS,
    *("family", "source", "mark"),
)


def standings(frames: Frames) -> pd.DataFrame:
    """One row per dataset and entry; in each dataset the largest difference in area first.

    Args:
        frames: of published rows: `areas`, `points`, `marks` (dataset, method, tuned, marked), and
            `entries`, what `cgt bench entries` measured; the last may be missing.

    Returns:
        The columns `COLUMNS`. Shares in [0, 1].
        mean_budget_accuracy: mean over the n seeds of the entry; NaN for a network with one exit.
        difference, ci_low, ci_high, p_value: of the area, entry − BranchyNet, paired by the seeds
            that both have: mean, 95 % t interval, paired t test. p_holm: corrected for all entries
            of the dataset that were tested. sign_flip_p, equal_p_…, kind: as in
            :func:`cgt.analysis.comparisons.differences`. NaN, or no kind, where there is nothing to
            test: BranchyNet itself, no area, fewer than two seeds in common (difference: none in
            common).
        accuracy_S, cost_S: means over seeds at the point of a budget of S % of the reference cost;
            cost relative to it. met_S: share of the seeds at which the budget could be met.
        the columns of `COSTS`; NaN where nothing was measured.
        family, source: of the entry's card. mark: "trial", "untuned" or what else it is marked
            with; empty for an entry that the protocol has tuned.

    Raises:
        ValueError: naming a dataset that has no row of BranchyNet.
    """
    parts = [_of_dataset(frames, dataset) for dataset in order(frames["points"], "dataset")]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _of_dataset(frames: Frames, dataset: str) -> pd.DataFrame:
    areas, points, marks = (_of(frames[name], dataset) for name in ("areas", "points", "marks"))
    table = areas.pivot(index="seed", columns="method", values=AREA)
    if REFERENCE not in table:
        raise ValueError(
            f"rows of {dataset}: there is none of {REFERENCE}, to which all others are compared; "
            f"publish it, too"
        )
    costs = _of(frames["entries"], dataset) if "entries" in frames else pd.DataFrame()
    rows = []
    for method in order(points, "method"):
        own = points[points["method"] == method]
        rows.append(
            {
                "dataset": dataset,
                "method": method,
                **_area(table, method),
                **_budgets(own),
                **_costs(costs, method),
                **_card(method),
                "mark": _mark(marks[marks["method"] == method]),
            }
        )
    board = pd.DataFrame(rows)
    tested = board["p_value"].notna()
    board["p_holm"] = np.nan
    board.loc[tested, "p_holm"] = holm(board.loc[tested, "p_value"])
    board["kind"] = ""
    equal = board.loc[tested, EQUAL_P[MARGIN]]
    board.loc[tested, "kind"] = [
        kind_by_tests(p, q) for p, q in zip(board.loc[tested, "p_holm"], equal, strict=True)
    ]
    # BranchyNet stands among them, at zero; what has no area comes last.
    return board.sort_values("difference", ascending=False, kind="stable", na_position="last")


def _area(table: pd.DataFrame, method: str) -> dict[str, Any]:
    """Area of an entry and its difference from the reference; NaN where there is none."""
    names = (AREA, "difference", "ci_low", "ci_high", "p_value", "sign_flip_p", *EQUAL_P.values())
    found = dict.fromkeys(names, np.nan)
    if method not in table:
        return {**found, "n": 0}
    own = table[method].dropna()
    found[AREA] = own.mean()
    both = table[[method]].assign(reference=table[REFERENCE]).dropna()
    if len(both):
        found["difference"] = (both[method] - both["reference"]).mean()
    if method != REFERENCE and len(both) > 1:
        of = paired_difference(both[method], both["reference"])
        found |= {"ci_low": of.ci_low, "ci_high": of.ci_high, "p_value": of.p_value}
        found |= tests_of(both[method].to_numpy(), both["reference"].to_numpy())
    return {**found, "n": len(own)}


def _budgets(points: pd.DataFrame) -> dict[str, float]:
    found = {}
    for share in SHARES:
        at = points[points["point"] == f"budget_{share}"]
        for name, column in (("accuracy", "accuracy"), ("cost", "relative_cost"), ("met", "met")):
            found[f"{name}_{share}"] = at[column].mean()
    return found


def _costs(costs: pd.DataFrame, method: str) -> dict[str, float]:
    own = costs[costs["method"] == method] if len(costs) else costs
    return {name: own[name].iloc[0] if len(own) else np.nan for name in COSTS}


def _card(method: str) -> dict[str, str]:
    """Family and source of an entry: of its card, or of the card it is a variant of."""
    known = cards("methods")
    names = [name for name in known if method == name or method.startswith(f"{name}_")]
    if not names:
        return {"family": "", "source": ""}
    card = known[max(names, key=len)]
    return {"family": card["family"], "source": card["source"]}


def _mark(marks: pd.DataFrame) -> str:
    """What is to be known of a row before it is compared; empty if nothing."""
    if marks.empty:
        return ""
    row = marks.iloc[0]
    untuned = [] if row["tuned"] == BY_PROTOCOL else ["untuned"]
    return ", ".join([*([row["marked"]] if row["marked"] else []), *untuned])


def _of(frame: pd.DataFrame, dataset: str) -> pd.DataFrame:
    return frame[frame["dataset"] == dataset]
