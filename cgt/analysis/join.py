"""One method set beside published rows: differences, its place, and how the machine agrees.

Everything is paired by seed: of a published entry the seeds count that the joining method has, too.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from cgt.analysis.groups import REFERENCE
from cgt.analysis.statistics import (
    ALPHA,
    LEVEL,
    estimate,
    half_width,
    holm,
    paired_difference,
)
from cgt.records.csv_columns import ROUNDING, ROW_POINTS
from cgt.records.rows import Outcomes, Row

AREA = "mean_budget_accuracy"
METRICS = (AREA, *(f"accuracy_{point}" for point in ROW_POINTS))
DRAWS = 2000
"""Of a resampling: enough for the ends of a 95 % interval to hold in the second digit."""
SAME, WITHIN, OTHER = "to the digit", "within the interval", "not"
"""How far a repeated run agrees with the published one."""

Frames = Mapping[str, pd.DataFrame]
"""As `cgt.records.rows.read_rows` gives them."""


class Agreement(NamedTuple):
    """A published run and its repetition."""

    run: str
    verdict: str
    """`SAME`: every outcome and the area are equal. `WITHIN`: the area lies where 95 % of further
    runs of the published entry do. `OTHER`: it does not, or one published seed tells no interval.
    """
    area: float
    published: float
    low: float
    high: float
    changed: int
    """Outcomes that differ, of all points and samples."""
    outcomes: int


def differences(published: Frames, own: Frames) -> pd.DataFrame:
    """Joining method − each published entry, on each dataset: one row per entry and metric.

    Columns: dataset, method (the published one), metric (of `METRICS`), difference, ci_low,
    ci_high, p_value, p_holm, n. The interval is the 95 % t interval over n paired seeds; `p_holm`
    is corrected over the entries of the dataset, for each metric by itself. With one seed interval
    and p-values are NaN. A network with one exit has no area.
    """
    rows = []
    for metric in METRICS:
        theirs, mine = values(published, metric), values(own, metric)
        for dataset in dict.fromkeys(mine["dataset"]):
            of = mine[mine["dataset"] == dataset].set_index("seed")["value"]
            found = []
            for method, part in theirs[theirs["dataset"] == dataset].groupby("method"):
                both = pd.concat([of, part.set_index("seed")["value"]], axis=1, join="inner")
                if len(both):
                    found.append({"dataset": dataset, "method": method, **_compare(both)})
            tested = [row for row in found if not np.isnan(row["p_value"])]
            corrected = holm([row["p_value"] for row in tested])
            for row, p_value in zip(tested, corrected, strict=True):
                row["p_holm"] = float(p_value)
            rows += [{**row, "metric": metric} for row in found]
    columns = ["dataset", "method", "metric", "difference", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=[*columns, "p_value", "p_holm", "n"])


def _compare(both: pd.DataFrame) -> dict[str, float]:
    a, b = both.to_numpy().T
    nothing = {"ci_low": np.nan, "ci_high": np.nan, "p_value": np.nan, "p_holm": np.nan}
    if len(both) < 2:
        return {"difference": float(np.mean(a - b)), **nothing, "n": len(both)}
    found = paired_difference(a, b)
    return {
        **nothing,
        **{"difference": found.mean, "ci_low": found.ci_low, "ci_high": found.ci_high},
        **{"p_value": found.p_value, "n": found.n},
    }


def at_seeds_of(published: Frames, own: Frames) -> dict[str, pd.DataFrame]:
    """The published rows at the seeds that the joining method has on each dataset."""
    there = own["points"][["dataset", "seed"]].drop_duplicates()
    return {
        name: frame.merge(there) if "seed" in frame else frame for name, frame in published.items()
    }


def values(frames: Frames, metric: str) -> pd.DataFrame:
    """A metric as the columns dataset, method, seed, value."""
    if metric == AREA:
        frame = frames["areas"].rename(columns={AREA: "value"})
    else:
        points = frames["points"]
        frame = points[points["point"] == metric.removeprefix("accuracy_")]
        frame = frame.rename(columns={"accuracy": "value"})
    return frame[["dataset", "method", "seed", "value"]]


def places(found: pd.DataFrame) -> pd.DataFrame:
    """The joining method's place by area, from a table of `differences`.

    Columns: dataset, place (1 is the best; entries that are exactly as good are not before it), of
    (entries with an area, and the method itself), above and below (entries it is significantly
    better and worse than, Holm-corrected p < 0.05), alike (the others), n (seeds, the fewest).
    """
    rows = []
    area = found[found["metric"] == AREA]
    for dataset, part in area.groupby("dataset", sort=False):
        told = part["p_holm"] < ALPHA
        above, below = (told & (part["difference"] > 0)), (told & (part["difference"] < 0))
        rows.append(
            {
                "dataset": dataset,
                "place": 1 + int((part["difference"] < 0).sum()),
                "of": 1 + len(part),
                "above": int(above.sum()),
                "below": int(below.sum()),
                "alike": int((~told).sum()),
                "n": int(part["n"].min()),
            }
        )
    return pd.DataFrame(rows, columns=["dataset", "place", "of", "above", "below", "alike", "n"])


def over_samples(dataset: str, own: Outcomes, reference: Outcomes) -> pd.DataFrame:
    """Difference in accuracy from one entry at each point, over seeds and over test samples.

    Columns: dataset, point, difference, ci_low and ci_high (95 % t interval over seeds),
    sampled_low and sampled_high (2.5 and 97.5 % of resamplings of seeds and test samples), n
    (seeds), samples (at each seed).

    Seeds and samples are drawn with replacement, each by itself, and crossed (the pigeonhole
    bootstrap: Owen, Annals of Applied Statistics 1(2), 2007). With one seed the interval speaks of
    test samples alone. Draws depend on the dataset's name alone.

    Raises ValueError if the two answered different numbers of samples.
    """
    if own.samples != reference.samples:
        raise ValueError(
            f"{dataset}: outcomes are of {own.samples} and {reference.samples} test samples; they "
            f"can be compared sample by sample only if they are of the same"
        )
    seeds = [seed for seed in own.seeds if seed in reference.seeds]
    if not seeds:
        return pd.DataFrame()
    gain = np.stack(
        [
            [own.of(s, point).astype(float) - reference.of(s, point) for s in seeds]
            for point in ROW_POINTS
        ]
    )
    drawn = resampled(gain, np.random.default_rng(list(dataset.encode())))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    by_seed = gain.mean(axis=2)
    half = half_width(by_seed, axis=1)
    mean = by_seed.mean(axis=1)
    return pd.DataFrame(
        {
            "dataset": dataset,
            "point": ROW_POINTS,
            "difference": mean,
            "ci_low": mean - half,
            "ci_high": mean + half,
            "sampled_low": low,
            "sampled_high": high,
            "n": len(seeds),
            "samples": own.samples,
        }
    )


def resampled(gain: np.ndarray, rng: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    """Means of [P, S, N] over S and N drawn with replacement, together for all P: [P, draws]."""
    _, seeds, samples = gain.shape
    flat = gain.reshape(-1, samples)
    means = np.empty((gain.shape[0], draws))
    for draw in range(draws):
        weights = np.bincount(rng.integers(samples, size=samples), minlength=samples)
        by_seed = (flat @ weights).reshape(-1, seeds) / samples
        means[:, draw] = by_seed[:, rng.integers(seeds, size=seeds)].mean(axis=1)
    return means


def agreement(published: Row, repeated: Row) -> Agreement:
    """How a repeated run agrees with the published row that it is of.

    repeated: the row of that one run. What 95 % of further runs do is the prediction interval of a
    normal sample, mean ± t · sd · sqrt(1 + 1/n).
    """
    (seed,) = repeated.outcomes.seeds
    index = published.outcomes.seeds.index(seed)
    changed = published.outcomes.right[index] != repeated.outcomes.right[0]
    areas = published.tables["areas"].set_index("seed")[AREA]
    area = float(repeated.tables["areas"][AREA].iloc[0])
    over = estimate(areas)
    half = np.nan
    if over.n > 1:
        quantile = stats.t.ppf((1 + LEVEL) / 2, over.n - 1)
        half = float(quantile * over.sd * np.sqrt(1 + 1 / over.n))
    verdict = OTHER
    if not changed.any() and abs(area - areas[seed]) <= ROUNDING:
        verdict = SAME
    elif abs(area - over.mean) <= half:
        verdict = WITHIN
    name = f"{published.name}/{seed}"
    span = (over.mean - half, over.mean + half)
    counted = int(changed.sum()), changed.size
    return Agreement(name, verdict, area, float(areas[seed]), *span, *counted)


def curves(frames: Frames, dataset: str) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Method, budgets [B] and accuracies [seeds, B] of every curve of a dataset."""
    own = frames["budgets"]
    for method, part in own[own["dataset"] == dataset].groupby("method"):
        table = part.pivot(index="seed", columns="budget", values="accuracy")
        yield str(method), table.columns.to_numpy(dtype=float), table.to_numpy()


def reference_in(published: Frames, dataset: str) -> str | None:
    """The entry that headlines compare with, if it is published on a dataset."""
    points = published["points"]
    there = set(points.loc[points["dataset"] == dataset, "method"])
    return REFERENCE if REFERENCE in there else None
