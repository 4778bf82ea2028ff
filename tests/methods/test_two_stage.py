"""Two-stage training: an ordinary network first, then heads that cannot harm it."""

import pytest
import torch
from phased import (
    answers,
    assert_trunk_is_that_of_a_single_exit,
    belongs,
    moved,
    state_of,
    trainer_of,
)
from three_exits import assert_same, batch, ce, gradients_of, step_gradients, three_exits

from cgt.methods import REGISTRY
from cgt.methods.base import Moment
from cgt.training.loop import _freeze_all_but

TwoStage = REGISTRY["two_stage"]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradients_of_a_step_by_hand(smoothing):
    network, (x, y) = three_exits(), batch()
    method = TwoStage()
    method.label_smoothing = smoothing
    losses = [ce(z, y, smoothing) for z in network(x)]
    expected = [
        gradients_of(losses[2], network),
        gradients_of((losses[0] + losses[1]) / 2, network),
    ]
    for number, phase in enumerate(method.phases(4, exits=3)):
        _freeze_all_but(network, phase)
        found = step_gradients(method, network, x, y, Moment(0.5, number))
        learning = {
            name: gradient
            for name, gradient in expected[number].items()
            if belongs(name, phase.stages, phase.heads)
        }
        assert set(found) <= set(learning)
        assert_same(found, learning)


def test_the_trunk_is_first_trained_as_a_single_exit_is(tmp_path):
    assert_trunk_is_that_of_a_single_exit(trainer_of(TwoStage(), tmp_path / "ours"), tmp_path)


def test_the_second_stage_moves_early_heads_and_nothing_else_statistics_included(tmp_path):
    trainer = trainer_of(TwoStage(), tmp_path, epochs=6)
    trainer._run_phase(0, trainer.phases[0], None)
    before = state_of(trainer)
    trainer._run_phase(1, trainer.phases[1], None)
    assert any("running_mean" in name for name in before)
    assert moved(before, state_of(trainer)) == {
        name for name in before if belongs(name, heads=(0, 1))
    }


def test_the_last_exit_answers_as_before_the_early_ones_were_added(tmp_path):
    trainer = trainer_of(TwoStage(), tmp_path)
    trainer._run_phase(0, trainer.phases[0], None)
    before = answers(trainer)[-1]
    trainer._run_phase(1, trainer.phases[1], None)
    assert torch.equal(answers(trainer)[-1], before)


def test_each_early_head_keeps_its_own_best_epoch(tmp_path, monkeypatch):
    trainer = trainer_of(TwoStage(first_share=0.1), tmp_path)
    trainer._run_phase(0, trainer.phases[0], None)
    assert trainer.phases[1].epochs == 3
    accuracies = iter([[0.9, 0.1, 0.5], [0.2, 0.8, 0.5], [0.3, 0.4, 0.5]])
    states = []

    def validate(*_):
        states.append(state_of(trainer))
        accuracy = torch.tensor(next(accuracies), dtype=torch.float64)
        return accuracy, torch.ones_like(accuracy)

    monkeypatch.setattr(trainer, "_validate", validate)
    trainer._run_phase(1, trainer.phases[1], None)
    kept = state_of(trainer)
    for name, value in kept.items():
        for head, best in enumerate((0, 1)):
            if belongs(name, heads=(head,)):
                assert torch.equal(value, states[best][name]), name
    assert moved(states[0], states[1]) and moved(states[1], states[2])


@pytest.mark.parametrize("exits", [2, 3, 6])
def test_all_phases_share_the_epochs_that_others_have(exits):
    first, second = TwoStage(first_share=0.75).phases(22, exits)
    assert (first.epochs, second.epochs) == (16, 6)  # one each, and three quarters of 20
    assert first.heads == (exits - 1,)
    assert second.judged == tuple((exit,) for exit in range(exits - 1))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shares_out_of_range_are_refused(share):
    with pytest.raises(ValueError, match=f"first_share is {share}; it must lie between 0 and 1"):
        TwoStage(first_share=share)
