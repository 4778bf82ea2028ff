"""Small methods that need one hook each: what the contract of a method can express."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from cgt.methods.base import Method, Pass, Phase, joint_phase, split_epochs
from cgt.nn.cross_entropy import exit_cross_entropy
from cgt.nn.exits import ExitRule
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.terms import LossTerms


def of_other_class(kind: type, backbone: EarlyExitNetwork, **more: Any) -> EarlyExitNetwork:
    """The backbone's stages and heads in a network of another class."""
    return kind(list(backbone.stages), list(backbone.heads), **more)


@dataclass
class Joint(Method):
    """The plain one that the others are compared to."""

    def terms(self, found, targets, moment):
        return self.weighted(found.logits, targets, "equal")


@dataclass
class FrozenTrunk(Joint):
    """Trunk and last head first; then the early heads on the frozen trunk, each judged alone."""

    def phases(self, epochs, exits):
        first, second = split_epochs(epochs, [1, 1])
        everything, early = tuple(range(exits)), tuple(range(exits - 1))
        return (
            Phase(first, exits, stages=everything, heads=(exits - 1,)),
            Phase(second, exits, stages=(), heads=early, judged=tuple((exit,) for exit in early)),
        )

    def terms(self, found, targets, moment):
        last = [0.0] * (len(found.logits) - 1) + [1.0]
        weights = last if moment.phase == 0 else [1.0 - weight for weight in last]
        return self.weighted(found.logits, targets, weights)


@dataclass
class SummedGradients(Joint):
    """One backward pass for each exit; the gradients are added, as the total's would be."""

    def backward(self, network, terms):
        parameters = [one for one in network.parameters() if one.requires_grad]
        for loss in (terms.weights * terms.losses).mean(dim=0):
            found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
            for parameter, gradient in zip(parameters, found, strict=True):
                if gradient is not None:
                    old = 0.0 if parameter.grad is None else parameter.grad
                    parameter.grad = old + gradient


@dataclass
class ScaledBranches(Joint):
    """Gradients of early exits are scaled where they leave their head."""

    scale: float = 1.0

    def forward(self, network, x, targets, moment):
        logits = []
        for exit, (stage, head) in enumerate(zip(network.stages, network.heads, strict=True)):
            x = stage(x)
            scale = 1.0 if exit + 1 == network.num_exits else self.scale
            logits.append(head(scale * x + (1 - scale) * x.detach()))
        return Pass(logits)


@dataclass
class LearnedWeights(Joint):
    """Half batches: weights of exits learned on one half by a virtual step on the other."""

    learned: Tensor | None = field(default=None, init=False)

    def start_phase(self, number, start):
        if self.learned is None:
            self.learned = torch.zeros(start.network.num_exits)

    def step(self, network, x, targets, moment, optimizer, see):
        half = len(x) // 2
        logits = self.learned.clone().requires_grad_()
        names, values = zip(*network.named_parameters(), strict=True)
        weights = logits.softmax(dim=0) * len(logits)
        losses = exit_cross_entropy(self._pure(network, names, values, x[:half]), targets[:half])
        moved = torch.autograd.grad((weights * losses).sum(dim=1).mean(), values, create_graph=True)
        virtual = [value - 0.05 * step for value, step in zip(values, moved, strict=True)]
        meta = exit_cross_entropy(self._pure(network, names, virtual, x[half:]), targets[half:])
        (gradient,) = torch.autograd.grad(meta.mean(), logits)
        self.learned = self.learned - 0.1 * gradient.detach()
        return super().step(network, x, targets, moment, optimizer, see)

    def _pure(self, network, names, values, x):
        """Logits at other weights; batch statistics are left alone."""
        buffers = {name: value.clone() for name, value in network.named_buffers()}
        return functional_call(network, {**dict(zip(names, values, strict=True)), **buffers}, x)

    def terms(self, found, targets, moment):
        weights = self.learned.softmax(dim=0) * len(self.learned)
        return self.weighted(found.logits, targets, weights.tolist())

    def state(self):
        return {"learned": self.learned}

    def load_state(self, state):
        self.learned = state["learned"]


@dataclass
class OwnTeacher(Joint):
    """In the second phase a frozen copy of the first phase's network teaches."""

    teacher: EarlyExitNetwork | None = field(default=None, init=False, repr=False)

    def phases(self, epochs, exits):
        return tuple(joint_phase(part, exits) for part in split_epochs(epochs, [1, 1]))

    def start_phase(self, number, start):
        if number == 1:
            self.teacher = deepcopy(start.network).eval().requires_grad_(False)

    def forward(self, network, x, targets, moment):
        found = super().forward(network, x, targets, moment)
        if moment.phase == 1:
            with torch.no_grad():
                found.extra["taught"] = self.teacher(x)[-1].softmax(dim=1)
        return found

    def terms(self, found, targets, moment):
        terms = super().terms(found, targets, moment)
        if "taught" not in found.extra:
            return terms
        taught = torch.stack(
            [-(found.extra["taught"] * of.log_softmax(dim=1)).sum(dim=1) for of in found.logits],
            dim=1,
        )
        return terms._replace(losses=(terms.losses + taught) / 2)


class Tempered(ExitRule):
    """Largest softmax probability at a temperature that was learned, one for each exit."""

    def __init__(self, temperatures):
        self.temperatures = temperatures

    def decide(self, exit, logits):
        return (logits / self.temperatures[exit]).softmax(dim=1).max(dim=1)


