"""Methods of the field against numbers that their authors' code gave, ``authors/*.json``.

Each file says where its numbers come from and how that code was called; of the code itself nothing
is here. It was run with small layers in place of its networks, in double precision.

gradient_equilibrium  logits, loss and gradients where stages hand on one map, and its rescaling.
boosted               logits, losses and gradients of a training step, three values of reweight.
pcgrad                projected gradients where all tasks reach what is projected, heads aside; not
                      where they reach different stages, for there it takes norms over all of them.
dfs                   maps and what they hand back, logits, loss and gradients, both forms.
zero_time_waste       cascade, loss, gradients and ensembles with given weights. Its fit by Adam was
                      not run: ours is another one, with a prior.
l2w                   two training steps with their meta steps, and how samples are allotted.
self_distillation     losses and gradients of a training step, from the public code that it names,
                      which is not its authors'; without the loss between features.
sdn                   weights of each epoch, losses and gradients for the six exits of the code.
lwf                   no code of its authors was found.
"""

import json
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
import torch
from gradients_by_hand import step_gradients
from torch import nn

from cgt.methods import REGISTRY
from cgt.methods.base import Moment, Pass, Start
from cgt.methods.l2w import PARTS, allotted
from cgt.methods.zero_time_waste import GeometricEnsemble
from cgt.nn.gradient_scaling import scale_gradient
from cgt.nn.network import EarlyExitNetwork

FOLDER = Path(__file__).parent / "authors"
MOMENT = Moment(0.5)


def read(name):
    """Inputs and outputs of a file, numbers as tensors."""
    found = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return _tensors(found["inputs"]), _tensors(found["outputs"])


def _tensors(value):
    if isinstance(value, dict):
        return {name: _tensors(part) for name, part in value.items()}
    if isinstance(value, list) and not any(isinstance(part, dict) for part in value):
        try:
            found = torch.tensor(value)
        except ValueError:  # parts of unequal length
            return [_tensors(part) for part in value]
        return found.double() if found.is_floating_point() else found
    if isinstance(value, list):
        return [_tensors(part) for part in value]
    return torch.tensor(value, dtype=torch.float64) if isinstance(value, float) else value


