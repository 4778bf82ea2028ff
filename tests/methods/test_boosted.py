"""BoostNet against its formula, and joint training where nothing is carried or rescaled."""

import numpy as np
import pytest
import torch
from gradients_by_hand import CLASSES, assert_alike, batch, gradients, step_gradients, toy
from tiny import tiny_dataset, tiny_settings
from torch.nn.functional import cross_entropy, one_hot

from cgt import route
from cgt.deploy.export import write_network
from cgt.deploy.runtime import Deployed
from cgt.methods import REGISTRY
from cgt.nn.cost import cumulative_macs
from cgt.nn.exits import MAX_SOFTMAX
from cgt.training.loop import Trainer
from cgt.training.model_io import load_run

Boosted, BranchyNet = REGISTRY["boosted"], REGISTRY["branchynet"]

THRESHOLD = 0.42


def outputs(network, x):
    """What each head gives by itself."""
    given = []
    for stage, head in zip(network.stages, network.heads, strict=True):
        x = stage(x)
        given.append(head(x))
    return given


@pytest.mark.parametrize("reweight", [0.0, 0.25, 0.5, 1.0])
def test_an_exits_logits_are_the_weighted_sum_of_all_heads_so_far(reweight):
    network, (x, _) = toy(4), batch()
    heads = outputs(network, x)
    boosted = Boosted(reweight=reweight).network(network)
    for e, logits in enumerate(boosted(x)):
        expected = sum(reweight ** (e - j) * heads[j] for j in range(e + 1))
        torch.testing.assert_close(logits, expected)


@pytest.mark.parametrize("rescaled", [True, False])
@pytest.mark.parametrize("reweight", [0.5, 1.0])
def test_one_steps_gradients_against_the_formula(reweight, rescaled):
    plain, (x, targets) = toy(3), batch()
    heads = outputs(plain, x)
    each, before = [], torch.zeros_like(heads[0])
    for given in heads:
        each.append(gradients(cross_entropy(given + reweight * before, targets), plain))
        before = (given + reweight * before).detach()
    expected = {}
    for name in each[0]:
        part, number, *_ = name.split(".")
        behind = 3 - int(number) if part == "stages" and rescaled else 1
        expected[name] = sum(of[name] for of in each) / behind
    method = Boosted(reweight=reweight, rescale_gradients=rescaled)
    found = step_gradients(method, method.network(plain), x, targets)
    assert_alike(found, expected, rtol=1e-10, atol=1e-12)


def test_a_heads_gradient_is_the_residual_of_the_exits_together():
    """Closed form for a linear head: its weights' gradient is (softmax F_e − y)ᵀ features."""
    plain, (x, targets) = toy(2), batch()
    boosted = Boosted()
    found = step_gradients(boosted, boosted.network(plain), x, targets)
    with torch.no_grad():
        first, second = outputs(plain, x)
        residual = (second + 0.5 * first).softmax(dim=1) - one_hot(targets, CLASSES)
        features = plain.stages[1](plain.stages[0](x))
    torch.testing.assert_close(found["heads.1.weight"], residual.T @ features / len(x))


def test_nothing_carried_and_nothing_rescaled_is_joint_training():
    network, (x, targets) = toy(3), batch()
    joint = step_gradients(BranchyNet(), network, x, targets)
    method = Boosted(reweight=0.0, rescale_gradients=False)
    ours = step_gradients(method, method.network(network), x, targets)
    assert_alike(ours, joint, rtol=1e-6, atol=1e-9)


def test_no_gradient_passes_through_what_is_carried():
    network, (x, targets) = toy(2), batch()
    boosted = Boosted(rescale_gradients=False).network(network)
    last = cross_entropy(boosted(x)[-1], targets)
    found = gradients(last, boosted)
    assert not found["heads.0.weight"].any() and found["heads.1.weight"].any()


def test_rescaling_is_part_of_the_method_and_divides_what_a_stage_gets():
    network, (x, targets) = toy(3), batch()
    norms = []
    for method in (Boosted(), Boosted(rescale_gradients=False)):
        found = step_gradients(method, method.network(network), x, targets)
        norms.append([found[f"stages.{e}.0.weight"].norm() for e in range(3)])
    ratios = [float(whole / mean) for mean, whole in zip(*norms, strict=True)]
    assert ratios == pytest.approx([3.0, 2.0, 1.0])


@pytest.mark.parametrize("reweight", [0.5, 0.9])
def test_the_device_gets_the_carried_logits_and_costs_stay(reweight, tmp_path):
    """A stage's export that did not hand F_{e−1} on would answer by its head alone."""
    method = Boosted(reweight=reweight)
    trainer = Trainer(tiny_dataset(), method, 1, tiny_settings(), tmp_path / "c.pt")
    network, x = trainer.network.eval(), trainer.val_x  # untrained: heads disagree
    with torch.inference_mode():
        index, prediction = route(network(x), THRESHOLD)
        alone = torch.stack(outputs(network, x)).argmax(dim=2)
    assert index.unique().numel() > 1
    assert (alone.gather(0, index[None])[0] != prediction).any()
    found = network.infer(x, THRESHOLD)
    write_network(tmp_path, network, MAX_SOFTMAX, THRESHOLD, input_shape=(4, 5, 5), about={})
    device = Deployed(tmp_path).infer(x.numpy())
    for there, here in ((found[0], index), (found[1], prediction)):
        assert torch.equal(there, here)
    assert np.array_equal(device[0], index) and np.array_equal(device[1], prediction)
    joint = Trainer(tiny_dataset(), BranchyNet(), 1, tiny_settings(), tmp_path / "d.pt").network
    assert method.macs(network, (4, 5, 5)) == cumulative_macs(joint, (4, 5, 5))


def test_a_saved_run_carries_with_its_own_weight(tmp_path):
    method = Boosted(reweight=0.8)
    trainer = Trainer(tiny_dataset(), method, 1, tiny_settings(epochs=1), tmp_path / "c.pt")
    trainer.write(tmp_path / "run")
    weights = tmp_path / "run/model.safetensors"
    again = load_run(weights, trainer.data, Boosted(reweight=0.8), "compact_scene")
    with torch.inference_mode():
        expected = trainer.network.eval()(trainer.val_x)
        assert all(torch.equal(*pair) for pair in zip(again(trainer.val_x), expected, strict=True))


@pytest.mark.parametrize("reweight", [-0.1, 1.1, "half"])
def test_a_weight_out_of_range_is_refused(reweight):
    with pytest.raises(ValueError, match=r"reweight is .*; it must be a number in"):
        Boosted(reweight=reweight)
