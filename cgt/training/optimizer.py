"""Stochastic gradient descent along one cycle of the learning rate.

The same steps, to the bit, as `torch.optim.SGD(fused=True)` under `OneCycleLR`. Constructing those
loads torch's compiler, which costs every job more than a second; the arithmetic is torch's own.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.sgd import sgd

RISING = 0.25
"""Share of the cycle in which the learning rate rises."""
START, END = 25.0, 25e4
"""The peak divided by the first and by the last learning rate."""


class OneCycleSGD:
    """SGD with Nesterov momentum; the learning rate rises and falls along cosines, once.

    Args:
        parameters: those that learn; one without a gradient is left alone in that step.
        peak: largest learning rate, > 0.
        steps: length of the cycle, at least 5.
        momentum: in [0, 1).
        weight_decay: L2 penalty, ≥ 0.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        peak: float,
        steps: int,
        momentum: float,
        weight_decay: float,
    ) -> None:
        self._parameters = list(parameters)
        # torch starts from the first gradient, which is what a momentum of zero leads to.
        self._momenta = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._peak, self._steps = peak, steps
        self._momentum, self._weight_decay = momentum, weight_decay
        self._done = 0

    def zero_grad(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move along the gradients, at the learning rate of this step."""
        learning = [
            (parameter, parameter.grad, momentum)
            for parameter, momentum in zip(self._parameters, self._momenta, strict=True)
            if parameter.grad is not None
        ]
        sgd(
            *(list(column) for column in zip(*learning, strict=True)),
            fused=True,
            weight_decay=self._weight_decay,
            momentum=self._momentum,
            lr=one_cycle(self._done, self._steps, self._peak),
            dampening=0.0,
            nesterov=self._momentum > 0,
            maximize=False,
        )
        self._done += 1

    def ahead(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]
    ) -> list[Tensor]:
        """Where :meth:`step` along ``gradients`` would lead ``parameters``, some of its own.

        Nothing moves; what comes back can be differentiated for the gradients. ``None``: stays.
        """
        momenta = {id(own): one for own, one in zip(self._parameters, self._momenta, strict=True)}
        rate = one_cycle(self._done, self._steps, self._peak)
        found = []
        for parameter, gradient in zip(parameters, gradients, strict=True):
            here = parameter.detach()
            if gradient is not None:
                slope = gradient + self._weight_decay * here
                momentum = self._momentum * momenta[id(parameter)] + slope
                here = here - rate * (slope + self._momentum * momentum)
            found.append(here)
        return found

    def state(self) -> dict[str, Any]:
        """What a stopped run needs to go on."""
        return {"done": self._done, "momenta": self._momenta}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state` gave."""
        self._done = state["done"]
        self._momenta = [
            saved.to(own.device) for saved, own in zip(state["momenta"], self._momenta, strict=True)
        ]


def one_cycle(step: int, steps: int, peak: float) -> float:
    """Learning rate of ``step``, from 0: along cosines from peak / 25 to peak to peak / 250,000."""
    first, last = peak / START, peak / END
    top = RISING * steps - 1
    if step <= top:
        return _cosine(first, peak, step / top)
    return _cosine(peak, last, (step - top) / (steps - 1 - top))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)