@pytest.fixture(autouse=True)
def double():
    """Numbers of a file go into tensors as they stand there."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def same(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-13)


def same_by_name(found, expected):
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name], value, rtol=1e-10, atol=1e-13, msg=lambda m, n=name: f"{n}: {m}"
        )


def linear(parameters, name):
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    layer = nn.Linear(*weight.T.shape)
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def network_of(parameters, exits):
    """Stages are a linear layer and tanh, or tanh alone where there are no weights for one."""
    stages = [
        nn.Sequential(linear(parameters, f"stages.{exit}.0"), nn.Tanh())
        if f"stages.{exit}.0.weight" in parameters
        else nn.Tanh()
        for exit in range(exits)
    ]
    return EarlyExitNetwork(stages, [linear(parameters, f"heads.{e}") for e in range(exits)])


def forward(method, network, x, targets, moment=MOMENT):
    """Logits ``[E, B, C]`` and the total loss."""
    found = method.forward(network, x, targets, moment)
    return torch.stack(list(found.logits)), method.terms(found, targets, moment).total()


def test_every_file_says_where_its_numbers_come_from():
    files = sorted(FOLDER.glob("*.json"))
    assert len(files) == 8
    for file in files:
        assert file.stem in REGISTRY
        told = json.loads(file.read_text(encoding="utf-8"))["provenance"]
        expected = ["repository", "commit", "files", "functions", "license", "how", "torch"]
        assert list(told) == expected and all(told.values())


# --- gradient equilibrium and boosting ----------------------------------------------------------


def test_gradient_equilibrium():
    given, theirs = read("gradient_equilibrium")
    method, network = REGISTRY["gradient_equilibrium"](), network_of(given["parameters"], 3)
    logits, loss = forward(method, network, given["x"], given["targets"])
    same(logits, theirs["logits"])
    same(loss, theirs["loss"])
    found = step_gradients(method, network, given["x"], given["targets"])
    assert set(found) == set(theirs["gradients"])
    same_by_name(found, theirs["gradients"])


def test_rescaled_gradients():
    given, theirs = read("gradient_equilibrium")
    x = given["rescaled"].requires_grad_()
    value = scale_gradient(x, float(given["factor"]))
    value.backward(given["upstream"])
    same(value, theirs["rescaled_value"])
    same(x.grad, theirs["rescaled_gradient"])


@pytest.mark.parametrize("case", ["half", "whole", "quarter"])
def test_boosted(case):
    given, theirs = read("boosted")
    theirs, x, targets = theirs[case], given["x"], given["targets"]
    method = REGISTRY["boosted"](reweight=float(given["reweight"][case]))
    network = method.network(network_of(given["parameters"], 3))
    same(torch.stack(network(x)), theirs["logits"])
    found = method.forward(network, x, targets, MOMENT)
    terms = method.terms(found, targets, MOMENT)
    same((terms.weights * terms.losses).mean(dim=0), theirs["losses"])
    found = step_gradients(method, network, x, targets)
    assert set(found) == set(theirs["gradients"])
    same_by_name(found, theirs["gradients"])


# --- PCGrad -------------------------------------------------------------------------------------


def in_order(order):
    """A moment whose draws make each exit meet the others in ``order``, ``[E, E − 1]``."""
    exits = len(order)
    keys = torch.zeros(exits, exits)
    for exit, others in enumerate(order.tolist()):
        for place, other in enumerate(others):
            keys[exit, other] = place / exits
    return Moment(0.5, 0, keys.flatten())


def stage_1(gradients):
    return torch.cat([gradients[f"stages.0.0.{part}"].flatten() for part in ("weight", "bias")])


@pytest.mark.parametrize("number", range(4))
def test_pcgrad_of_three_exits_that_share_stage_1_alone(number):
    given, theirs = read("pcgrad")
    theirs = theirs["three"][number]
    network = network_of(given["three"], 3)
    moment = in_order(theirs["order"])
    found = step_gradients(REGISTRY["pcgrad"](), network, given["x"], given["targets"], moment)
    same(stage_1(found), theirs["projected"].sum(dim=0))
    same(stage_1(found), 3 * theirs["kept"])  # their mean
    products = theirs["gradients"] @ theirs["gradients"].T
    assert (products[~torch.eye(3, dtype=torch.bool)] < 0).all()


def test_pcgrad_of_two_exits_the_deeper_with_a_stage_of_its_own():
    given, theirs = read("pcgrad")
    theirs, network = theirs["two"], network_of(given["two"], 2)
    moment = in_order(theirs["order"])
    found = step_gradients(REGISTRY["pcgrad"](), network, given["x"], given["targets"], moment)
    same(stage_1(found), theirs["projected"].sum(dim=0))
    same(stage_1(found), 2 * theirs["kept"])
    assert theirs["gradients"][0] @ theirs["gradients"][1] < 0


def test_the_orders_in_which_exits_meet_differ_and_matter():
    runs = read("pcgrad")[1]["three"]
    assert len({str(run["order"].tolist()) for run in runs}) == 4
    assert not torch.allclose(runs[0]["kept"], runs[1]["kept"])


# --- Deep Feature Surgery -----------------------------------------------------------------------

FORMS = list(product(["split", "all"], ["0.5", "0.7"]))


@pytest.mark.parametrize(("form", "beta"), FORMS)
def test_dfs_on_a_map(form, beta):
    given, theirs = read("dfs")
    theirs, x = theirs["map"][form][beta], given["map"].requires_grad_()
    through = EarlyExitNetwork([nn.Identity()] * 2, [nn.Identity()] * 2)
    method = REGISTRY["dfs"](beta=float(beta), exits_read=form)
    read_by_exit, onward = method.forward(through, x, None, MOMENT).logits
    same(read_by_exit, theirs["read"])
    same(onward, theirs["onward"])
    for value, upstream, expected in (
        (read_by_exit, given["upstream_read"], theirs["gradient_of_read"]),
        (onward, given["upstream_onward"], theirs["gradient_of_onward"]),
    ):
        same(torch.autograd.grad(value, x, upstream, retain_graph=True)[0], expected)


@pytest.mark.parametrize(("form", "beta"), FORMS)
def test_dfs_through_four_stages(form, beta):
    given, theirs = read("dfs")
    theirs, network = theirs["chain"][form][beta], network_of(given["parameters"], 4)
    method = REGISTRY["dfs"](beta=float(beta), exits_read=form)
    logits, loss = forward(method, network, given["x"], given["targets"])
    same(logits, theirs["logits"])
    same(loss, theirs["loss"])
    found = step_gradients(method, network, given["x"], given["targets"])
    assert set(found) == set(theirs["gradients"])
    same_by_name(found, theirs["gradients"])


# --- zero time waste ----------------------------------------------------------------------------


def cascaded(given):
    """Our network with their weights, before ensembles are fitted."""
    backbone = network_of(given["parameters"], 3)
    backbone.num_classes = 3
    network = REGISTRY["zero_time_waste"]().network(backbone)
    network.cascade[0].load_state_dict({"weight": given["cascade"]})
    return network


def fitted(network, given):
    """With their ensembles' weights: exp(w) of each member in a mean over them."""
    parts = zip(network.ensembles, given["ensemble_weights"], given["ensemble_biases"], strict=True)
    for ensemble, weights, bias in parts:
        weights = (weights.exp() / len(weights)).unsqueeze(0)
        ensemble.load_state_dict({"weight": weights, "bias": bias})
    return network


