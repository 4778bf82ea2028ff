"""Intervals that speak of seeds and of test samples.

The t interval over seeds says how far a mean moves with other seeds on the same test samples. Here
both are drawn anew.
"""

from collections.abc import Sequence

import numpy as np

from cgt.analysis.statistics import LEVEL

RESAMPLES = 2000


def interval_over_seeds_and_samples(
    differences: Sequence[np.ndarray],
    shared: bool,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[float, float]:
    """Percentile interval of the mean of per-sample differences over all seeds.

    Args:
        differences: for each seed, the differences ``[N]`` of two methods on its test samples, such
            as right or wrong of one minus that of the other: −1, 0 or 1.
        shared: whether sample i is the same one at every seed. Then seeds and samples are drawn
            independently (Owen's pigeonhole bootstrap, Annals of Applied Statistics 2007, doi
            10.1214/07-AOAS122, which is conservative); else samples are drawn within each drawn
            seed.
        resamples: how often; the draws are the same for the same shapes.
        level: of the interval, in (0, 1).

    Raises:
        ValueError: if there are fewer than two seeds, or a seed without samples, or with ``shared``
            seeds differ in the number of samples.
    """
    sizes = [len(one) for one in differences]
    if len(sizes) < 2 or min(sizes) == 0:
        raise ValueError(f"{len(sizes)} seeds with {sizes} samples; two seeds with some are needed")
    if shared and len(set(sizes)) > 1:
        raise ValueError(f"seeds have {sizes} samples; shared ones must be equally many")
    chance = np.random.default_rng(0)
    seeds = len(sizes)
    # How often each seed is drawn, [resamples, seeds], as shares.
    drawn = chance.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds
    if shared:
        table = np.stack([np.asarray(one, dtype=float) for one in differences])
        values, counts = np.unique(table, axis=1, return_counts=True)
        # Samples that are alike at all seeds are one cell of a multinomial.
        size = sizes[0]
        weights = chance.multinomial(size, counts / size, size=resamples) / size
        means = np.einsum("rs,sk,rk->r", drawn, values, weights, optimize=True)
    else:
        means = np.zeros(resamples)
        for number, (one, size) in enumerate(zip(differences, sizes, strict=True)):
            values, counts = np.unique(np.asarray(one, dtype=float), return_counts=True)
            # A seed that is drawn k times has k samples drawn of its own; their mean is one draw of
            # k times the size.
            times = np.rint(drawn[:, number] * seeds).astype(int)
            weights = chance.multinomial(size * times, counts / size)
            means += weights @ values / (size * seeds)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
