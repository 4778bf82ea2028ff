"""Published rows made by hand: accuracies, outcomes and manifests that agree."""

from pathlib import Path

import numpy as np
import pandas as pd

from cgt.records.csv_columns import ROW_POINTS
from cgt.records.rows import Outcomes, Row, row_files

SHA = {"protocol": "a" * 64, "network": "b" * 64}
COSTS = {"one_se": 0.4, "budget_10": 0.2, "budget_25": 0.25, "budget_50": 0.5}
COSTS |= {"threshold_0.9": 0.6, "full": 1.0}


def made_row(dataset, method, areas, *, right=None, size=20, unmet=("budget_10",), **manifest):
    """A row with these areas by seed, and the same accuracy within every budget.

    right: bool [S, P, N]; by default the first round(area × size) samples are right at every point.
    """
    seeds = sorted(areas)
    if right is None:
        count = [round(areas[seed] * size) for seed in seeds]
        right = np.stack([np.tile(np.arange(size) < n, (len(ROW_POINTS), 1)) for n in count])
    run = {"dataset": dataset, "method": method}
    points = [
        {
            **{**run, "seed": seed, "point": point, "threshold": 0.5},
            **{"accuracy": right[i, j].mean(), "f1_macro": right[i, j].mean()},
            **{"mean_macs": 1000 * COSTS[point], "relative_cost": COSTS[point]},
            "met": int(point not in unmet),
        }
        for i, seed in enumerate(seeds)
        for j, point in enumerate(ROW_POINTS)
    ]
    tables = {
        "areas": pd.DataFrame(
            [{**run, "seed": s, "mean_budget_accuracy": areas[s]} for s in seeds]
        ),
        "points": pd.DataFrame(points),
        "budgets": pd.DataFrame(
            [
                {**run, "seed": s, "budget": budget, "accuracy": areas[s]}
                for s in seeds
                for budget in np.linspace(0.2, 1, 101)
            ]
        ),
    }
    described = {
        **{**run, "seeds": seeds, "samples": right.shape[2], "tuned": "protocol", "marked": ""},
        "settings": {"implementation": method, "method": {"lr": 0.1}, "dataset": {"epochs": 3}},
        "seconds": {str(seed): 10.0 for seed in seeds},
        "digests": {**SHA, "data": {str(seed): f"{seed:064x}" for seed in seeds}},
    }
    return Row(tables, Outcomes(tuple(seeds), ROW_POINTS, right), {**described, **manifest})


def write_row(folder, row):
    """Put the files of a row where a reader of `folder` finds them; return their place."""
    place = Path(folder) / row.name
    place.mkdir(parents=True, exist_ok=True)
    for name, data in row_files(row).items():
        (place / name).write_bytes(data)
    return place