def test_zero_time_waste_cascade_and_its_gradients():
    """Their loss is the mean over all exits, the frozen last one's too; ours the sum of others."""
    given, theirs = read("zero_time_waste")
    network, method = cascaded(given), REGISTRY["zero_time_waste"]()
    x, targets, heads = given["x"], given["targets"], Moment(0.8, 1)
    logits, loss = forward(method, network, x, targets, heads)
    same(logits.log_softmax(dim=2), theirs["heads"].log_softmax(dim=2))
    last = nn.functional.cross_entropy(theirs["heads"][-1], targets)
    same(loss, 3 * theirs["loss"] - last)
    found = step_gradients(method, network, x, targets, heads)
    same_by_name(found, {name: 3 * value for name, value in theirs["gradients"].items()})


@torch.no_grad()
def test_zero_time_waste_ensembles():
    given, theirs = read("zero_time_waste")
    same(torch.stack(fitted(cascaded(given), given)(given["x"])), theirs["answers"])


@torch.no_grad()
def test_zero_time_waste_cascade_makes_up_for_gain_and_shift():
    given, theirs = read("zero_time_waste")
    network = cascaded(given)
    network.cascade[0].weight.mul_(given["gain"])
    network.heads[1].bias.add_(given["cascade"] @ given["shift"])
    heads = torch.stack(network(given["x"]))
    same(heads.log_softmax(dim=2), theirs["gained"]["heads"].log_softmax(dim=2))
    same(torch.stack(fitted(network, given)(given["x"])), theirs["gained"]["answers"])


@pytest.mark.parametrize("code", ["ztw_cv", "ztw_cv_original"])
def test_zero_time_waste_ensemble_of_three_members(code):
    given, theirs = read("zero_time_waste")
    given, ensemble = given["members"], GeometricEnsemble(3, 3)
    weights = (given["weights"].exp() / 3).unsqueeze(0)
    ensemble.load_state_dict({"weight": weights, "bias": given["bias"]})
    log_probabilities = given["logits"].log_softmax(dim=2).transpose(1, 2)
    same(ensemble(log_probabilities), theirs["members"][code])


# --- L2W-DEN ------------------------------------------------------------------------------------


class SGD:
    """Theirs: momentum without Nesterov; a step ahead is what the next step would be."""

    def __init__(self, network, rate, momentum, decay):
        self.rate, self.momentum, self.decay = rate, momentum, decay
        self.parameters = list(network.parameters())
        self.momenta = [torch.zeros_like(one) for one in self.parameters]

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad = None

    def _momenta(self, gradients):
        return [
            self.momentum * kept + gradient + self.decay * one.detach()
            for one, kept, gradient in zip(self.parameters, self.momenta, gradients, strict=True)
        ]

    def ahead(self, parameters, gradients):
        momenta = self._momenta(gradients)
        pairs = zip(parameters, momenta, strict=True)
        return [one.detach() - self.rate * momentum for one, momentum in pairs]

    @torch.no_grad()
    def step(self):
        self.momenta = self._momenta([one.grad for one in self.parameters])
        for parameter, momentum in zip(self.parameters, self.momenta, strict=True):
            parameter -= self.rate * momentum


