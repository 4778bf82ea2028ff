"""Learning without Forgetting: exits added one by one, against formulas written out."""

from copy import deepcopy

import pytest
import torch
from phased import (
    answers,
    assert_same_weights,
    assert_trunk_is_that_of_a_single_exit,
    belongs,
    moved,
    state_of,
    trainer_of,
)
from three_exits import (
    assert_same,
    batch,
    begin,
    ce,
    gradients_of,
    log_p,
    step_gradients,
    three_exits,
)

from cgt.methods import REGISTRY
from cgt.methods.base import Method, Moment, Pass, Phase
from cgt.training.loop import _freeze_all_but

LwF = REGISTRY["lwf"]


def kl(z, before):
    """From today's answers to those before; the expectation is over today's."""
    now = log_p(z)
    return (now.exp() * (now - log_p(before))).sum(dim=1).mean()


def changed(network):
    """A copy whose weights have moved a little."""
    other = deepcopy(network)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for one in other.parameters():
            one += 0.1 * torch.randn(one.shape, generator=generator, dtype=one.dtype)
    return other


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradients_of_a_step_by_hand(smoothing):
    before, (x, y) = three_exits(), batch()
    old = [z.detach() for z in before(x)]
    method = LwF(rho=0.7)
    method.label_smoothing = smoothing
    for number, phase in enumerate(method.phases(6, exits=3)):
        begin(method, before, number)
        network = changed(before)
        now = network(x)
        losses = (
            ce(now[2], y, smoothing),
            ce(now[0], y, smoothing) + 0.7 * kl(now[2], old[2]),
            ce(now[1], y, smoothing) + 0.7 * (kl(now[0], old[0]) + kl(now[2], old[2])),
        )
        expected = gradients_of(losses[number], network)
        _freeze_all_but(network, phase)
        found = step_gradients(method, network, x, y, Moment(0.5, number))
        learning = {
            name: gradient
            for name, gradient in expected.items()
            if belongs(name, phase.stages, phase.heads)
        }
        assert set(found) <= set(learning)
        assert_same(found, learning)


def test_the_expectation_is_over_todays_answers():
    """The divergence is not symmetric; the other way round it is another number."""
    z, old = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([[0.0, 0.5, 0.0]])
    logits = Pass([torch.zeros(1, 3), z, z], extra={"before": [old] * 3})
    found = LwF().terms(logits, torch.tensor([0]), Moment(0.5, 1)).losses[0, 2]
    torch.testing.assert_close(found, kl(z, old))
    assert abs(float(found - kl(old, z))) > 0.1


def test_a_sum_over_classes_and_a_mean_over_the_batch():
    z, old = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0)).unbind()

    def loss(z, old):
        found = Pass([z, z, z], extra={"before": [old] * 3})
        terms = LwF().terms(found, torch.zeros(len(z), dtype=torch.int64), Moment(0.5, 1))
        return (terms.losses * terms.weights).mean(dim=0)[2]

    torch.testing.assert_close(loss(torch.cat([z, z]), torch.cat([old, old])), loss(z, old))
    never = torch.full((4, 1), -80.0)
    wider = torch.cat([z, never], dim=1), torch.cat([old, never], dim=1)
    torch.testing.assert_close(loss(*wider), loss(z, old))


def test_each_phase_moves_its_stages_and_its_head_and_nothing_else(tmp_path):
    trainer = trainer_of(LwF(), tmp_path, epochs=6)
    for number, phase in enumerate(trainer.phases):
        before = state_of(trainer)
        trainer._run_phase(number, phase, None)
        stages, head = [((0, 1, 2), 2), ((0,), 0), ((0, 1), 1)][number]
        assert moved(before, state_of(trainer)) == {
            name for name in before if belongs(name, stages, (head,))
        }


def test_the_trunk_is_first_trained_as_a_single_exit_is(tmp_path):
    assert_trunk_is_that_of_a_single_exit(trainer_of(LwF(), tmp_path / "lwf"), tmp_path)


