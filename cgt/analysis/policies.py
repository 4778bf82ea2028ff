"""Exit rules compared: what else could decide when to leave?"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cgt.operate import confidences
from cgt.operate.area import area
from cgt.operate.sweep import sweep, sweep_per_exit
from cgt.records.predictions import Predictions, SplitPredictions


def policy_areas(
    predictions: Predictions, temperatures: np.ndarray | None
) -> list[dict[str, str | float]]:
    """The area (see `area.area`) of one network under several exit rules.

    - `shared`: the method's own confidence, one threshold for all exits;
    - `per_exit`: its own confidence, one threshold per exit;
    - `entropy`, `margin`: one threshold on another confidence;
    - `temperature`: one threshold on max-softmax after scaling by the exits' temperatures.

    The last three are left out if `temperatures` [E] is None: the logits are missing, or do not
    tell the method's confidence.
    """
    val, test, macs = predictions.val, predictions.test, predictions.macs

    def shared(rule: Callable[[SplitPredictions], np.ndarray]) -> float:
        return area(*(sweep(replace(s, confidence=rule(s)), macs) for s in (val, test)))

    def scaled(split: SplitPredictions) -> np.ndarray:
        return confidences.max_softmax(split.logits, temperatures)

    areas = {
        "shared": shared(lambda split: split.confidence),
        "per_exit": area(*(sweep_per_exit(split, macs) for split in (val, test))),
    }
    if temperatures is not None:
        areas["entropy"] = shared(lambda split: confidences.entropy(split.logits))
        areas["margin"] = shared(lambda split: confidences.margin(split.logits))
        areas["temperature"] = shared(scaled)
    return [{"policy": policy, "area": value} for policy, value in areas.items()]
