"""PCGrad across exits: what one exit's gradient undoes of another's is taken out of it.

Idea:    exits are tasks that share stages. Where two of their gradients point against each other,
         each is projected on the plane to which the other is normal, before they are added.
Formula: g_i = gradient of w_i · CE_i on the stages, zero behind stage i. For each exit i: h_i = g_i
         and for all j ≠ i in random order: if ⟨h_i, g_j⟩ < 0, h_i −= ⟨h_i, g_j⟩ / ‖g_j‖² · g_j.
         Stages get Σ_i h_i; head i the plain gradient of w_i · CE_i.
         g_j is the original gradient, not one that has been projected.
         Where no two gradients are in conflict this is joint training.
Source:  Yu et al., Gradient Surgery for Multi-Task Learning, NeurIPS 2020 (arXiv 2001.06782),
         algorithm 1.
Reading: there all tasks share all parameters. Here ⟨·,·⟩, ‖·‖ and the projection of a pair are over
         the stages that both exits reach, 1 … min(i, j). Heads take no part: no two exits share
         one. Gradients are added, as in the algorithm; github.com/WeiChengTseng/Pytorch-PCGrad
         takes their mean on what all tasks reach, which would divide the first stage's by E.
         The orders come from the numbers that the loop draws for each batch; a batch of fewer than
         E² samples uses them more than once. The gradients that are logged are those before
         projection.
Cost:    one pass forward and one backward for each exit, through all stages before it: where stages
         cost alike, (E + 1) / 2 × the backward pass of joint training. A step on a CPU took 2 × one
         of joint training with three exits and 4 × with six. Inference is unchanged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cgt.methods.base import Method, Moment, Optimizer, Pass
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms
from cgt.records.settings import PerExit

CARD = {
    "title": "PCGrad across exits",
    "short": "PCGrad",
    "family": "field",
    "look": {"color": "#66a61e", "marker": "d"},
    "trains": "jointly; conflicting gradients are projected before they are added",
    "source": "Yu et al., NeurIPS 2020, algorithm 1, with exits as tasks",
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
class PCGrad(Method):
    """exit_weights: w, numbers ≥ 0 per exit (:mod:`cgt.records.settings`)."""

    exit_weights: PerExit = "equal"

    def terms(self, found: Pass, targets: Tensor, moment: Moment) -> LossTerms:
        return self.weighted(found.logits, targets, self.exit_weights)

    def step(
        self,
        network: EarlyExitNetwork,
        x: Tensor,
        targets: Tensor,
        moment: Moment,
        optimizer: Optimizer,
        see: Callable[[Pass], None],
    ) -> tuple[Pass, LossTerms]:
        found = self.forward(network, x, targets, moment)
        see(found)
        terms = self.terms(found, targets, moment)
        optimizer.zero_grad()
        add_projected(network, terms, orders(moment.uniform, network.num_exits))
        optimizer.step()
        return found, terms


def orders(uniform: Tensor, exits: int) -> Tensor:
    """For each of E exits all the others in random order, ``[E, E − 1]``, from draws ``[B]``."""
    # A device is not to be waited for, so the numbers stay there.
    keys = uniform[torch.arange(exits * exits, device=uniform.device) % len(uniform)]
    keys = keys.view(exits, exits) + 2 * torch.eye(exits, device=uniform.device)  # itself: last
    return keys.argsort(dim=1, stable=True)[:, :-1]


def add_projected(network: EarlyExitNetwork, terms: LossTerms, orders: Tensor) -> None:
    """Add the gradients of a batch to the parameters', those of the stages projected.

    Args:
        network: E exits; parameters outside the stages get the plain gradients.
        terms: losses and weights ``[B, E]`` of its logits on the batch.
        orders: ``[E, E − 1]``, for each exit the others in the order of projection.
    """
    stages = [[p for p in stage.parameters() if p.requires_grad] for stage in network.stages]
    inside = {id(parameter) for stage in stages for parameter in stage}
    outside = [p for p in network.parameters() if p.requires_grad and id(p) not in inside]
    losses = (terms.weights * terms.losses).mean(dim=0)
    vectors: list[list[Tensor]] = [[] for _ in stages]  # of each stage: those of its exits
    for exit, loss in enumerate(losses):
        reached = stages[: exit + 1]
        found = torch.autograd.grad(
            loss,
            [*(parameter for stage in reached for parameter in stage), *outside],
            retain_graph=exit + 1 < len(losses),
            allow_unused=True,
        )
        for stage, of_stage in zip(reached, vectors, strict=False):
            of_stage.append(_flat(stage, found, like=losses))
            found = found[len(stage) :]
        _add(outside, found)
    matrices = [torch.stack(of_stage) for of_stage in vectors]
    parts = projections(matrices, orders)
    for number, (stage, matrix) in enumerate(zip(stages, matrices, strict=True)):
        # What exits from this one on are left with, as a sum of the original gradients.
        total = parts[number:, number:].sum(dim=0) @ matrix
        sizes = [parameter.numel() for parameter in stage]
        pieces = total.split(sizes) if sizes else ()
        _add(stage, [piece.view_as(p) for piece, p in zip(pieces, stage, strict=True)])


def projections(gradients: Sequence[Tensor], orders: Tensor) -> Tensor:
    """PCGrad's h as sums of the original gradients: h_i = Σ_k a[i, k] · g_k on stages 1 … i.

    Args:
        gradients: of each stage s, counted from 0, ``[E − s, P_s]``: those of exits s … E − 1.
        orders: as in :func:`add_projected`.

    Returns:
        a, ``[E, E]``.
    """
    exits = len(gradients)
    products = gradients[0].new_zeros(exits, exits, exits)
    for stage, of_stage in enumerate(gradients):
        products[stage, stage:, stage:] = of_stage @ of_stage.T
    within = products.cumsum(dim=0)  # [s, k, j]: ⟨g_k, g_j⟩ on the first s + 1 stages
    numbers = torch.arange(exits, device=orders.device)
    a = torch.eye(exits, dtype=within.dtype, device=within.device)
    smallest = torch.finfo(within.dtype).tiny
    for others in orders.T:  # every exit i at once, each with its next j
        with_j = within[torch.minimum(numbers, others), :, others]  # [i, k]: ⟨g_k, g_j⟩
        inner = (a * with_j).sum(dim=1)
        squared = with_j[numbers, others].clamp_min(smallest)
        back = torch.where(inner < 0, inner / squared, 0.0)
        a = a - back[:, None] * (others[:, None] == numbers)
    return a


def _flat(parameters: Sequence[Tensor], gradients: Sequence[Tensor | None], like: Tensor) -> Tensor:
    """All numbers in one row, zeros for a parameter without a gradient."""
    rows = [
        parameter.new_zeros(parameter.numel()) if gradient is None else gradient.flatten()
        for parameter, gradient in zip(parameters, gradients, strict=False)
    ]
    return torch.cat(rows) if rows else like.new_zeros(0)


@torch.no_grad()
def _add(parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        if gradient is None:
            continue
        if parameter.grad is None:
            # Fused optimisers go through memory: a gradient has to lie there as its parameter does.
            parameter.grad = torch.empty_like(parameter).copy_(gradient)
        else:
            parameter.grad += gradient
