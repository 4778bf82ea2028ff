"""Mixed: two phases, each checked against training that is written out or known."""

import pytest
import torch
from phased import (
    assert_same_weights,
    assert_trunk_is_that_of_a_single_exit,
    belongs,
    moved,
    state_of,
    trainer_of,
)
from three_exits import assert_same, batch, ce, gradients_of, step_gradients, three_exits

from cgt.methods import REGISTRY
from cgt.methods.base import Moment

Mixed, BranchyNet = REGISTRY["mixed"], REGISTRY["branchynet"]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradients_of_a_step_by_hand(smoothing):
    network, (x, y) = three_exits(), batch()
    method = Mixed()
    method.label_smoothing = smoothing
    losses = [ce(z, y, smoothing) for z in network(x)]
    expected = gradients_of(losses[2], network), gradients_of(sum(losses) / 3, network)
    for phase, of_phase in enumerate(expected):
        assert_same(step_gradients(method, network, x, y, Moment(0.5, phase)), of_phase)


def test_without_a_first_phase_it_is_joint_training(tmp_path):
    runs = [
        trainer_of(method, tmp_path / str(number))
        for number, method in enumerate([Mixed(first_share=0), BranchyNet(exit_weights=1 / 3)])
    ]
    for run in runs:
        run.run()
    assert_same_weights(*runs)


def test_the_trunk_is_first_trained_as_a_single_exit_is(tmp_path):
    assert_trunk_is_that_of_a_single_exit(trainer_of(Mixed(), tmp_path / "mixed"), tmp_path)


def test_the_second_phase_is_joint_training_from_there_with_nothing_left_of_the_optimiser(
    tmp_path, monkeypatch
):
    mixed = trainer_of(Mixed(), tmp_path / "mixed", epochs=5)
    first, second = mixed.phases
    mixed._run_phase(0, first, None)
    middle = state_of(mixed)
    joint = trainer_of(BranchyNet(exit_weights=1 / 3), tmp_path / "joint", epochs=second.epochs)
    joint.network.load_state_dict(middle)
    batches = joint._batches
    monkeypatch.setattr(joint, "_batches", lambda epoch: batches(epoch + first.epochs))
    mixed._run_phase(1, second, None)
    joint.run()
    assert_same_weights(mixed, joint)
    assert moved(middle, state_of(mixed)) == set(middle)


def test_early_heads_are_fresh_and_the_last_one_is_kept(tmp_path):
    """At the first step of phase 2, whatever was drawn or trained before."""
    trainer = trainer_of(Mixed(), tmp_path)
    drawn, met = state_of(trainer), []
    trainer._run_phase(0, trainer.phases[0], None)
    trained, start = state_of(trainer), trainer.method.start_phase
    trainer.method.start_phase = lambda *given: (met.append(state_of(trainer)), start(*given))
    trainer._run_phase(1, trainer.phases[1], None)
    for name, value in met[0].items():
        early = belongs(name, heads=(0, 1))
        assert torch.equal(value, (drawn if early else trained)[name]), name


@pytest.mark.parametrize(
    ("share", "epochs", "parts"),
    [(0.5, 200, [100, 100]), (0.25, 200, [50, 150]), (0, 7, [7]), (0.9, 2, [1, 1])],
)
def test_all_phases_share_the_epochs_that_others_have(share, epochs, parts):
    phases = Mixed(first_share=share).phases(epochs, exits=4)
    for mine, wanted in zip(phases, parts, strict=True):
        assert abs(mine.epochs - wanted) <= 1
    assert sum(phase.epochs for phase in phases) == epochs


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_shares_out_of_range_are_refused(share):
    with pytest.raises(
        ValueError, match=f"first_share is {share}; it must be at least 0 and below"
    ):
        Mixed(first_share=share)
