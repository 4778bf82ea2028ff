"""L2W-DEN: a small network learns how much each sample counts at each exit.

Idea:    at inference easy samples leave early and deep exits see hard ones alone. So weights are
         good if a step with them makes each exit better on the samples that it will have to answer.
Formula: loss = Σ_e mean over samples of W_e · CE_e, W = 1 + ε · (M(CE_1, …, CE_n) − its mean over
         the exits), M a network of one hidden layer with tanh at its output. Each batch is halved;
         each half is trained on once while the other is the meta half. Before that,
         θ' = the parameters after one step with W on the half to be trained on, momentum, weight
         decay and learning rate as they are;
         meta loss = Σ_e mean of CE_e(θ') over the meta samples of exit e;
         M takes one step of Adam along the meta loss's gradient, which goes through θ'.
         Exit by exit, exit e < n has the ⌊N · q^e / Σ_k q^k⌋ of the N meta samples that it is most
         confident of at θ' and that no earlier exit has; the last has the rest.
Source:  Han et al., Learning to Weight Samples for Dynamic Early-exiting Networks, ECCV 2022,
         section 3; github.com/LeapLabTHU/L2W-DEN: tools/main_cifar_DDP.py, tools/meta.py,
         models/weight_predict.py. `epsilon` and the mean per sample over exits (their 'col') are
         those of the CIFAR command, q is target_p_index 15; M has 500 hidden units and learns by
         Adam at 1e-4, falling along a cosine to 0, with weight decay 1e-4.
Reading: the step ahead is the loop's own, so with Nesterov momentum, which the authors do not use.
         Cross-entropies have the dataset's label smoothing, those of the meta loss, too. The first
         pass over a half serves the step ahead and the real one; the authors' two are equal. W may
         fall below 0 (their code does not keep it from that). Published for batches of 1024 over
         300 epochs; whether the defaults carry over to small batches nobody has said.
Cost:    about 5 times joint training, as measured on the networks with room: a gradient of a
         gradient is dear; counting passes, it would be 3. `meta_every: 10` makes it 1.5 to 2, near
         what two updates on half batches cost by themselves.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from cgt.methods.base import Method, Moment, Optimizer, Pass
from cgt.nn.checks import check_count, check_non_negative, check_positive
from cgt.nn.cross_entropy import exit_cross_entropy
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms

CARD = {
    "title": "L2W-DEN",
    "short": "L2W",
    "family": "field",
    "look": {"color": "#6a3d9a", "marker": "$\\clubsuit$"},
    "trains": "jointly; learned sample weights, so that each exit gains on those it will answer",
    "source": "Han et al., ECCV 2022, section 3, and its authors' code",
    "phases": 1,
    "settings": {
        "epsilon": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.8,
            "meaning": "how far learned weights depart from 1; 0 is joint training on half batches",
        },
        "q": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 10,
            "default": 0.75,
            "meaning": "meta samples of an exit, as a multiple of those of the exit before",
        },
        "meta_every": {
            "type": "integer",
            "minimum": 1,
            "default": 1,
            "meaning": "batches from one update of the weights' network to the next",
        },
    },
    "space": {"epsilon": [0.8, 0.3], "q": [0.75, 1.0, 0.5]},
}

HIDDEN = 500
"""Units of the weights' network."""
RATE, DECAY = 1e-4, 1e-4
"""Its first learning rate and its weight decay."""
BETAS, TINY = (0.9, 0.999), 1e-8
"""Adam's, as everywhere."""
PARTS = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")
"""What is learned."""


