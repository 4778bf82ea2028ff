"""Self-distillation by the logits, against its formula written out."""

import pytest
import torch
from phased import assert_same_weights, trainer_of
from three_exits import assert_same, batch, ce, gradients_of, log_p, step_gradients, three_exits

from cgt.methods import REGISTRY
from cgt.methods.base import Moment, Pass

SelfDistillation, BranchyNet = REGISTRY["self_distillation"], REGISTRY["branchynet"]


def by_hand(logits, y, a, t, smoothing=0.0):
    teacher = log_p(logits[-1] / t).exp().detach()
    soft = [-(teacher * log_p(z / t)).sum(dim=1).mean() for z in logits[:-1]]
    return (1 - a) * sum(ce(z, y, smoothing) for z in logits) + a * t**2 * sum(soft)


@pytest.mark.parametrize(("a", "t", "smoothing"), [(0.1, 3.0, 0.0), (0.6, 1.5, 0.0), (0.3, 2, 0.1)])
def test_loss_and_gradients_of_a_step_by_hand(a, t, smoothing):
    network, (x, y) = three_exits(), batch()
    method = SelfDistillation(distillation=a, temperature=t)
    method.label_smoothing = smoothing
    expected = by_hand(network(x), y, a, t, smoothing)
    found = method.terms(Pass(network(x)), y, Moment(0.0)).total()
    torch.testing.assert_close(found, expected)
    assert_same(step_gradients(method, network, x, y, Moment(0.0)), gradients_of(expected, network))


def test_published_values_are_the_defaults():
    network, (x, y) = three_exits(), batch()
    found = SelfDistillation().terms(Pass(network(x)), y, Moment(0.0)).total()
    torch.testing.assert_close(found, by_hand(network(x), y, 0.1, 3.0))


def test_the_teacher_gets_no_gradient_from_its_pupils():
    """The last head learns from labels alone, at 1 − a of its own cross-entropy."""
    network, (x, y) = three_exits(), batch()
    found = step_gradients(SelfDistillation(distillation=0.4), network, x, y, Moment(0.0))
    plain = gradients_of(ce(network(x)[-1], y), network)
    torch.testing.assert_close(found["heads.2.weight"], 0.6 * plain["heads.2.weight"])


def test_a_sum_over_classes_and_a_mean_over_the_batch():
    """The same samples twice, or a class that nobody thinks of, change nothing."""
    network, (x, y) = three_exits(), batch()
    method, logits = SelfDistillation(distillation=0.9), [z.detach() for z in network(x)]

    def total(logits, y):
        return method.terms(Pass(logits), y, Moment(0.0)).total()

    torch.testing.assert_close(
        total([torch.cat([z, z]) for z in logits], torch.cat([y, y])), total(logits, y)
    )
    never = torch.full((len(y), 1), -1e4, dtype=torch.float64)
    torch.testing.assert_close(
        total([torch.cat([z, never], dim=1) for z in logits], y), total(logits, y)
    )


def test_pupils_that_agree_with_the_teacher_have_nothing_to_learn_from_it():
    z = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logits = [z.clone().requires_grad_() for _ in range(3)]
    y = torch.tensor([0, 1, 2, 3, 0])
    SelfDistillation(distillation=0.5).terms(Pass(logits), y, Moment(0.0)).total().backward()
    torch.testing.assert_close(logits[0].grad, logits[2].grad)  # the cross-entropy's alone


def test_without_distillation_it_is_joint_training(tmp_path):
    runs = [
        trainer_of(method, tmp_path / str(number), epochs=3)
        for number, method in enumerate([SelfDistillation(distillation=0), BranchyNet()])
    ]
    for run in runs:
        run.run()
    assert_same_weights(*runs)


@pytest.mark.parametrize("exits", [2, 6])
def test_any_number_of_exits(exits):
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(4, 3, generator=generator, dtype=torch.float64) for _ in range(exits)]
    y = torch.tensor([0, 1, 2, 0])
    found = SelfDistillation().terms(Pass(logits), y, Moment(0.0)).total()
    torch.testing.assert_close(found, by_hand(logits, y, 0.1, 3.0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"distillation": 1.0}, "distillation is 1.0; it must be at least 0 and below 1"),
        ({"temperature": 0.0}, "temperature is 0.0; it must be a finite number > 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SelfDistillation(**settings)
