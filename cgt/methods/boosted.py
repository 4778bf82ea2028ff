"""BoostNet: each exit adds to what the exits before it have said, as in gradient boosting.

Idea:    a deep exit need not answer by itself; it corrects the shallower ones, and so learns from
         what they get wrong, as at inference, where only hard samples reach it.
Formula: F_0 = 0, F_e = o_e + w · F_{e−1}, with o_e what head e gives;
         loss = mean over the batch of Σ_e CE(o_e + sg(w · F_{e−1})), sg: no gradient passes.
         The gradients that stages get are rescaled (:mod:`cgt.methods.gradient_equilibrium`).
         F_e are the exit's logits, in training, inference, confidence and export alike.
         w = 0 without rescaling is BranchyNet with equal weights; w = 1 is plain boosting.
Source:  Yu et al., Boosted Dynamic Neural Networks, AAAI 2023 (arXiv 2211.16726): prediction
         reweighting and gradient rescaling; github.com/SHI-Labs/Boosted-Dynamic-Networks,
         train_cifar100.py and models/dynamic_net.py. w = 0.5 is what its scripts pass; the default
         of its arguments is 1.
Reading: the authors rescale the coarsest of MSDNet's maps; here all that a stage hands on is, as in
         our gradient equilibrium.
Cost:    1 to 1.2 × joint training. At inference an exit hands C numbers on to the next; adding them
         is not counted in its multiply–accumulates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from cgt.methods.base import Method, Moment, Pass
from cgt.nn.checks import check_probability
from cgt.nn.features import Features
from cgt.nn.gradient_scaling import equilibrium_steps
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms

CARD = {
    "title": "BoostNet",
    "short": "BoostNet",
    "family": "field",
    "look": {"color": "#7570b3", "marker": "8"},
    "trains": "jointly; each exit corrects the sum of those before, gradients rescaled",
    "source": "Yu et al., AAAI 2023, and the authors' code",
    "phases": 1,
    "settings": {
        "reweight": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
            "meaning": "part of the logits so far that the next exit builds on",
        },
        "rescale_gradients": {
            "type": "boolean",
            "default": True,
            "meaning": "does a stage get the mean, not the sum, of the gradients behind it?",
        },
    },
    "space": {"reweight": [0.5, 0.25, 1.0], "rescale_gradients": [True, False]},
}


class BoostedNetwork(EarlyExitNetwork):
    """Exits whose logits are what their head gives, plus ``reweight`` times those before."""

    def __init__(
        self, stages: Sequence[nn.Module], heads: Sequence[nn.Module], reweight: float
    ) -> None:
        super().__init__(stages, heads)
        self.reweight = reweight

    def answer(self, exit: int, features: Features, carried: Features) -> tuple[Tensor, Features]:
        logits = self.heads[exit](features)
        if carried is not None:
            logits = logits + self.reweight * carried.detach()
        return logits, logits


@dataclass
class Boosted(Method):
    """Hyperparameters of BoostNet.

    reweight: w, the part of the logits so far that the next exit builds on, in [0, 1].
    rescale_gradients: whether stages get the mean, in place of the sum, of the gradients behind.
    """

    reweight: float = 0.5
    rescale_gradients: bool = True

    def __post_init__(self) -> None:
        check_probability("reweight", self.reweight)

    def network(self, backbone: EarlyExitNetwork) -> EarlyExitNetwork:
        return BoostedNetwork(list(backbone.stages), list(backbone.heads), self.reweight)

    def forward(
        self, network: EarlyExitNetwork, x: Tensor, targets: Tensor, moment: Moment
    ) -> Pass:
        if not self.rescale_gradients:
            return super().forward(network, x, targets, moment)
        return Pass([step.logits for step in equilibrium_steps(network, x)])

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        return self.weighted(found.logits, targets, "equal")
