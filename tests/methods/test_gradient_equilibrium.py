"""Gradient equilibrium against its formula, by plain autograd."""

import pytest
import torch
from gradients_by_hand import MOMENT, assert_alike, batch, gradients, step_gradients, toy
from tiny import tiny_dataset, tiny_settings
from torch.nn.functional import cross_entropy

from cgt.methods import REGISTRY
from cgt.training.loop import Trainer

GradientEquilibrium, BranchyNet = REGISTRY["gradient_equilibrium"], REGISTRY["branchynet"]


@pytest.mark.parametrize("exits", [2, 3, 6])
def test_a_stage_gets_the_mean_of_the_exits_behind_it_and_heads_their_own(exits):
    network, (x, targets) = toy(exits), batch()
    each = [gradients(cross_entropy(logits, targets), network) for logits in network(x)]
    expected = {}
    for name in each[0]:
        part, number, *_ = name.split(".")
        deeper = each[int(number) :] if part == "stages" else [each[int(number)]]
        expected[name] = sum(of[name] for of in deeper) / len(deeper)
    found = step_gradients(GradientEquilibrium(), network, x, targets)
    assert_alike(found, expected, rtol=1e-10, atol=1e-12)


def test_the_gradient_at_every_branch_obeys_the_recursion():
    """G_e = [g_e + (n − e) · Jᵀ G_{e+1}] / (n − e + 1), from the deepest exit up."""
    network, (x, targets) = toy(3), batch()
    steps = list(network.steps(x))
    weights = [network.stages[exit][0].weight for exit in range(3)]
    behind = None
    for exit in (2, 1, 0):
        features, left = steps[exit].features, 3 - (exit + 1)
        loss = cross_entropy(steps[exit].logits, targets)
        (here,) = torch.autograd.grad(loss, features, retain_graph=True)
        if behind is not None:
            following = steps[exit + 1].features
            (passed,) = torch.autograd.grad(following, features, behind, retain_graph=True)
            here = (here + left * passed) / (left + 1)
        behind = here
        (expected,) = torch.autograd.grad(features, weights[exit], behind, retain_graph=True)
        found = step_gradients(GradientEquilibrium(), network, x, targets)
        torch.testing.assert_close(found[f"stages.{exit}.0.weight"], expected)


def test_one_step_of_sgd_is_joint_training_at_a_learning_rate_of_its_own():
    network, (x, targets) = toy(3), batch()
    joint = step_gradients(BranchyNet(), network, x, targets)
    ours = step_gradients(GradientEquilibrium(), network, x, targets)
    for name, value in joint.items():
        part, number, *_ = name.split(".")
        rate = 1 / (3 - int(number)) if part == "stages" else 1
        torch.testing.assert_close(ours[name], rate * value, rtol=1e-6, atol=1e-9)


def test_weights_and_label_smoothing_count_in_the_loss():
    network, (x, targets) = toy(2), batch()
    method = GradientEquilibrium(exit_weights=[0.5, 2.0])
    method.label_smoothing = 0.1
    smoothed = [cross_entropy(logits, targets, label_smoothing=0.1) for logits in network(x)]
    expected = gradients(0.5 * smoothed[0] + 2.0 * smoothed[1], network)
    expected = {
        name: value / 2 if name.startswith("stages.0") else value
        for name, value in expected.items()
    }
    assert_alike(step_gradients(method, network, x, targets), expected, rtol=1e-10, atol=1e-12)


def test_logits_and_batch_statistics_are_those_of_joint_training_bit_for_bit(tmp_path):
    trainer = Trainer(tiny_dataset(), GradientEquilibrium(), 1, tiny_settings(), tmp_path / "c.pt")
    network, x, targets = trainer.network, trainer.train_x[:32], trainer.train_y[:32]
    network.train()
    start = {name: value.clone() for name, value in network.state_dict().items()}
    seen = []
    for method in (GradientEquilibrium(), BranchyNet()):
        network.load_state_dict(start)
        logits = method.forward(network, x, targets, MOMENT).logits
        seen.append([*logits, *(value.clone() for value in network.buffers())])
    assert all(torch.equal(ours, joints) for ours, joints in zip(*seen, strict=True))


def test_the_probe_logs_scaled_gradients(tmp_path):
    """Stage 1 of 3 sees a third of every exit, stage 3 the whole."""
    norms = []
    for method in (GradientEquilibrium(), BranchyNet()):
        trainer = Trainer(tiny_dataset(), method, 1, tiny_settings(), tmp_path / "c.pt")
        pairs = trainer._probe_gradients(trainer.network, 0, 1).pairs()
        norms.append({(pair.stage, pair.exit): pair.norm for pair in pairs})
    for (stage, exit), norm in norms[1].items():
        assert norms[0][stage, exit] == pytest.approx(norm / (4 - stage), rel=1e-4)
