"""Does an exit's confidence tell its right answers from its wrong ones?

Calibration does not say: an exit that is sure of every sample by its mean accuracy is calibrated,
and tells nothing apart. Whether samples leave at the right exit depends on the order of the
confidences. Why calibration alone misleads in early exits: Kubaty et al., arXiv 2508.21495.

Both measures depend on the order of the confidences alone. Samples that are equally sure have no
order: the mean over all orders of them counts.

Worked example: four samples, sure by 0.9, 0.8, 0.7 and 0.6, the second one wrong. Of the three
pairs of a right and a wrong one, the right one is the surer in one: AUROC 1/3. The risk among the
surest one, two, three and four is 0, 1/2, 1/3 and 1/4: AURC 13/48. At best the wrong one is the
last: 0, 0, 0, 1/4, AURC 1/16; the excess is 10/48.
"""

import numpy as np


def failure(confidence: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """How well confidence predicts who is wrong, all in [0, 1].

    - `risk`: share of the samples that are wrong.
    - `auroc`: the chance that a right sample is surer than a wrong one, ties counted half; 1 is
      perfect, 0.5 is no better than chance. Where all are right or all wrong there is no such pair:
      it is 0.5, and the risk of 0 or 1 says so.
    - `aurc`: area under the risk-coverage curve, the mean of the risk among the k surest samples
      over k = 1 ... N. Lower is better; it grows with the risk itself.
    - `excess_aurc`: `aurc` less that of a perfect order of as many right and wrong samples. 0 is
      perfect.

    Source of the last two: Geifman et al., Bias-reduced uncertainty estimation for deep neural
    classifiers, ICLR 2019; they approximate the perfect order's area, here it is exact.

    Args:
        confidence: [N], N >= 1, of one exit.
        right: [N] bool, whether its answers are right.
    """
    _, level = np.unique(confidence, return_inverse=True)
    size, rights = np.bincount(level), np.bincount(level, right).astype(np.int64)
    wrongs = size - rights
    wrong, samples = int(wrongs.sum()), len(level)
    pairs = (samples - wrong) * wrong
    # A right one is surer than the wrong ones of all lower levels, and ties with those of its own.
    won = int(rights @ (2 * (wrongs.cumsum() - wrongs) + wrongs))
    found = area_under_risk(size[::-1], wrongs[::-1])
    best = area_under_risk(np.array([samples - wrong, wrong]), np.array([0, wrong]))
    return {
        "risk": wrong / samples,
        "auroc": won / (2 * pairs) if pairs else 0.5,
        "aurc": found,
        "excess_aurc": max(found - best, 0.0),  # rounding may leave less
    }


def area_under_risk(size: np.ndarray, wrongs: np.ndarray) -> float:
    """Mean risk of the k surest samples, k = 1 ... N.

    Samples come in levels of equal confidence, the surest first: how many [L], and how many of them
    are wrong [L]. Within a level wrong ones are spread evenly, as on average over all orders.
    """
    before = np.repeat(wrongs.cumsum() - wrongs, size)
    place = 1 + np.arange(size.sum()) - np.repeat(size.cumsum() - size, size)
    among = before + place * np.repeat(wrongs / np.maximum(size, 1), size)
    return float(np.mean(among / np.arange(1, len(among) + 1)))
