"""PCGrad across exits against its algorithm, written out on vectors of whole stages."""

from copy import deepcopy
from itertools import permutations, product
from types import SimpleNamespace

import pytest
import torch
from gradients_by_hand import MOMENT, NoStep, assert_alike, batch, gradients, step_gradients, toy
from tiny import tiny_dataset, tiny_settings
from torch import nn
from torch.nn.functional import cross_entropy

from cgt import EarlyExitNetwork
from cgt.methods import REGISTRY
from cgt.methods.base import Moment, Pass
from cgt.methods.pcgrad import orders
from cgt.nn.terms import LossTerms
from cgt.training.loop import Trainer
from cgt.training.optimizer import OneCycleSGD

PCGrad, BranchyNet = REGISTRY["pcgrad"], REGISTRY["branchynet"]


def draws(seed, size=8):
    return Moment(0.5, 0, torch.rand(size, generator=torch.Generator().manual_seed(seed)))


def by_hand(each, order):
    """Stages' gradient after projection. ``each[i][s]``: exit i on stage s, from 0, as a vector.

    ``order[i]``: the other exits, as exit i meets them.
    """
    exits = len(each)
    total = [torch.zeros_like(each[-1][stage]) for stage in range(exits)]
    for i in range(exits):
        mine = [vector.clone() for vector in each[i]]
        for j in order[i]:
            shared = range(min(i, j) + 1)
            inner = sum(float(mine[s] @ each[j][s]) for s in shared)
            if inner < 0:
                squared = sum(float(each[j][s] @ each[j][s]) for s in shared)
                for s in shared:
                    mine[s] = mine[s] - inner / squared * each[j][s]
        for s in range(i + 1):
            total[s] = total[s] + mine[s]
    return total


def all_orders(exits):
    """Every way in which every exit can meet the others."""
    ways = [list(permutations(set(range(exits)) - {i})) for i in range(exits)]
    return list(product(*ways))


class Given(nn.Module):
    """A stage that is a vector of parameters."""

    def __init__(self, size):
        super().__init__()
        self.vector = nn.Parameter(torch.zeros(size, dtype=torch.float64))


class Prescribed(PCGrad):
    """Losses whose gradients on the stages are given numbers."""

    def forward(self, network, x, targets, moment):
        return Pass([])

    def terms(self, found, targets, moment):
        stages, heads = self.network_.stages, self.network_.heads
        losses = [
            sum(stages[s].vector @ vector for s, vector in enumerate(of_exit))
            + (heads[i].vector * (i + 1)).sum()
            for i, of_exit in enumerate(self.each)
        ]
        losses = torch.stack(losses)[None]
        return LossTerms(losses, torch.ones_like(losses), torch.ones_like(losses))


def projected(each, moment):
    """What PCGrad leaves in the stages and heads whose exits have these gradients."""
    method = Prescribed()
    sizes = [len(vector) for vector in each[-1]]
    method.network_ = EarlyExitNetwork([Given(n) for n in sizes], [Given(2) for _ in sizes])
    method.each = each
    found = step_gradients(method, method.network_, None, None, moment)
    stages = [found[f"stages.{s}.vector"] for s in range(len(sizes))]
    return stages, [found[f"heads.{s}.vector"] for s in range(len(sizes))]


def vectors(*rows):
    """``each`` from lists of numbers: exit by exit, stage by stage."""
    return [[torch.tensor(vector, dtype=torch.float64) for vector in of_exit] for of_exit in rows]


def test_two_exits_in_conflict_by_hand():
    # ⟨g1, g2⟩ = −1: h1 = (1, 0) + ½ (−1, 1) = (½, ½), h2 = (−1, 1) + (1, 0) = (0, 1).
    each = vectors([[1.0, 0.0]], [[-1.0, 1.0], [5.0]])
    stages, heads = projected(each, MOMENT)
    torch.testing.assert_close(stages[0], torch.tensor([0.5, 1.5], dtype=torch.float64))
    torch.testing.assert_close(stages[1], torch.tensor([5.0], dtype=torch.float64))
    assert [head.tolist() for head in heads] == [[1.0, 1.0], [2.0, 2.0]]


