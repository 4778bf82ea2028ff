"""Exit rules compared: what else could decide when to leave?"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cgt.operate import confidences
from cgt.operate.area import area
from cgt.operate.sweep import sweep_per_exit
from cgt.records.predictions import Predictions, SplitPredictions
from cgt.records.reference import Reference


def rule_areas(
    predictions: Predictions, temperatures: np.ndarray | None, reference: Reference
) -> list[dict[str, str | float]]:
    """The area (see `cgt.operate.area`) of one network under several exit rules.

    - `shared`: the method's own confidence, one threshold for all exits;
    - `per_exit`: its own confidence, one threshold per exit;
    - `entropy`, `margin`: one threshold on another confidence;
    - `temperature`: one threshold on max-softmax after scaling by the exits' temperatures.

    The last three are left out if `temperatures` [E] is None: the logits are missing, or are not
    what the method's confidence is computed from. `reference` is the dataset's.
    """

    def with_confidence(rule: Callable[[SplitPredictions], np.ndarray]) -> float:
        val, test = (
            replace(split, confidence=rule(split)) for split in (predictions.val, predictions.test)
        )
        return area(Predictions(val, test, predictions.macs), reference)

    def scaled(split: SplitPredictions) -> np.ndarray:
        return confidences.max_softmax(split.logits, temperatures)

    areas = {
        "shared": area(predictions, reference),
        "per_exit": area(predictions, reference, sweep_per_exit),
    }
    if temperatures is not None:
        areas["entropy"] = with_confidence(lambda split: confidences.entropy(split.logits))
        areas["margin"] = with_confidence(lambda split: confidences.margin(split.logits))
        areas["temperature"] = with_confidence(scaled)
    return [{"exit_rule": rule, "mean_budget_accuracy": value} for rule, value in areas.items()]
