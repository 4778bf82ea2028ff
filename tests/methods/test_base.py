import pytest
import torch

from cgt import HardCGTLoss, SoftCGTLoss
from cgt.methods import REGISTRY
from cgt.methods.base import Moment, Pass, schedule, split_epochs

LOGITS = [torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[3.0, 0.0], [1.0, 0.0]])]
TARGETS = torch.tensor([0, 0])


@pytest.mark.parametrize(
    ("epochs", "shares", "parts"),
    [
        (9, [1, 1, 1], [3, 3, 3]),
        (8, [1, 1, 2], [2, 2, 4]),
        (8, [1, 1, 1], [3, 3, 2]),
        (3, [1, 1, 100], [1, 1, 1]),
        (10, [0.3, 0.7], [3, 7]),
    ],
)
def test_epochs_are_split_in_whole_numbers_that_add_up(epochs, shares, parts):
    assert split_epochs(epochs, shares) == parts


def test_too_few_epochs_are_refused():
    with pytest.raises(ValueError, match="epochs is 2; this method trains in 3 phases"):
        split_epochs(2, [1, 1, 1])


def test_lambda_runs_on_a_straight_line():
    assert schedule([1.0, 0.0], [0.0, 4.0], 2, 0.25) == [0.75, 1.0]
    assert schedule("falling", "rising", 2, 0.5) == [0.75, 0.75]


def test_branchynets_weights_may_move_on_a_straight_line():
    logits, targets = [torch.zeros(4, 3)] * 3, torch.zeros(4, dtype=torch.int64)
    moving = REGISTRY["branchynet"](exit_weights=[1.0, 0.6, 0.2], exit_weights_end="rising")
    for progress, due in (
        (0, [1, 0.6, 0.2]),
        (0.25, [5 / 6, 37 / 60, 0.4]),
        (1, [1 / 3, 2 / 3, 1]),
    ):
        weights = moving.terms(Pass(logits), targets, Moment(progress)).weights
        assert weights.tolist() == [pytest.approx(due)] * 4


def test_hard_cgt_whose_gate_never_closes_is_branchynet_at_its_schedule():
    torch.manual_seed(0)
    logits, targets = (
        [torch.randn(8, 3, dtype=torch.float64) for _ in range(3)],
        torch.arange(8) % 3,
    )
    lambdas = {"exit_weights_start": [1.0, 0.6, 0.2], "exit_weights_end": [0.2, 0.6, 1.0]}
    gated = REGISTRY["hard_cgt"](tau=1.0, leak=0.0, normalize=False, **lambdas)
    joint = REGISTRY["branchynet"](exit_weights=[1.0, 0.6, 0.2], exit_weights_end=[0.2, 0.6, 1.0])
    for progress in (0.0, 0.3, 1.0):
        terms = [one.terms(Pass(logits), targets, Moment(progress)) for one in (gated, joint)]
        torch.testing.assert_close(terms[0].weights, terms[1].weights)
        torch.testing.assert_close(terms[0].total(), terms[1].total())


def test_branchynet_weighs_every_sample_alike():
    terms = REGISTRY["branchynet"](exit_weights=[1.0, 0.3]).terms(
        Pass(LOGITS), TARGETS, Moment(0.5)
    )
    assert terms.weights.tolist() == [[1.0, pytest.approx(0.3)]] * 2
    assert terms.eligibility.tolist() == [[1.0, 1.0]] * 2
    by_hand = (terms.losses[:, 0] + 0.3 * terms.losses[:, 1]).mean()
    torch.testing.assert_close(terms.total(), by_hand)


def test_cascade_trains_one_stage_after_the_other():
    method = REGISTRY["cascade"]()
    phases = method.phases(9, 3)
    assert [(p.epochs, p.exits, p.stages) for p in phases] == [
        (3, 1, (0,)),
        (3, 2, (1,)),
        (3, 3, (2,)),
    ]
    assert method.terms(Pass(LOGITS), TARGETS, Moment(0.0)).weights.tolist() == [[0.0, 1.0]] * 2


def test_cascade_needs_a_share_for_every_exit():
    with pytest.raises(ValueError, match=r"epoch_share is .*; allowed are a list of 2 numbers"):
        REGISTRY["cascade"](epoch_share=[1.0, 1.0, 1.0]).phases(9, 2)


@pytest.mark.parametrize(
    ("name", "loss", "settings"),
    [
        ("hard_cgt", HardCGTLoss, {"tau": 0.7, "leak": 0.01, "normalize": False}),
        ("soft_cgt", SoftCGTLoss, {"tau": 0.7, "scale": 4.0, "leak": 0.01, "gate": "sigmoid"}),
        ("soft_cgt", SoftCGTLoss, {"gate": "residual"}),
    ],
)
def test_gated_methods_are_the_public_losses_with_a_schedule(name, loss, settings):
    method = REGISTRY[name](**settings, exit_weights_start=[1.0, 0.0], exit_weights_end=[0.0, 1.0])
    method.label_smoothing = 0.1
    expected = loss(**settings, label_smoothing=0.1)(LOGITS, TARGETS, [0.75, 0.25])
    torch.testing.assert_close(method.terms(Pass(LOGITS), TARGETS, Moment(0.25)).total(), expected)