def test_a_pair_meets_on_the_stages_that_both_reach_and_nowhere_else():
    """Exits 2 and 3 agree on stage 1 by less than they disagree on stage 2.

    ⟨g2, g3⟩ = 1 − 2 = −1, ‖g2‖² = 2, ‖g3‖² on stages 1 and 2 is 5; its 100 on stage 3 is not
    looked at. h2 = (1 | 1) + 1/5 (1 | −2), h3 = (1 | −2) + 1/2 (1 | 1).
    """
    each = vectors([[0.0]], [[1.0], [1.0]], [[1.0], [-2.0], [100.0]])
    stages, _ = projected(each, MOMENT)
    found = [float(stage) for stage in stages]
    assert found == pytest.approx([1.2 + 1.5, 0.6 - 1.5, 100.0])


def test_agreement_is_left_alone():
    each = vectors([[1.0, 0.0]], [[1.0, 1.0], [2.0]], [[0.0, 3.0], [1.0], [4.0]])
    stages, _ = projected(each, MOMENT)
    assert [stage.tolist() for stage in stages] == [[2.0, 4.0], [3.0], [4.0]]


def random_vectors(exits, seed):
    generator = torch.Generator().manual_seed(seed)
    return [
        [torch.randn(4, generator=generator, dtype=torch.float64) for _ in range(i + 1)]
        for i in range(exits)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_result_is_the_algorithms_for_one_of_the_possible_orders(seed):
    each = random_vectors(3, seed)
    possible = [torch.cat(by_hand(each, order)) for order in all_orders(3)]
    for draw in range(4):
        found = torch.cat(projected(each, draws(draw))[0])
        assert any(torch.allclose(found, one, rtol=1e-9, atol=1e-12) for one in possible)


def test_the_order_is_random_and_the_same_for_the_same_draws():
    each = next(
        each
        for each in (random_vectors(3, seed) for seed in range(100))
        if len(
            {tuple(torch.cat(by_hand(each, o)).round(decimals=9).tolist()) for o in all_orders(3)}
        )
        == 8
    )
    results = [torch.cat(projected(each, draws(draw, size=16))[0]) for draw in range(60)]
    assert len({tuple(found.round(decimals=9).tolist()) for found in results}) == 8
    assert torch.equal(results[7], torch.cat(projected(each, draws(7, size=16))[0]))


@pytest.mark.parametrize("exits", [2, 3, 6])
@pytest.mark.parametrize("size", [1, 2, 8, 36, 100])
def test_each_exit_meets_every_other_once_however_small_the_batch(exits, size):
    for row, order in enumerate(orders(draws(0, size).uniform, exits).tolist()):
        assert sorted([row, *order]) == list(range(exits))


def test_gradients_are_projected_on_the_original_ones():
    """Exit 2 would meet an exit 1 that no longer conflicts, were it to meet the projected one."""
    each = vectors([[1.0, 0.0]], [[-1.0, 0.1], [1.0]])
    stages, _ = projected(each, MOMENT)
    expected = by_hand(each, [(1,), (0,)])
    torch.testing.assert_close(stages, expected)
    first = each[0][0] - each[0][0] @ each[1][0] / (each[1][0] @ each[1][0]) * each[1][0]
    second = each[1][0] - min(float(each[1][0] @ first), 0.0) / (first @ first) * first
    assert not torch.allclose(stages[0], first + second, atol=1e-3)


def of_stages(found, exits, upto):
    """Vectors of the first ``upto`` stages from gradients by name."""
    return [
        torch.cat([v.flatten() for name, v in found.items() if name.startswith(f"stages.{s}.")])
        for s in range(upto)
    ]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_step_on_a_network_against_the_algorithm(seed):
    network, (x, targets) = toy(3, seed), batch(seed=seed)
    plain = [gradients(cross_entropy(logits, targets), network) for logits in network(x)]
    each = [of_stages(plain[i], 3, i + 1) for i in range(3)]
    joint = of_stages({name: sum(of[name] for of in plain) for name in plain[0]}, 3, 3)
    found = step_gradients(PCGrad(), network, x, targets, draws(seed))
    ours = torch.cat(of_stages(found, 3, 3))
    possible = [torch.cat(by_hand(each, order)) for order in all_orders(3)]
    assert any(torch.allclose(ours, one, rtol=1e-9, atol=1e-12) for one in possible)
    assert not torch.allclose(ours, torch.cat(joint), rtol=1e-3)  # exits do disagree here
    for exit, of_exit in enumerate(plain):
        for part in ("weight", "bias"):
            name = f"heads.{exit}.{part}"
            torch.testing.assert_close(found[name], of_exit[name])


def agreeing(exits=3):
    """Exits that give the same logits from the same weights: their gradients cannot conflict."""
    network = toy(exits)
    for stage, head in zip(network.stages[1:], network.heads[1:], strict=True):
        stage[0].weight.data = torch.eye(5, dtype=torch.float64)
        stage[0].bias.data.zero_()
        stage[1] = nn.Identity()
        head.load_state_dict(network.heads[0].state_dict())
    return network


@pytest.mark.parametrize("weights", ["equal", [0.2, 1.0, 3.0], [1.0, 0.0, 1.0]])
def test_without_conflict_it_is_joint_training_every_stage_alike(weights):
    """Also in size: a mean where all exits meet would make stage 1 a third of it."""
    network, (x, targets) = agreeing(), batch()
    joint = step_gradients(BranchyNet(weights), network, x, targets)
    ours = step_gradients(PCGrad(weights), network, x, targets)
    assert_alike(ours, joint, rtol=1e-6, atol=1e-9)


def test_heads_do_not_dilute_the_projection():
    """With the heads' own gradients in ‖g_j‖² less would be taken out."""
    each = vectors([[1.0, 0.0]], [[-1.0, 0.0], [1.0]])
    stages, heads = projected(each, MOMENT)
    assert all(head.any() for head in heads)
    torch.testing.assert_close(stages[0], torch.zeros(2, dtype=torch.float64))


def test_a_step_sees_the_batch_once_and_needs_no_second_pass(tmp_path):
    trainer = Trainer(tiny_dataset(), PCGrad(), 1, tiny_settings(), tmp_path / "c.pt")
    network, x, targets = trainer.network.train(), trainer.train_x[:32], trainer.train_y[:32]
    other = deepcopy(network)
    for method, one in ((PCGrad(), network), (BranchyNet(), other)):
        method.step(one, x, targets, draws(0, 32), NoStep(one), lambda found: None)
    pairs = zip(network.named_buffers(), other.buffers(), strict=True)
    for (name, ours), joints in pairs:
        assert torch.equal(ours, joints), name
        if name.endswith("num_batches_tracked"):
            assert ours == 1


def test_gradients_lie_in_memory_as_their_parameters_do(tmp_path):
    """The fused optimiser goes through both in the order of memory, channels last or not."""
    trainer = Trainer(tiny_dataset(), PCGrad(), 1, tiny_settings(), tmp_path / "c.pt")
    network, x, targets = trainer.network.train(), trainer.train_x[:32], trainer.train_y[:32]
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    optimizer = OneCycleSGD(network.parameters(), 0.5, 100, 0.0, 0.0)
    PCGrad().step(network, x, targets, draws(0, 32), optimizer, lambda found: None)
    for name, value in network.named_parameters():
        assert value.grad.stride() == value.stride(), name
        torch.testing.assert_close(value, before[name] - 0.5 / 25 * value.grad)


def test_gradients_are_added_to_those_that_are_there():
    network, (x, targets) = toy(2), batch()
    once = step_gradients(PCGrad(), network, x, targets)
    kept = SimpleNamespace(zero_grad=lambda: None, step=lambda: None)
    PCGrad().step(network, x, targets, MOMENT, kept, lambda found: None)
    twice = {name: parameter.grad for name, parameter in network.named_parameters()}
    assert_alike(twice, {name: 2 * value for name, value in once.items()})


def test_frozen_parts_and_stages_without_parameters_are_left_alone():
    network, (x, targets) = toy(3), batch()
    network.stages[1] = nn.Tanh()
    network.stages[0].requires_grad_(False)
    network.heads[2].requires_grad_(False)
    network.zero_grad()
    PCGrad().step(network, x, targets, MOMENT, NoStep(network), lambda found: None)
    moved = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert moved == {
        *(f"heads.{exit}.{part}" for exit in (0, 1) for part in ("weight", "bias")),
        *(f"stages.2.0.{part}" for part in ("weight", "bias")),
    }


def test_label_smoothing_counts_in_the_loss():
    network, (x, targets) = toy(2), batch()
    method = PCGrad()
    method.label_smoothing = 0.2
    loss = cross_entropy(network(x)[1], targets, label_smoothing=0.2)
    found = step_gradients(method, network, x, targets)
    torch.testing.assert_close(found["heads.1.weight"], gradients(loss, network)["heads.1.weight"])
