"""One number per curve, the area: the mean accuracy over all budgets of cost.

The budgets are the same for every method of a dataset, trained here or elsewhere: 101 equally
spaced ones, from the cost of the first exit of the dataset's network to the cost of that network
with its last head alone. In tables the area is called `mean_budget_accuracy`.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cgt.operate.routing import exit_index, select
from cgt.operate.sweep import Sweep, best_within, is_met, sweep_shared
from cgt.records.predictions import Predictions, SplitPredictions
from cgt.records.reference import Reference

NUM_BUDGETS = 101

Sweeping = Callable[[SplitPredictions, np.ndarray, float], Sweep]


def budgets(reference: Reference) -> np.ndarray:
    """The budgets [101] of a dataset, as shares of the cost of its single-exit network."""
    return np.linspace(reference.first_exit / reference.macs, 1, NUM_BUDGETS)


def area(
    predictions: Predictions, reference: Reference, sweeping: Sweeping = sweep_shared
) -> float:
    """Mean test accuracy, in [0, 1], over the budgets of the dataset; see `accuracy_within`."""
    return float(accuracy_within(predictions, reference, sweeping).mean())


def accuracy_within(
    predictions: Predictions, reference: Reference, sweeping: Sweeping = sweep_shared
) -> np.ndarray:
    """Test accuracy [101], in [0, 1], within each of the `budgets` of the dataset.

    Within each budget the threshold with the best validation accuracy is used, so a larger budget
    never makes things worse on validation: one can always stop earlier. The test split has no say
    in the choice.

    A budget that is smaller than the cheapest the method can do is answered without computing
    anything, by the most frequent class of the validation targets (the first of equals); what that
    gives on test counts.

    Args:
        predictions: of one run.
        reference: the dataset's.
        sweeping: `sweep_shared`, one threshold for all exits, or `sweep_per_exit`.
    """
    val, test = (
        sweeping(split, predictions.macs, reference.macs)
        for split in (predictions.val, predictions.test)
    )
    within = budgets(reference)
    reached = test.accuracy.ravel()[best_within(val, within)]
    guessed = np.mean(predictions.test.target == np.bincount(predictions.val.target).argmax())
    return np.where(is_met(val, within), reached, guessed)


def area_by_sample(predictions: Predictions, reference: Reference) -> np.ndarray:
    """Share of the budgets within which each test sample is answered right: [N], in [0, 1].

    By one threshold for all exits; the mean over the samples is the `area`.
    """
    val = sweep_shared(predictions.val, predictions.macs, reference.macs)
    test, within = predictions.test, budgets(reference)
    met = is_met(val, within)
    guess = np.bincount(predictions.val.target).argmax()
    right = np.sum(~met) * (test.target == guess).astype(float)
    chosen, often = np.unique(best_within(val, within)[met], return_counts=True)
    for threshold, times in zip(val.thresholds[chosen], often, strict=True):
        index = exit_index(test.confidence, threshold)
        right += times * (select(test.prediction, index) == test.target)
    return right / len(within)


def validation_area(predictions: Predictions, reference: Reference) -> float:
    """The area on validation alone, for choice and for measure; the aim of tuning.

    For a network with one exit, which has no area, it is its accuracy.
    """
    if len(predictions.macs) == 1:
        return float(np.mean(predictions.val.prediction[0] == predictions.val.target))
    return area(replace(predictions, test=predictions.val), reference)
