"""L2W-DEN's step, against the formula written out here, and what it must leave alone."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from tiny import tiny_dataset, tiny_settings
from torch import nn

from cgt.methods import REGISTRY
from cgt.methods.base import Moment, Pass
from cgt.methods.l2w import HIDDEN, PARTS, allotted
from cgt.nn.network import EarlyExitNetwork
from cgt.training.loop import Trainer
from cgt.training.optimizer import OneCycleSGD, one_cycle

L2W = REGISTRY["l2w"]
GENERATOR = torch.Generator().manual_seed(4)
X = torch.randn(10, 3, dtype=torch.float64, generator=GENERATOR)
Y = torch.randint(3, (10,), generator=GENERATOR)
PEAK, STEPS, MOMENTUM, DECAY = 0.8, 40, 0.9, 0.01
MOMENT = Moment(0.25)


def small(norm=False):
    """Three exits of a few parameters, in double precision."""
    torch.manual_seed(2)

    def stage():
        return nn.Sequential(nn.Linear(3, 3), *([nn.BatchNorm1d(3)] if norm else []), nn.Tanh())

    network = EarlyExitNetwork([stage() for _ in range(3)], [nn.Linear(3, 3) for _ in range(3)])
    return network.double()


def method_of(network, **settings):
    """With a weights' network that is far from its start, so that weights differ clearly."""
    method = L2W(**settings)
    torch.manual_seed(8)
    method.network(network)
    method.learned["output.weight"] = 20 * method.learned["output.weight"]
    return method


def optimizer_of(network):
    """One that has taken a step already, so that there is a momentum."""
    optimizer = OneCycleSGD(network.parameters(), PEAK, STEPS, MOMENTUM, DECAY)
    sum(logits.square().mean() for logits in network(X)).backward()
    optimizer.step()
    return optimizer


def step(method, network, optimizer, x=X, y=Y):
    return method.step(network, x, y, MOMENT, optimizer, lambda found: None)


# --- the formula, written out -------------------------------------------------------------------


def losses_at(parameters, x, y, smoothing=0.0):
    """Cross-entropies ``[B, 3]`` and logits of the small network at any parameters."""
    stages, heads = parameters[:6], parameters[6:]
    losses, logits = [], []
    for exit in range(3):
        x = torch.tanh(x @ stages[2 * exit].T + stages[2 * exit + 1])
        logits.append(x @ heads[2 * exit].T + heads[2 * exit + 1])
        log_p = logits[-1].log_softmax(dim=1)
        hard = -log_p[torch.arange(len(y)), y]
        losses.append((1 - smoothing) * hard - smoothing * log_p.mean(dim=1))
    return torch.stack(losses, dim=1), logits


def weights_at(mlp, losses, epsilon):
    out = torch.tanh(torch.relu(losses @ mlp[0].T + mlp[1]) @ mlp[2].T + mlp[3])
    return 1 + epsilon * (out - out.mean(dim=1, keepdim=True))


def moved(parameters, momenta, gradients, rate):
    """One step of SGD with Nesterov momentum and weight decay."""
    found = []
    for parameter, momentum, gradient in zip(parameters, momenta, gradients, strict=True):
        slope = gradient + DECAY * parameter
        found.append(parameter - rate * (slope + MOMENTUM * (MOMENTUM * momentum + slope)))
    return found


def shares_of(logits, q):
    """Samples of each exit, one by one as the words say."""
    size, shares = len(logits[0]), [q, q**2, q**3]
    taken, groups = set(), []
    for exit in range(2):
        sure = logits[exit].softmax(dim=1).max(dim=1).values.tolist()
        free = sorted((i for i in range(size) if i not in taken), key=lambda i: -sure[i])
        groups.append(free[: math.floor(size * shares[exit] / sum(shares))])
        taken |= set(groups[-1])
    return [*groups, [i for i in range(size) if i not in taken]]


def meta_loss(mlp, parameters, momenta, rate, own, other, epsilon, q, smoothing):
    parameters = [one.detach().requires_grad_() for one in parameters]
    losses, _ = losses_at(parameters, *own, smoothing)
    loss = (weights_at(mlp, losses.detach(), epsilon) * losses).mean(dim=0).sum()
    gradients = torch.autograd.grad(loss, parameters, create_graph=True)
    there = moved([one.detach() for one in parameters], momenta, gradients, rate)
    meta, logits = losses_at(there, *other, smoothing)
    groups = shares_of(logits, q)
    return sum(meta[group, exit].mean() for exit, group in enumerate(groups) if group)


def adam(mlp, means, gradients, number, rate):
    for part, (first, second), gradient in zip(mlp, means, gradients, strict=True):
        slope = gradient + 1e-4 * part
        first.copy_(0.9 * first + 0.1 * slope)
        second.copy_(0.999 * second + 0.001 * slope**2)
        top, bottom = first / (1 - 0.9**number), second / (1 - 0.999**number)
        part.data -= rate * top / (bottom.sqrt() + 1e-8)