@dataclass
class L2W(Method):
    """Hyperparameters of L2W-DEN.

    epsilon: ε, how far weights depart from 1, in [0, 1].
    q: meta samples of an exit, as a multiple of those of the exit before, > 0.
    meta_every: batches from one update of the weights' network to the next, ≥ 1.
    """

    epsilon: float = 0.8
    q: float = 0.75
    meta_every: int = 1
    learned: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False)
    """The weights' network and Adam's two means of each part; empty before there is a network."""
    batches: int = field(default=0, init=False, repr=False)
    learning_steps: int = field(default=0, init=False, repr=False)

    updates = 2

    def __post_init__(self) -> None:
        check_non_negative("epsilon", self.epsilon)
        check_positive("q", self.q)
        check_count("meta_every", self.meta_every)

    def network(self, backbone: EarlyExitNetwork) -> EarlyExitNetwork:
        exits = backbone.num_exits
        fresh = [*nn.Linear(exits, HIDDEN).parameters(), *nn.Linear(HIDDEN, exits).parameters()]
        self.learned = dict(zip(PARTS, (part.detach() for part in fresh), strict=True))
        for name in PARTS:
            self.learned[f"first.{name}"] = torch.zeros_like(self.learned[name])
            self.learned[f"second.{name}"] = torch.zeros_like(self.learned[name])
        return backbone

    def step(
        self,
        network: EarlyExitNetwork,
        x: Tensor,
        targets: Tensor,
        moment: Moment,
        optimizer: Optimizer,
        see: Callable[[Pass], None],
    ) -> tuple[Pass, LossTerms]:
        if len(x) < 2:
            raise ValueError("a batch of 1 sample cannot be halved; batch_size must be at least 2")
        halves = list(zip(x.chunk(2), targets.chunk(2), strict=True))
        passes, terms = [], []
        for (own, own_targets), meta in (halves, halves[::-1]):
            found = self.forward(network, own, own_targets, moment)
            see(found)
            if self.batches % self.meta_every == 0:
                self._learn(network, found, own_targets, *meta, moment, optimizer)
            passes.append(found.logits)
            terms.append(self.terms(found, own_targets, moment))
            optimizer.zero_grad()
            self.backward(network, terms[-1])
            optimizer.step()
        self.batches += 1
        logits = [torch.cat(of_exit) for of_exit in zip(*passes, strict=True)]
        joined = (torch.cat([of[part] for of in terms]) for part in range(3))
        return Pass(logits), LossTerms(*joined)

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        losses = exit_cross_entropy(found.logits, targets, self.label_smoothing)
        with torch.no_grad():
            weights = self._weights(losses, self._parts(losses))
        return LossTerms(losses, weights, torch.ones_like(losses))

    def state(self) -> dict[str, Any]:
        counts = torch.tensor([self.batches, self.learning_steps])
        return {**{name: part.clone() for name, part in self.learned.items()}, "counts": counts}

    def load_state(self, state: dict[str, Any]) -> None:
        self.learned = {name: part.clone() for name, part in state.items() if name != "counts"}
        self.batches, self.learning_steps = state["counts"].tolist()

    def _parts(self, like: Tensor) -> list[Tensor]:
        """The weights' network, in the type and on the device of the losses."""
        self.learned = {name: part.to(like) for name, part in self.learned.items()}
        return [self.learned[name] for name in PARTS]

    def _weights(self, losses: Tensor, parts: Sequence[Tensor]) -> Tensor:
        """W of samples with these losses, both ``[B, E]``; every row's mean is 1."""
        hidden = F.linear(losses, *parts[:2]).relu()
        found = F.linear(hidden, *parts[2:]).tanh()
        return 1.0 + self.epsilon * (found - found.mean(dim=1, keepdim=True))

    def _learn(
        self,
        network: EarlyExitNetwork,
        found: Pass,
        targets: Tensor,
        meta_x: Tensor,
        meta_targets: Tensor,
        moment: Moment,
        optimizer: Optimizer,
    ) -> None:
        """Move the weights' network; the network itself, its buffers included, stays as it is."""
        losses = exit_cross_entropy(found.logits, targets, self.label_smoothing)
        parts = [part.detach().requires_grad_() for part in self._parts(losses.detach())]
        named = {name: one for name, one in network.named_parameters() if one.requires_grad}
        weighted = self._weights(losses.detach(), parts) * losses
        gradients = torch.autograd.grad(
            weighted.sum(dim=1).mean(), list(named.values()), create_graph=True, allow_unused=True
        )
        ahead = optimizer.ahead(list(named.values()), gradients)
        buffers = {name: value.clone() for name, value in network.named_buffers()}
        there = {**dict(zip(named, ahead, strict=True)), **buffers}
        logits = functional_call(network, there, (meta_x,))
        meta = exit_cross_entropy(logits, meta_targets, self.label_smoothing)
        chosen = allotted([one.detach() for one in logits], self.q)
        value = (meta * chosen).sum(dim=0) / chosen.sum(dim=0).clamp(min=1)
        # The graph of the pass is needed once more, for the real step.
        self._adam(torch.autograd.grad(value.sum(), parts, retain_graph=True), moment.progress)

    @torch.no_grad()
    def _adam(self, gradients: Sequence[Tensor], progress: float) -> None:
        """One step of Adam, whose rate falls along a cosine over the whole training."""
        self.learning_steps += 1
        rate = RATE / 2 * (1 + math.cos(math.pi * progress))
        for name, gradient in zip(PARTS, gradients, strict=True):
            part = self.learned[name]
            slope = gradient + DECAY * part
            first = self.learned[f"first.{name}"].lerp_(slope, 1 - BETAS[0])
            second = self.learned[f"second.{name}"].lerp_(slope.square(), 1 - BETAS[1])
            mean = first / (1 - BETAS[0] ** self.learning_steps)
            spread = (second / (1 - BETAS[1] ** self.learning_steps)).sqrt()
            part -= rate * mean / (spread + TINY)


def allotted(logits: Sequence[Tensor], q: float) -> Tensor:
    """Which exit answers for which sample: boolean ``[B, E]``, true once in every row.

    Exit e takes the share q^e of the samples, rounded down, of which it is surest among those not
    yet taken; the last takes the rest. ``logits`` are ``[B, C]`` for each exit; q > 0.
    """
    size = len(logits[0])
    shares = [q**number for number in range(1, len(logits) + 1)]
    left, columns = torch.ones(size, dtype=torch.bool, device=logits[0].device), []
    for exit_logits, share in zip(logits[:-1], shares, strict=False):
        sure = exit_logits.softmax(dim=1).amax(dim=1).masked_fill(~left, -1.0)
        rank = sure.argsort(descending=True, stable=True).argsort()
        columns.append(rank < int(size * share / sum(shares)))
        left = left & ~columns[-1]
    return torch.stack([*columns, left], dim=1)
