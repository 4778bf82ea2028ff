"""Shallow-Deep Networks: weights by cost, which rise from epoch to epoch."""

import pytest
import torch
from phased import assert_same_weights, trainer_of
from three_exits import (
    MACS,
    assert_same,
    batch,
    begin,
    ce,
    gradients_of,
    step_gradients,
    three_exits,
)

from cgt.methods import REGISTRY
from cgt.methods.base import Moment, Pass

SDN, BranchyNet = REGISTRY["sdn"], REGISTRY["branchynet"]
SHARES = [cost / MACS[-1] for cost in MACS]


def weights(method, progress):
    logits = [torch.zeros(1, 3)] * 3
    return method.terms(Pass(logits), torch.zeros(1, dtype=torch.int64), Moment(progress)).weights[
        0
    ]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradients_of_a_step_by_hand(smoothing):
    network, (x, y) = three_exits(), batch()
    method = begin(SDN(), network, epochs=4)
    method.label_smoothing = smoothing
    first, second, last = (ce(z, y, smoothing) for z in network(x))
    a, b, _ = SHARES
    loss = (0.01 + 2 * a / 4) * first + (0.01 + 2 * b / 4) * second + last  # in epoch 2 of 4
    found = step_gradients(method, network, x, y, Moment(1.5 / 4))
    assert_same(found, gradients_of(loss, network))


@pytest.mark.parametrize("epochs", [1, 4, 100, 147])
def test_weights_are_those_of_the_epoch_at_its_every_step(epochs):
    method = begin(SDN(), three_exits(), epochs=epochs)
    for epoch in range(1, epochs + 1):
        expected = [min(c, 0.01 + epoch * c / epochs) for c in SHARES[:-1]] + [1.0]
        for step in (0, 1, 98, 99):
            found = weights(method, (epoch - 1 + step / 100) / epochs)
            torch.testing.assert_close(found, torch.tensor(expected))


def test_the_last_epoch_reaches_the_share_and_nothing_goes_beyond_it():
    method = begin(SDN(start=0.5), three_exits(), epochs=10)
    for progress in (0.0, 0.5, 0.95, 1.0):
        assert (weights(method, progress) <= torch.tensor(SHARES) + 1e-7).all()
    torch.testing.assert_close(weights(method, 0.95), torch.tensor(SHARES))
    torch.testing.assert_close(weights(method, 1.0), torch.tensor(SHARES))


def test_the_authors_shares_rise_as_in_their_code():
    """Of six exits before the last one, in the first and in the fiftieth of a hundred epochs."""
    method = SDN()
    method.shares, method.epochs = [0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0], 100
    first = [0.0115, 0.013, 0.0145, 0.016, 0.0175, 0.019, 1.0]
    fiftieth = [0.085, 0.16, 0.235, 0.31, 0.385, 0.46, 1.0]
    assert method._weights(0.0) == pytest.approx(first)
    assert method._weights(0.49) == pytest.approx(fiftieth)


def test_without_rising_it_is_joint_training_with_the_shares_of_the_cost(tmp_path):
    ours = trainer_of(SDN(start=1.0), tmp_path / "sdn", epochs=3)
    ours.run()
    macs = ours.method.macs(ours.network, (4, 5, 5))
    shares = tuple(cost / macs[-1] for cost in macs)
    assert 0 < shares[0] < shares[1] < 1
    joint = trainer_of(BranchyNet(exit_weights=shares), tmp_path / "joint", epochs=3)
    joint.run()
    assert_same_weights(ours, joint)


def test_the_history_shows_the_weights_of_each_epoch(tmp_path):
    trainer = trainer_of(SDN(), tmp_path, epochs=3)
    trainer.run()
    macs = trainer.method.macs(trainer.network, (4, 5, 5))
    for epoch, number, _, _, weight, *_ in trainer.history:
        share = macs[number - 1] / macs[-1]
        expected = 1.0 if number == 3 else min(share, 0.01 + epoch * share / 3)
        assert weight == pytest.approx(expected, rel=1e-5)


def test_weights_do_not_depend_on_how_exits_are_summed():
    """The last exit counts 1: the sum is not divided by the number of exits."""
    method = begin(SDN(), three_exits())
    assert weights(method, 0.0)[-1] == weights(method, 1.0)[-1] == 1.0


def test_without_costs_it_says_what_to_do():
    with pytest.raises(ValueError, match="costs are not known yet; call start_phase before terms"):
        weights(SDN(), 0.0)


def test_a_start_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"start is 1.5; it must be a number in \[0, 1\]"):
        SDN(start=1.5)
