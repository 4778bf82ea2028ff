import math

import pytest
import torch
import torch.nn.functional as F

from cgt.methods.base import Start
from cgt.methods.classynet import ClassyNet, coarse_cross_entropy, nested_classes

P = torch.tensor([[0.5, 0.2, 0.2, 0.1], [0.3, 0.2, 0.1, 0.4]])
KNOWN = torch.tensor([True, False, True, False])


def trained(known):
    method = ClassyNet()
    method.known = torch.tensor(known)
    return method


def test_classes_are_nested_and_ordered_by_validation_recall():
    targets = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    predictions = torch.tensor([0, 1, 1, 1, 0, 0, 3, 0])  # recall .5, 1, 0, .5
    known = nested_classes(predictions, targets, 4, [0.25, 0.5, 1.0])
    assert known.tolist() == [
        [False, True, False, False],
        [True, True, False, False],
        [True, True, True, True],
    ]


def test_every_exit_knows_at_least_one_class():
    known = nested_classes(torch.tensor([0]), torch.tensor([0]), 10, [0.01, 1.0])
    assert known.sum(dim=1).tolist() == [1, 10]


def test_unknown_classes_count_as_one():
    losses = coarse_cross_entropy(P.log(), torch.tensor([2, 1]), KNOWN)
    assert losses.tolist() == pytest.approx([-math.log(0.2), -math.log(0.6)], rel=1e-6)


def test_label_smoothing_spreads_over_the_groups():
    loss = coarse_cross_entropy(P[:1].log(), torch.tensor([1]), KNOWN, label_smoothing=0.3)
    other = -math.log(0.3)
    mean = -(math.log(0.5) + math.log(0.2) + math.log(0.3)) / 3
    assert loss.item() == pytest.approx(0.7 * other + 0.3 * mean, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_an_exit_that_knows_all_has_plain_cross_entropy(smoothing):
    targets = torch.tensor([3, 0])
    everything = torch.ones(4, dtype=torch.bool)
    actual = coarse_cross_entropy(P.log(), targets, everything, smoothing)
    expected = F.cross_entropy(P.log(), targets, reduction="none", label_smoothing=smoothing)
    torch.testing.assert_close(actual, expected)


def test_an_exit_answers_only_with_classes_that_it_knows():
    method = trained([[True, False, True, False], [True] * 4])
    confidence, prediction = method.decide(P.log().expand(2, 2, 4))
    assert prediction.tolist() == [[0, 0], [0, 3]]
    # Sample 1: class 0 (.5) beats "another class" (.3). Sample 2: .3 does not beat .6.
    torch.testing.assert_close(confidence, torch.tensor([[0.5, 0.0], [0.5, 0.4]]))


def test_warm_up_is_joint_then_the_classes_come_from_validation():
    method = ClassyNet(warmup=0.5, class_share=[0.5])
    assert [phase.epochs for phase in method.phases(6, exits=2)] == [3, 3]
    logits = torch.tensor([[[5.0, 0], [5, 0], [5, 0]]]).repeat(2, 1, 1)

    def validate():
        return logits, torch.tensor([0, 0, 1])

    method.start_phase(0, Start(None, validate, None))
    assert method.known is None
    method.start_phase(1, Start(None, validate, None))
    assert method.known.tolist() == [[True, False], [True, True]]


def test_state_survives_a_restart():
    method, restarted = trained([[True, False], [True, True]]), ClassyNet()
    restarted.load_state(method.state())
    assert torch.equal(restarted.known, method.known)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"warmup": 1.0}, r"warmup is 1\.0; it must lie between 0 and 1"),
        (
            {"class_share": [0.7, 0.4]},
            r"class_share is \[0\.7, 0\.4\]; it must rise within \(0, 1\]",
        ),
        ({"class_share": [0.0, 0.4]}, "it must rise within"),
    ],
)
def test_bad_hyperparameters_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ClassyNet(**arguments).phases(4, exits=3)


def test_class_share_must_fit_the_exits():
    with pytest.raises(ValueError, match=r"class_share is .*; allowed are a list of 2 numbers"):
        ClassyNet(class_share=[0.5]).phases(4, exits=3)
