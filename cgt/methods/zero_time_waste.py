"""Zero time waste (ZTW): early heads build on each other, on a trunk that is left as it was.

Idea:    an exit should not throw away what earlier exits have found. Heads stand in a cascade, and
         each exit answers with an ensemble of all heads so far. The trunk is that of a single exit.
Formula: phase 1: loss = CE_n, for trunk and last head. Phase 2, trunk and last head frozen:
         loss = Σ_{e<n} CE(z_e), z_e = head_e(features_e) + A_e · LayerNorm(sg z_{e−1}), A_1 = 0.
         At the end, for each e < n by itself, on withheld training samples:
         q_e ∝ exp(Σ_{j≤e} exp(w_ej) · log p_j / e + b_e), p_j = softmax z_j,
         w_e, b_e = argmin of the mean −log q_e(y) + (|w_e|² + |b_e|²) / (2 · samples).
Source:  Wołczyk et al., Zero Time Waste: Recycling Predictions in Early Exit Neural Networks,
         NeurIPS 2021, section 3; github.com/gmum/Zero-Time-Waste: cascade
         ztw_cv/architectures/early_exits/heads.py, ensemble weighted_avg_model.py, its fit
         run_ensb_train in model_funcs.py, both in ztw_cv_original.
Reading: as in the authors' code, the last exit has no part in cascade or ensemble. A head whose
         last layer is linear and takes the earlier logits besides its features is that head plus
         A_e, which is what is added here to heads of any form; A_e starts from zero, and
         LayerNorm has no gain and shift, which A_e and the head's bias make up for.
         Ours: the withheld samples (the authors fit on samples that heads were trained on, or on
         test samples), the normal prior on w_e and b_e, without which the fit is infinite where
         withheld samples are separable, and the fit itself, to the end by L-BFGS in place of a
         number of Adam's steps. Heads learn by the loop's SGD, not by Adam at 1e-3. `trunk_share`
         is the authors' 100 of 150 epochs.
Cost:    0.7 to 0.9 times joint training: no gradient goes through a frozen trunk. The fit takes a
         second or two. An early exit e costs e · C multiply–accumulates more for its ensemble, and
         C² for its cascade if e > 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgt.methods.base import Method, Moment, Pass, Phase, Start, split_epochs
from cgt.nn.features import Features
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms

CARD = {
    "title": "Zero time waste",
    "short": "ZTW",
    "family": "field",
    "look": {"color": "#e41a1c", "marker": "$\\spadesuit$"},
    "trains": "trunk first, then early heads in a cascade on the frozen trunk, then ensembles of "
    "them on withheld samples",
    "source": "Wołczyk et al., NeurIPS 2021, section 3, and its authors' code",
    "reading": "ours: where and how ensembles are fitted",
    "phases": 2,
    "settings": {
        "trunk_share": {
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1,
            "default": 0.67,
            "meaning": "share of the epochs for trunk and last head; the rest is for early heads",
        },
        "withhold": {
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1,
            "default": 0.1,
            "meaning": "share of the training samples that only the ensembles are fitted on",
        },
    },
    "space": {"trunk_share": [0.67, 0.5, 0.8], "withhold": [0.1, 0.05]},
}


class CascadedEnsembles(EarlyExitNetwork):
    """Early heads in a cascade, whose exits answer with ensembles of the heads so far.

    Each exit before the last carries on the log-probabilities of all heads so far, ``[B, C, e]``.
    Before they are fitted, ensembles are their latest member, and an exit answers as its head does.
    """

    def __init__(
        self, stages: Sequence[nn.Module], heads: Sequence[nn.Module], num_classes: int
    ) -> None:
        super().__init__(stages, heads)
        early = range(self.num_exits - 1)
        self.num_classes = num_classes
        self.cascade = nn.ModuleList(Cascade(num_classes) for _ in early[1:])
        self.ensembles = nn.ModuleList(GeometricEnsemble(1 + exit, num_classes) for exit in early)

    def answer(self, exit: int, features: Features, carried: Features) -> tuple[Tensor, Features]:
        logits = self.heads[exit](features)
        if exit >= len(self.ensembles):
            return logits, None
        if exit == 0:
            carried = logits.log_softmax(dim=1).unsqueeze(2)
        else:
            # LayerNorm takes log-probabilities for logits: they differ by the same for all classes.
            logits = logits + self.cascade[exit - 1](carried[:, :, -1].detach())
            carried = torch.cat([carried, logits.log_softmax(dim=1).unsqueeze(2)], dim=2)
        return self.ensembles[exit](carried), carried


class Cascade(nn.Module):
    """What earlier logits ``[B, C]`` add to those of the next head, nothing at first."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(num_classes, elementwise_affine=False)
        self.weight = nn.Parameter(torch.zeros(num_classes, num_classes))

    def forward(self, earlier: Tensor) -> Tensor:
        return F.linear(self.norm(earlier), self.weight)


