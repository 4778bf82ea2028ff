"""Gradient equilibrium (GE): a stage learns from the mean of the exits behind it, not the sum.

Idea:    in joint training the gradients of all deeper exits add up, so early stages get the largest
         ones, which vary the most. Rescaling them where branches meet keeps their size alike.
Formula: loss = mean over the batch of Σ_e w_e · CE_e; the features of stage e of E pass
         R(·, 1 / (E − e + 1)), then go to head e, and through R(·, E − e) to stage e + 1. R is the
         identity, and multiplies the gradient by its second argument. So stage e gets
         1 / (E − e + 1) · Σ_{j ≥ e} of what exit j would give it; heads get theirs unscaled.
Source:  Li et al., Improved Techniques for Training Adaptive Deep Networks, ICCV 2019, section on
         gradient equilibrium; github.com/kalviny/IMTA, models/msdnet_ge.py. There is nothing to
         tune in it. Its second stage, distillation with knowledge passed forward, is not here.
Reading: the authors' code for MSDNet rescales the coarsest of several maps alone; here all that a
         stage hands on is rescaled, as the formula says. Where one map is handed on, both agree.
         With plain SGD this is a learning rate of lr / (E − e + 1) for stage e, with weight decay
         times E − e + 1; an optimiser that divides by the gradient's size would undo it.
Cost:    1 to 1.1 × joint training; inference is unchanged.
"""

from dataclasses import dataclass

from torch import Tensor

from cgt.methods.base import Method, Moment, Pass
from cgt.nn.gradient_scaling import equilibrium_steps
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms
from cgt.records.settings import PerExit

CARD = {
    "title": "Gradient equilibrium",
    "short": "GE",
    "family": "field",
    "look": {"color": "#e7298a", "marker": "*"},
    "trains": "jointly; a stage gets the mean, not the sum, of the gradients behind it",
    "source": "Li et al., ICCV 2019, and the authors' code (IMTA)",
    "phases": 1,
    "settings": {
        "exit_weights": {
            "per_exit": {"minimum": 0},
            "default": "equal",
            "meaning": "weight of each exit's loss",
        },
    },
    "space": {"exit_weights": ["equal", "falling", "rising"]},
}


@dataclass
class GradientEquilibrium(Method):
    """exit_weights: w, numbers ≥ 0 per exit (:mod:`cgt.records.settings`)."""

    exit_weights: PerExit = "equal"

    def forward(
        self, network: EarlyExitNetwork, x: Tensor, targets: Tensor, moment: Moment
    ) -> Pass:
        return Pass([step.logits for step in equilibrium_steps(network, x)])

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        return self.weighted(found.logits, targets, self.exit_weights)
