"""Exit rules beside the largest softmax probability: temperature, entropy, margin.

The torch twins of :mod:`cgt.operate.confidences`: they serve `infer`, `route` and the export alike.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from cgt.nn.exits import MAX_SOFTMAX, ExitRule


class Entropy(ExitRule):
    """Confidence is 1 − H / ln C, with H the entropy of the softmax probabilities in nats.

    0 where all C classes are equally likely, 1 where one is certain. Source: the exit criterion of
    BranchyNet (Teerapittayanon et al., ICPR 2016), scaled to [0, 1].
    """

    def decide(self, exit: int, logits: Tensor) -> tuple[Tensor, Tensor]:
        probabilities = logits.softmax(dim=1)
        smallest = torch.finfo(logits.dtype).tiny  # 0 · ln 0 is 0
        entropy = -(probabilities * probabilities.clamp_min(smallest).log()).sum(dim=1)
        sure = 1 - entropy / math.log(logits.shape[1])
        # Rounding can leave [0, 1]. Not clamp: onnxruntime's makes a number of NaN.
        sure = torch.where(sure < 0, torch.zeros_like(sure), sure)
        return torch.where(sure > 1, torch.ones_like(sure), sure), logits.argmax(dim=1)


class Margin(ExitRule):
    """Confidence is the largest softmax probability minus the second largest."""

    def decide(self, exit: int, logits: Tensor) -> tuple[Tensor, Tensor]:
        first, second = logits.softmax(dim=1).topk(2, dim=1).values.unbind(dim=1)
        return first - second, logits.argmax(dim=1)


class Temperature(ExitRule):
    """Another rule, on logits divided by a temperature.

    Args:
        temperatures: one number > 0 for each exit, or one for all.
        rule: by default the largest softmax probability.

    Raises:
        ValueError: for a temperature that is not a finite number > 0.

    Source: Guo et al., On calibration of modern neural networks, ICML 2017.
    """

    def __init__(self, temperatures: float | Sequence[float], rule: ExitRule = MAX_SOFTMAX) -> None:
        values = torch.as_tensor(temperatures, dtype=torch.float64)
        if values.ndim > 1 or not (values.isfinite() & (values > 0)).all():
            raise ValueError(
                f"temperatures are {temperatures!r}; one finite number > 0, or one for each exit, "
                f"is needed"
            )
        self.temperatures, self.rule = values.tolist(), rule

    def decide(self, exit: int, logits: Tensor) -> tuple[Tensor, Tensor]:
        each = self.temperatures
        if isinstance(each, list) and exit >= len(each):
            raise ValueError(f"there are {len(each)} temperatures; exit {exit + 1} has none")
        return self.rule.decide(exit, logits / (each[exit] if isinstance(each, list) else each))