class GeometricEnsemble(nn.Module):
    """A weighted sum of log-probabilities ``[B, C, members]``, and a bias for each class."""

    def __init__(self, members: int, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.eye(members)[-1:].clone())
        self.register_buffer("bias", torch.zeros(num_classes))

    def forward(self, log_probabilities: Tensor) -> Tensor:
        return F.linear(log_probabilities, self.weight).squeeze(2) + self.bias

    def fit(self, log_probabilities: Tensor, targets: Tensor) -> None:
        """Take the weights and the bias that explain ``targets``, ``[B]``, best."""
        known, members = log_probabilities.double(), log_probabilities.shape[2]
        w = known.new_zeros(members, requires_grad=True)
        b = known.new_zeros(known.shape[1], requires_grad=True)
        search = torch.optim.LBFGS(
            [w, b], max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
        )

        def loss() -> Tensor:
            search.zero_grad()
            prior = (w.square().sum() + b.square().sum()) / (2 * len(targets))
            value = F.cross_entropy(known @ (w.exp() / members) + b, targets) + prior
            value.backward()
            return value

        search.step(loss)
        with torch.no_grad():
            self.weight.copy_((w.exp() / members).unsqueeze(0))
            self.bias.copy_(b)


@dataclass
class ZeroTimeWaste(Method):
    """Hyperparameters of ZTW.

    trunk_share: share of the epochs in which trunk and last head learn, in (0, 1).
    withhold: share of the training samples for the ensembles alone, in (0, 1).
    """

    trunk_share: float = 0.67
    withhold: float = 0.1

    def __post_init__(self) -> None:
        for name in ("trunk_share", "withhold"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must lie between 0 and 1")

    def network(self, backbone: EarlyExitNetwork) -> EarlyExitNetwork:
        if backbone.num_classes is None:
            raise ValueError(
                "num_classes of the network is None; a cascade needs the length of its logits: set "
                "network.num_classes"
            )
        return CascadedEnsembles(list(backbone.stages), list(backbone.heads), backbone.num_classes)

    def phases(self, epochs: int, exits: int) -> tuple[Phase, ...]:
        trunk, heads = split_epochs(epochs, [self.trunk_share, 1.0 - self.trunk_share])
        everything, early = tuple(range(exits)), tuple(range(exits - 1))
        return (
            Phase(trunk, exits, stages=everything, heads=(exits - 1,), others=False),
            Phase(heads, exits, stages=(), heads=early),
        )

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        early = float(moment.phase == 1)
        weights = [early] * (len(found.logits) - 1) + [1.0 - early]
        return self.weighted(found.logits, targets, weights)

    def finish(self, start: Start) -> None:
        logits, targets = start.withheld()
        if len(targets) == 0:
            raise ValueError(
                f"withhold is {self.withhold} and leaves no training sample for the ensembles; "
                f"withhold more"
            )
        ensembles = start.network.ensembles
        heads = logits[: len(ensembles)].log_softmax(dim=2).permute(1, 2, 0)
        for exit, ensemble in enumerate(ensembles):
            ensemble.fit(heads[:, :, : exit + 1], targets)