def simulate(network, optimizer, method, smoothing=0.0):
    """Both halves of a step by the formula: parameters, weights' network, weights."""
    parameters = [one.detach().clone() for one in network.parameters()]
    momenta = [one.clone() for one in optimizer.state()["momenta"]]
    mlp = [method.learned[name].double() for name in PARTS]
    means = [(torch.zeros_like(part), torch.zeros_like(part)) for part in mlp]
    halves = [(X[:5], Y[:5]), (X[5:], Y[5:])]
    applied = []
    for number, (own, other) in enumerate([halves, halves[::-1]], start=1):
        rate = one_cycle(number, STEPS, PEAK)  # step 0 was the optimiser's warm-up
        leaves = [part.detach().requires_grad_() for part in mlp]
        settings = (method.epsilon, method.q, smoothing)
        value = meta_loss(leaves, parameters, momenta, rate, own, other, *settings)
        found = torch.autograd.grad(value, leaves)
        adam(mlp, means, found, number, 1e-4 / 2 * (1 + math.cos(math.pi * 0.25)))
        leaves = [one.detach().requires_grad_() for one in parameters]
        losses, _ = losses_at(leaves, *own, smoothing)
        applied.append(weights_at(mlp, losses.detach(), method.epsilon))
        gradients = torch.autograd.grad((applied[-1] * losses).mean(dim=0).sum(), leaves)
        parameters = moved(parameters, momenta, gradients, rate)
        momenta = [
            MOMENTUM * old + slope + DECAY * at.detach()
            for old, slope, at in zip(momenta, gradients, leaves, strict=True)
        ]
    return parameters, mlp, torch.cat(applied)


# --- tests --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "smoothing"),
    [({}, 0.0), ({"epsilon": 0.3, "q": 1.5}, 0.0), ({"q": 0.3}, 0.1)],
)
def test_a_step_is_that_of_the_formula(settings, smoothing):
    network = small()
    optimizer, method = optimizer_of(network), method_of(network, **settings)
    method.label_smoothing = smoothing
    parameters, mlp, weights = simulate(network, optimizer, method, smoothing)
    start = [method.learned[name].double() for name in PARTS]
    _, terms = step(method, network, optimizer)
    torch.testing.assert_close(terms.weights, weights, rtol=1e-8, atol=1e-10)
    assert terms.weights.std() > 0.01
    for ours, theirs in zip(network.parameters(), parameters, strict=True):
        torch.testing.assert_close(ours.detach(), theirs, rtol=1e-8, atol=1e-10)
    for name, theirs, before in zip(PARTS, mlp, start, strict=True):
        torch.testing.assert_close(method.learned[name], theirs, rtol=1e-8, atol=1e-10)
        assert (method.learned[name] - before).abs().max() > 1e-6


def test_the_meta_gradient_is_the_slope_of_the_meta_loss():
    """By finite differences along one direction; Adam's first mean holds a tenth of it."""
    network = small()
    optimizer, method = optimizer_of(network), method_of(network)
    mlp = [method.learned[name].double() for name in PARTS]
    fixed = ([one.detach() for one in network.parameters()], optimizer.state()["momenta"])
    halves = ((X[:5], Y[:5]), (X[5:], Y[5:]))
    direction = [torch.randn(part.shape, generator=GENERATOR).double() for part in mlp]

    def along(distance):
        there = [part + distance * one for part, one in zip(mlp, direction, strict=True)]
        rate = one_cycle(1, STEPS, PEAK)
        value = meta_loss(there, *fixed, rate, *halves, method.epsilon, method.q, 0.0)
        return value.item()

    expected = (along(1e-6) - along(-1e-6)) / 2e-6
    found = method.forward(network, *halves[0], MOMENT)
    method._learn(network, found, Y[:5], *halves[1], MOMENT, optimizer)
    gradients = [
        10 * method.learned[f"first.{name}"] - 1e-4 * part
        for name, part in zip(PARTS, mlp, strict=True)
    ]
    slope = sum(float((g * d).sum()) for g, d in zip(gradients, direction, strict=True))
    assert slope == pytest.approx(expected, rel=1e-5) and abs(slope) > 1e-6


