"""Shallow-Deep Networks (SDN): joint training in which early exits come in slowly.

Idea:    early exits count as much as they cost, and hardly at first, so that the trunk forms by the
         last one.
Formula: loss = Σ_{e<n} C_e(t) · CE_e + CE_n,  C_e(t) = min(C_e, start + t · C_e / T), epoch t of T,
         from 1; C_e = cost of leaving at exit e divided by that of the last exit; start = 0.01.
Source:  Kaya, Hong, Dumitras: Shallow-Deep Networks, ICML 2019 (arXiv 1810.07052), the SDN
         training; code yigitcankaya/Shallow-Deep-Networks, model_funcs.py, sdn_train.
Reading: the code's C = (.15, .3, .45, .6, .75, .9) says where its six exits stand; for other exits
         C_e is their share of the multiply–accumulates, earlier heads included. Exits leave by the
         rule of all methods here and the last one takes the rest; in the code the most confident
         exit does. Heads are the network's own, not the source's mix of pooling by mean and
         maximum. Schedule and learning rate are those of all methods.
Cost:    that of joint training.
"""

import math
from dataclasses import dataclass, field

from torch import Tensor

from cgt.methods.base import Method, Moment, Pass, Start
from cgt.nn.checks import check_probability
from cgt.nn.terms import LossTerms

CARD = {
    "title": "Shallow-Deep Networks (SDN)",
    "short": "SDN",
    "family": "field",
    "look": {"color": "#b8860b", "marker": "h"},
    "trains": "jointly; weights of early exits rise from epoch to epoch to their share of the cost",
    "source": "Kaya et al., ICML 2019 (arXiv 1810.07052), and its code",
    "phases": 1,
    "settings": {
        "start": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.01,
            "meaning": "what early exits' weights rise from; 1: they have their share of the cost "
            "throughout",
        },
    },
    "space": {"start": [0.01, 0.3, 1.0]},
}


@dataclass
class ShallowDeep(Method):
    """start: what the weights of early exits rise from, in [0, 1]."""

    start: float = 0.01
    shares: list[float] = field(default_factory=list, init=False, repr=False)
    """C of each exit, in (0, 1], the last 1; known from the first phase on."""
    epochs: int = field(default=0, init=False, repr=False)
    """T, known from the first phase on."""

    def __post_init__(self) -> None:
        check_probability("start", self.start)

    def start_phase(self, number: int, start: Start) -> None:
        costs = self.macs(start.network, start.input_shape)
        self.shares = [cost / costs[-1] for cost in costs]
        self.epochs = start.epochs

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        return self.weighted(found.logits, targets, self._weights(moment.progress))

    def _weights(self, progress: float) -> list[float]:
        """Of each exit in the epoch under way; after the last one, those of the last."""
        if not self.shares:
            raise ValueError(
                "sdn: the exits' costs are not known yet; call start_phase before terms"
            )
        # Steps are far longer than the margin: it makes up for k / T · T < k.
        epoch = min(math.floor(progress * self.epochs + 1e-6) + 1, self.epochs)
        risen = [min(share, self.start + epoch * share / self.epochs) for share in self.shares[:-1]]
        return [*risen, 1.0]