def test_the_teacher_is_the_network_as_each_phase_finds_it(tmp_path):
    trainer = trainer_of(LwF(), tmp_path, epochs=6)
    teachers = []
    for number, phase in enumerate(trainer.phases):
        found = state_of(trainer)
        trainer._run_phase(number, phase, None)
        teacher = trainer.method.teacher
        teachers.append(teacher)
        if number == 0:
            assert teacher is None
            continue
        assert not moved(found, teacher.state_dict())  # nor have its statistics moved since
        assert not any(module.training for module in teacher.modules())
        assert not any(one.requires_grad for one in teacher.parameters())
    assert moved(teachers[1].state_dict(), teachers[2].state_dict())


class Sequential(Method):
    """Exits one by one, with nothing to keep what is there."""

    def phases(self, epochs, exits):
        assert (epochs, exits) == (6, 3)
        return (
            Phase(2, 3, stages=(0, 1, 2), heads=(2,)),
            Phase(2, 3, stages=(0,), heads=(0,), judged=((0, 2),)),
            Phase(2, 3, stages=(0, 1), heads=(1,), judged=((0, 1, 2),)),
        )

    def terms(self, found, targets, moment):
        weights = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]][moment.phase]
        return self.weighted(found.logits, targets, weights)


def test_with_weight_0_it_is_plain_sequential_training(tmp_path):
    runs = [
        trainer_of(method, tmp_path / type(method).__name__, epochs=6)
        for method in (LwF(rho=0.0, warmup=0.5), Sequential())
    ]
    for run in runs:
        run.run()
    assert [phase.epochs for phase in runs[0].phases] == [2, 2, 2]
    assert_same_weights(*runs)


def test_answers_that_are_kept_change_less(tmp_path):
    """What the method is for: the last exit, whose stages move below it, stays closer."""
    changes = []
    for rho in (0.0, 5.0):
        trainer = trainer_of(LwF(rho=rho), tmp_path / str(rho), epochs=6)
        trainer._run_phase(0, trainer.phases[0], None)
        before = answers(trainer)[-1]
        for number in (1, 2):
            trainer._run_phase(number, trainer.phases[number], None)
        changes.append(float(kl(answers(trainer)[-1], before)))
    assert changes[1] < 0.5 * changes[0]


def test_all_exits_are_measured_at_the_end(tmp_path):
    """The last head is frozen from phase 1 on, but what it is given moves: so do its answers."""
    trainer = trainer_of(LwF(), tmp_path, epochs=6)
    trainer._run_phase(0, trainer.phases[0], None)
    before = trainer._predict(trainer.data.val).logits[-1]
    for number in (1, 2):
        trainer._run_phase(number, trainer.phases[number], None)
    after = trainer._predict(trainer.data.val).logits
    for told, logits in zip(after, answers(trainer), strict=True):
        torch.testing.assert_close(torch.from_numpy(told), logits)
    assert abs(after[-1] - before).max() > 1e-3


@pytest.mark.parametrize("exits", [2, 3, 6])
def test_phases_go_from_shallow_to_deep_and_share_the_epochs(exits):
    first, *added = LwF().phases(30, exits)
    assert first.epochs + sum(phase.epochs for phase in added) == 30
    assert first.stages == tuple(range(exits)) and first.heads == (exits - 1,)
    assert [phase.heads for phase in added] == [(exit,) for exit in range(exits - 1)]
    for phase in added:
        assert phase.stages == tuple(range(phase.heads[0] + 1))
        assert phase.judged == ((*phase.stages, exits - 1),)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rho": -1.0}, "rho is -1.0; it must be a finite number >= 0"),
        ({"warmup": 0.0}, "warmup is 0.0; it must lie between 0 and 1"),
        ({"warmup": 1.0}, "warmup is 1.0; it must lie between 0 and 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        LwF(**settings)