def test_without_epsilon_it_is_joint_training_on_half_batches():
    ours, theirs = small(norm=True), small(norm=True)
    joint = REGISTRY["branchynet"]()
    one, other = optimizer_of(ours), optimizer_of(theirs)
    step(method_of(ours, epsilon=0.0), ours, one)
    for half in (slice(0, 5), slice(5, 10)):
        joint.step(theirs, X[half], Y[half], MOMENT, other, lambda found: None)
    for (name, mine), yours in zip(
        ours.state_dict().items(), theirs.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(mine, yours, rtol=0, atol=1e-9, msg=name)


def test_looking_ahead_moves_neither_network_nor_batch_statistics():
    network = small(norm=True)
    optimizer, method = optimizer_of(network), method_of(network)
    found = method.forward(network, X[:5], Y[:5], MOMENT)
    before = copy.deepcopy(network.state_dict())
    method._learn(network, found, Y[:5], X[5:], Y[5:], MOMENT, optimizer)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    step(method, network, optimizer)
    # One pass over each half, besides the two above.
    assert network.stages[0][1].num_batches_tracked == before["stages.0.1.num_batches_tracked"] + 2


def test_rows_of_weights_have_mean_1_and_no_gradient():
    network = small()
    found = method_of(network).terms(Pass(network(X)), Y, MOMENT)
    torch.testing.assert_close(found.weights.mean(dim=1), torch.ones(10, dtype=torch.float64))
    assert not found.weights.requires_grad and found.losses.requires_grad


def test_no_sample_is_allotted_twice():
    """Exit 2 is surest of the samples that exit 1 has taken, and has to take others."""
    sure = torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0, 0.5, 0.4])
    logits = [torch.stack([of, torch.zeros(7)], dim=1) for of in (sure, 2 * sure, sure)]
    chosen = allotted(logits, 0.75)
    # Shares of q = 3/4: 16/37, 12/37, 9/37 of 7: 3.03, 2.27, the rest.
    assert [column.nonzero().flatten().tolist() for column in chosen.T] == [
        [0, 1, 2],
        [3, 4],
        [5, 6],
    ]


@pytest.mark.parametrize("exits", [2, 3, 6])
@pytest.mark.parametrize("size", [1, 2, 5, 64])
def test_every_sample_is_allotted_once(exits, size):
    logits = [torch.randn(size, 4, generator=GENERATOR) for _ in range(exits)]
    assert (allotted(logits, 0.75).sum(dim=1) == 1).all()


def test_the_weights_network_moves_every_so_many_batches():
    network = small()
    optimizer, method = optimizer_of(network), method_of(network, meta_every=3)
    steps = []
    for _ in range(7):
        step(method, network, optimizer)
        steps.append(method.learning_steps)
    assert steps == [2, 2, 2, 4, 4, 4, 6]


def test_its_state_holds_all_that_it_learns():
    """Another one that takes it goes on as the first would; what it gave does not change later."""
    network = small()
    optimizer, method = optimizer_of(network), method_of(network, meta_every=2)
    step(method, network, optimizer)
    given = method.state()
    kept = {name: value.clone() for name, value in given.items()}
    other_network, other = copy.deepcopy((network, method_of(network, meta_every=2)))
    other.load_state(given)
    other_optimizer = OneCycleSGD(other_network.parameters(), PEAK, STEPS, MOMENTUM, DECAY)
    other_optimizer.load_state(copy.deepcopy(optimizer.state()))
    for _ in range(2):
        step(method, network, optimizer)
        step(other, other_network, other_optimizer)
    for name, value in method.state().items():
        assert torch.equal(value, other.state()[name]), name
        assert torch.equal(given[name], kept[name]), name
    assert method.state()["counts"].tolist() == [3, 4]


def test_the_cycle_has_two_steps_a_batch(tmp_path):
    trainer = Trainer(tiny_dataset(), L2W(), 1, tiny_settings(epochs=2), tmp_path / "c.pt")
    taken = []
    original = OneCycleSGD.step

    def counted(self):
        original(self)
        taken.append((self._done, self._steps))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OneCycleSGD, "step", counted)
        trainer.run()
    assert taken[-1] == (16, 16)  # 128 samples in batches of 32, 2 epochs


def test_what_is_drawn_has_the_size_of_the_source():
    network = small()
    method = method_of(network)
    shapes = [tuple(method.learned[name].shape) for name in PARTS]
    assert shapes == [(HIDDEN, 3), (HIDDEN,), (3, HIDDEN), (3,)]


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"epsilon is -1; it must be a finite number >= 0"):
        L2W(epsilon=-1)
    with pytest.raises(ValueError, match="q is 0; it must be a finite number > 0"):
        L2W(q=0)
    with pytest.raises(ValueError, match="meta_every is 0; it must be a whole number >= 1"):
        L2W(meta_every=0)
    network = small()
    with pytest.raises(ValueError, match="batch of 1 sample cannot be halved"):
        step(method_of(network), network, optimizer_of(network), X[:1], Y[:1])


def test_losses_are_cross_entropies():
    network = small()
    found = method_of(network).terms(Pass(network(X)), Y, MOMENT)
    expected = [F.cross_entropy(logits, Y, reduction="none") for logits in network(X)]
    torch.testing.assert_close(found.losses, torch.stack(expected, dim=1))
