"""Deep Feature Surgery (DFS): channels learn either for their exit or for the deeper ones.

Idea:    exits disagree about the features that they share. So the first channels behind a stage
         learn from what comes deeper, the others from the stage's own exit; both still read all.
Formula: behind stage e < E split the channels at round(β · C): f = [f⁺, f⁻].
         Stage e + 1 reads [f⁺, sg f⁻]; exit e reads [sg f⁺, f⁻] ("split") or f itself ("all").
         sg: the value as it is, without a gradient. Exit E reads all that stage E gives.
         loss = mean over the batch of Σ_e w_e · CE_e.
         β = 1 with exits that read all is joint training. Values, export and cost at inference are
         those of joint training whatever β is.
Source:  Gong et al., Deep Feature Surgery, ECCV 2024 (arXiv 2407.13986): feature partitioning and
         feature referencing; github.com/GongCheng1919/dfs, --dns-ratio 0.5 by default. "split" is
         what the abstract says, shared features parted among exits and a cheaper backward pass, and
         src/models/dns_resnet.py, the CIFAR-100 ResNet-18, has; it is the default. "all" stands in
         src/models/feature_reroute.py, which the other models use: there f⁺ gets both gradients.
Reading: the paper itself was not at hand beyond its abstract; the formula is the code's. Exits are
         weighted alike, as there. Its ResNet script also distils logits and features and augments
         more (for MSDNet it does not): none of that is here.
         Channels are axis 1 of each tensor that a stage hands on, and parted from the first step.
Cost:    1 to 1.2 × joint training, for the copies of features. The authors report up to 50 % less
         training time; that needs backward passes which leave channels out, and torch computes
         theirs, then drops it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from cgt.methods.base import Method, Moment, Pass
from cgt.nn.checks import check_probability
from cgt.nn.features import Features, rebuild, tensors_of
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms
from cgt.records.settings import PerExit

CARD = {
    "title": "Deep Feature Surgery",
    "short": "DFS",
    "family": "field",
    "look": {"color": "#00838f", "marker": "$\\heartsuit$"},
    "trains": "jointly; a channel learns for its own exit or for the deeper ones",
    "source": "Gong et al., ECCV 2024, and the authors' code",
    "phases": 1,
    "settings": {
        "beta": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
            "meaning": "share of a stage's channels that learn from deeper exits",
        },
        "exits_read": {
            "type": "string",
            "enum": ["split", "all"],
            "default": "split",
            "meaning": "channels that learn from their own exit: the others, or all",
        },
        "exit_weights": {
            "per_exit": {"minimum": 0},
            "default": "equal",
            "meaning": "weight of each exit's loss",
        },
    },
    "space": {"beta": [0.5, 0.25, 0.75], "exits_read": ["split", "all"]},
}


@dataclass
class DFS(Method):
    """Hyperparameters of Deep Feature Surgery.

    beta: β, the share of channels that learn from deeper exits, in [0, 1].
    exits_read: "split": an early exit's gradient reaches the other channels alone; "all": it
        reaches all of them.
    exit_weights: w, numbers ≥ 0 per exit (:mod:`cgt.records.settings`).
    """

    beta: float = 0.5
    exits_read: str = "split"
    exit_weights: PerExit = "equal"

    def __post_init__(self) -> None:
        check_probability("beta", self.beta)
        if self.exits_read not in ("split", "all"):
            raise ValueError(f"exits_read is {self.exits_read!r}; it must be 'split' or 'all'")

    def forward(
        self, network: EarlyExitNetwork, x: Tensor, targets: Tensor, moment: Moment
    ) -> Pass:
        logits, carried = [], None
        for exit, stage in enumerate(network.stages):
            x = read = stage(x)
            if exit + 1 < network.num_exits:
                x, own = part(x, self.beta)
                read = own if self.exits_read == "split" else read
            answered, carried = network.answer(exit, read, carried)
            logits.append(answered)
        return Pass(logits)

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        return self.weighted(found.logits, targets, self.exit_weights)


def part(features: Features, share: float) -> tuple[Features, Features]:
    """The same features twice: gradients reach the first ``share`` of channels, or the others.

    Args:
        features: a tensor ``[B, C, ...]``, or a tuple, list or dict of such. What has no channels
            is left as it is.
        share: in [0, 1]; of C channels, round(share · C).
    """
    first, others = [], []
    for tensor in tensors_of(features):
        channels = tensor.shape[1] if tensor.ndim > 1 else 0
        if not channels:
            first.append(tensor)
            others.append(tensor)
            continue
        inside = torch.arange(channels, device=tensor.device) < round(share * channels)
        inside = inside.view(-1, *[1] * (tensor.ndim - 2))
        first.append(torch.where(inside, tensor, tensor.detach()))
        others.append(torch.where(inside, tensor.detach(), tensor))
    return rebuild(features, first), rebuild(features, others)