@dataclass
class WithheldTemperatures(Joint):
    """Temperatures of the exits, fitted on training samples that nobody was trained on."""

    withhold: float = 0.25
    temperatures: Tensor | None = field(default=None, init=False)

    def phases(self, epochs, exits):
        return tuple(joint_phase(part, exits) for part in split_epochs(epochs, [3, 1]))

    def start_phase(self, number, start):
        if number == 1:
            logits, targets = start.withheld()
            grid = torch.linspace(0.5, 3.0, 26)
            losses = [
                exit_cross_entropy((logits / value).unbind(), targets).mean(dim=0) for value in grid
            ]
            self.temperatures = grid[torch.stack(losses).argmin(dim=0)]

    def rule(self, exits):
        return super().rule(exits) if self.temperatures is None else Tempered(self.temperatures)

    def state(self):
        return {"temperatures": self.temperatures}

    def load_state(self, state):
        self.temperatures = state["temperatures"]


class BoostedNetwork(EarlyExitNetwork):
    """Each exit corrects the ones before: its logits are added to a part of theirs."""

    def answer(self, exit, features, carried):
        logits = self.heads[exit](features)
        if carried is not None:
            logits = logits + 0.5 * carried.detach()
        return logits, logits


@dataclass
class Boosted(Joint):
    def network(self, backbone):
        return of_other_class(BoostedNetwork, backbone)


class SeesEarlierLogits(nn.Module):
    """A head that also looks at the logits of the exit before."""

    def __init__(self, head, classes):
        super().__init__()
        self.head, self.mix = head, nn.Linear(2 * classes, classes)

    def forward(self, features, earlier):
        return self.mix(torch.cat([self.head(features), earlier], dim=1))


class CascadedNetwork(EarlyExitNetwork):
    """Heads in a cascade; what is carried is a dictionary, to show that it may be one."""

    def answer(self, exit, features, carried):
        head = self.heads[exit]
        logits = head(features) if exit == 0 else head(features, carried["logits"].detach())
        return logits, {"logits": logits}


@dataclass
class Cascaded(Joint):
    def network(self, backbone):
        with torch.no_grad():
            classes = backbone.heads[0][-1].out_features
        heads = [
            head if exit == 0 else SeesEarlierLogits(head, classes)
            for exit, head in enumerate(backbone.heads)
        ]
        return CascadedNetwork(list(backbone.stages), heads)


class ProductNetwork(EarlyExitNetwork):
    """Products of experts: log-probabilities of all exits so far are added up."""

    def answer(self, exit, features, carried):
        together = self.heads[exit](features).log_softmax(dim=1)
        if carried is not None:
            together = together + carried
        return together, together


@dataclass
class Product(Joint):
    def network(self, backbone):
        return of_other_class(ProductNetwork, backbone)


class Patience(ExitRule):
    """A sample leaves when enough exits in a row have said the same: confidence is their share."""

    def __init__(self, exits):
        self.exits = exits

    def decide(self, exit, logits):
        raise AssertionError("this rule has a memory; `judge` is what is asked")

    def judge(self, exit, logits, memory):
        answer = logits.argmax(dim=1)
        streak = torch.ones_like(answer)
        if memory is not None:
            before, so_far = memory
            streak = torch.where(before == answer, so_far + 1, 1)
        return streak / self.exits, answer, (answer, streak)


@dataclass
class Patient(Joint):
    def rule(self, exits):
        return Patience(exits)


class AdaptedNetwork(EarlyExitNetwork):
    """An extra module between stage and head, shared by all exits of the same width."""

    def __init__(self, stages, heads, classes):
        super().__init__(stages, heads)
        self.adapter = nn.Sequential(nn.Linear(classes, classes), nn.BatchNorm1d(classes))

    def answer(self, exit, features, carried):
        return self.adapter(self.heads[exit](features)), None


@dataclass
class Adapted(Joint):
    """The extra module learns in the first phase only."""

    def network(self, backbone):
        classes = backbone.heads[0][-1].out_features
        return of_other_class(AdaptedNetwork, backbone, classes=classes)

    def phases(self, epochs, exits):
        first, second = split_epochs(epochs, [1, 1])
        everything = tuple(range(exits))
        return (
            Phase(first, exits, stages=everything, heads=everything),
            Phase(second, exits, stages=(), heads=everything, others=False),
        )


@dataclass
class SmallFeatures(Joint):
    """A loss that looks at features: they shall be small."""

    def forward(self, network, x, targets, moment):
        steps = list(network.steps(x))
        sizes = [step.features.flatten(1).pow(2).mean(dim=1) for step in steps]
        return Pass([step.logits for step in steps], extra={"sizes": torch.stack(sizes, dim=1)})

    def terms(self, found, targets, moment):
        terms = super().terms(found, targets, moment)
        if "sizes" not in found.extra:  # validation has logits alone
            return terms
        return LossTerms(terms.losses + 0.01 * found.extra["sizes"], *terms[1:])


CARRYING = (Boosted, Cascaded, Product)
SMALL = (
    *CARRYING,
    FrozenTrunk,
    SummedGradients,
    ScaledBranches,
    LearnedWeights,
    OwnTeacher,
    WithheldTemperatures,
    Patient,
    Adapted,
    SmallFeatures,
)
