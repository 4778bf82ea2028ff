"""Published rows of made-up entries: tables as the reader of rows gives them."""

import numpy as np
import pandas as pd

POINTS = ("one_se", "budget_10", "budget_25", "budget_50", "threshold_0.9", "full")
TWENTY = (
    *("single_exit", "static", "branchynet", "cascade", "classynet", "hard_cgt", "soft_cgt"),
    *("cgt_plus", "soft_cgt_residual", "hard_cgt_late", "branchynet_rising", "deeply_supervised"),
    *("shallow_deep", "zero_time_waste", "boosted_exits", "self_distillation", "learned_gate"),
    *("meta_weights", "gradient_equilibrium", "patience_of_exits"),
)


def rows_of(areas, dataset="indian_pines", unmet=("budget_10",), **marks):
    """Tables of entries with these areas, one number per seed; None: a network with one exit.

    unmet: points whose budget costs 12 % and cannot be met; the others cost half of everything.
    marks: (tuned, marked) by entry; the rest is tuned by the protocol.
    """
    keys = [(m, s) for m, of in areas.items() for s in range(1, 1 + len(of or [0, 0]))]
    points = [
        {
            **{"dataset": dataset, "method": method, "seed": seed, "point": point},
            **{"threshold": 0.5, "accuracy": 0.9, "f1_macro": 0.9, "mean_macs": 500.0},
            **{"relative_cost": 0.12 if point in unmet else 0.5, "met": int(point not in unmet)},
        }
        for method, seed in keys
        for point in POINTS
    ]
    area = [
        {"dataset": dataset, "method": m, "seed": s, "mean_budget_accuracy": areas[m][s - 1]}
        for m, s in keys
        if areas[m]
    ]
    names = ("tuned", "marked")
    marked = [
        {
            "dataset": dataset,
            "method": m,
            **dict(zip(names, marks.get(m, ("protocol", "")), strict=True)),
        }
        for m in areas
    ]
    return {
        name: pd.DataFrame(of)
        for name, of in (("areas", area), ("points", points), ("marks", marked))
    }


def joined(*worlds):
    """Several datasets' tables as one."""
    return {name: pd.concat([of[name] for of in worlds], ignore_index=True) for name in worlds[0]}


def costs_of(methods, dataset="indian_pines", factor=1.5):
    """What the benchmark of entries measures, the columns that the leaderboard takes."""
    rows = [
        {
            **{"dataset": dataset, "method": method, "epoch_factor": factor, "peak_mib": 512.4},
            **{"ms_1": 0.08, "ms_64": 0.9, "reference_ms_1": 0.1, "reference_ms_64": 2.0},
        }
        for method in methods
    ]
    return pd.DataFrame(rows)


def twenty(datasets=("fashion_mnist", "indian_pines", "mnist1d"), seeds=10):
    """Twenty entries on each dataset: most like BranchyNet, some better, one far behind."""
    rng = np.random.default_rng(0)
    worlds = []
    for dataset in datasets:
        effects = dict(zip(TWENTY, rng.normal(0, 0.002, len(TWENTY)), strict=True))
        effects |= {"soft_cgt": 0.009, "shallow_deep": -0.012, "classynet": -0.09, "branchynet": 0}
        noise = rng.normal(0, 0.002, (len(TWENTY), seeds))
        areas = {m: list(0.9 + effects[m] + of) for m, of in zip(TWENTY, noise, strict=True)}
        worlds.append(rows_of({**areas, "single_exit": None}, dataset))
    costs = pd.concat([costs_of(TWENTY, dataset) for dataset in datasets])
    return {**joined(*worlds), "entries": costs}