@pytest.mark.parametrize("case", ["cifar", "growing"])
def test_l2w_steps_of_network_and_weights(case):
    given, theirs = read("l2w")
    settings, theirs = given["cases"][case], theirs["runs"][case]
    method = REGISTRY["l2w"](
        epsilon=float(settings["epsilon"]),
        q=settings["target_p_index"] / 20,
        meta_every=settings["meta_interval"],
    )
    network = method.network(network_of(given["parameters"], 3))
    state = {"counts": torch.tensor([0, 0])}
    for name in PARTS:
        state[name] = given["learned"][name]
        state[f"first.{name}"] = torch.zeros_like(state[name])
        state[f"second.{name}"] = torch.zeros_like(state[name])
    method.load_state(state)
    decay, momentum = float(given["weight_decay"]), float(given["momentum"])
    batches = list(zip(given["x"], given["targets"], strict=True))
    optimizer = SGD(network, None, momentum, decay)
    losses, weights = [], []
    for number, (x, targets) in enumerate(batches):
        done = (given["epoch"] * len(batches) + number) / (given["epochs"] * len(batches))
        falling = (1 + torch.cos(torch.tensor(torch.pi * done))) / 2
        optimizer.rate = float(given["rate"]) * float(falling)
        _, terms = method.step(network, x, targets, Moment(done), optimizer, lambda found: None)
        losses.append(terms.losses.detach())
        weights.append(terms.weights)
    half = len(given["x"][0]) // 2
    same(torch.cat(losses)[half:], theirs["losses"])  # of the first half theirs keeps no record
    same(torch.cat(weights)[half:], theirs["weights"])
    same_by_name(network.state_dict(), theirs["parameters"])
    learned = method.state()
    same_by_name(learned, theirs["learned"])
    same_by_name({name: learned[f"first.{name}"] for name in PARTS}, theirs["first"])
    same_by_name({name: learned[f"second.{name}"] for name in PARTS}, theirs["second"])
    moved = max((learned[name] - given["learned"][name]).abs().max() for name in PARTS)
    assert moved > 1e-5


@pytest.mark.parametrize("exits", [3, 5])
@pytest.mark.parametrize("index", [10, 15, 19, 24])
def test_l2w_allotted_samples(index, exits):
    """Where a share is a whole number, their single precision may fall below it."""
    given, theirs = read("l2w")
    powers = [Fraction(index, 20) ** exit for exit in range(1, exits + 1)]
    expected = theirs["allotted"][str(exits)][str(index)].tolist()
    for size, counts in zip(given["sizes"].tolist(), expected, strict=True):
        logits = torch.randn(exits, size, 4, generator=torch.Generator().manual_seed(size))
        found = allotted(list(logits), index / 20).sum(dim=0).tolist()
        assert sum(found) == size
        for power, ours, count in zip(powers, found, counts, strict=False):
            exact = size * power / sum(powers)
            assert ours == count or (ours == exact and count == exact - 1)


# --- losses on given logits ---------------------------------------------------------------------


@pytest.mark.parametrize("case", ["default", "other"])
def test_self_distillation(case):
    given, theirs = read("self_distillation")
    settings, theirs = given["cases"][case], theirs[case]
    part = float(settings["alpha"])
    method = REGISTRY["self_distillation"](part, float(settings["temperature"]))
    logits = given["logits"].requires_grad_()
    terms = method.terms(Pass(list(logits)), given["targets"], MOMENT)
    soft = torch.cat([theirs["soft"], torch.zeros(1)])
    same(terms.losses.mean(dim=0), (1 - part) * theirs["hard"] + part * soft)
    same(terms.total(), theirs["loss"])
    terms.total().backward()
    same(logits.grad, theirs["gradients"])


@pytest.mark.parametrize("epochs", [1, 4, 7])
def test_sdn(epochs):
    given, theirs = read("sdn")
    method = REGISTRY["sdn"]()
    costs = (100 * given["shares"]).tolist()
    method.macs = lambda network, input_shape: costs
    method.start_phase(0, Start(None, None, None, epochs, ()))
    assert len(theirs[str(epochs)]) == epochs
    for epoch, expected in enumerate(theirs[str(epochs)]):
        logits = given["logits"].clone().requires_grad_()
        for step in (0, 0.5, 0.99):
            terms = method.terms(
                Pass(list(logits)), given["targets"], Moment((epoch + step) / epochs)
            )
            same(terms.weights[0, :-1], expected["weights"])
            assert terms.weights[0, -1] == 1
            same(terms.total(), expected["loss"])
        if epochs == 4:
            terms.total().backward()
            same(logits.grad, expected["gradients"])
