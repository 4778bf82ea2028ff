"""Training passes that compute deeper stages for part of the batch."""

import pytest
import torch
from torch import nn

from cgt.methods import REGISTRY
from cgt.methods.base import Moment
from cgt.nn.losses import HardCGTLoss, SoftCGTLoss
from cgt.nn.network import EarlyExitNetwork
from cgt.nn.selective import selective_forward
from cgt.nn.terms import LossTerms


@pytest.fixture
def network() -> EarlyExitNetwork:
    torch.manual_seed(0)
    stages = [nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())]
    stages += [nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU()) for _ in range(2)]
    return EarlyExitNetwork(stages, [nn.Linear(8, 3) for _ in range(3)]).eval()


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(40, 4, generator=generator)
    y = torch.randint(3, (40,), generator=generator)
    return x, y, torch.rand(40, generator=generator)


def test_with_certain_chances_it_is_the_plain_pass(network, batch):
    x, _, draw = batch
    logits, inclusion = selective_forward(network, x, lambda _: torch.ones(40), draw)
    torch.testing.assert_close(logits, network(x), rtol=0, atol=0)
    assert inclusion.eq(1).all()


def test_who_stops_is_computed_no_further(network, batch):
    x, _, draw = batch
    seen = []
    network.stages[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[0]))
    chances = (torch.arange(40) % 4 == 0).float()
    logits, inclusion = selective_forward(network, x, lambda _: chances, draw)
    assert seen == [10]
    assert inclusion[:, 1:].eq(chances[:, None]).all()
    assert logits[1][chances == 0].eq(0).all()
    torch.testing.assert_close(logits[2][chances == 1], network(x)[2][chances == 1])


def test_nobody_may_go_on(network, batch):
    x, _, draw = batch
    network.train()
    logits, inclusion = selective_forward(network, x, lambda _: torch.zeros(40), draw)
    assert [part.abs().sum() > 0 for part in logits] == [True, False, False]
    assert inclusion.sum(dim=0).tolist() == [40, 0, 0]


def test_chances_never_rise_with_depth(network, batch):
    x, _, draw = batch
    chances = iter([torch.full((40,), 0.3), torch.full((40,), 0.9)])
    _, inclusion = selective_forward(network, x, lambda _: next(chances), draw)
    assert 0 < inclusion[:, 1].count_nonzero() < 40
    assert inclusion[:, 2].eq(inclusion[:, 1]).all()


def test_skipping_resolved_samples_leaves_the_hard_loss_as_it_is(network, batch):
    x, y, draw = batch
    network.heads[0].weight.data *= 20  # sure, so that some samples are resolved
    method = REGISTRY["hard_cgt"](tau=0.5, leak=0.0, normalize=True, skip_resolved=True)
    found = method.forward(network, x, y, Moment(0.5, 0, draw))
    assert 0 < found.inclusion[:, 1].mean() < 1
    plain = HardCGTLoss(tau=0.5, leak=0.0)(network(x), y)
    torch.testing.assert_close(method.terms(found, y, Moment(0.5)).total(), plain)


@pytest.mark.parametrize("chance", [1.0, 0.4])
def test_sampled_weights_are_right_on_average(network, batch, chance):
    x, y, _ = batch
    lambdas, leak = [1.0, 0.6, 1.0], 0.1
    method = REGISTRY["soft_cgt"](
        scale=10.0,
        leak=leak,
        normalize=False,
        exit_weights_start=lambdas,
        exit_weights_end=lambdas,
        sample_deep=chance,
    )
    draws = ((torch.arange(4000) + 0.5) / 4000).tolist()  # evenly: the mean is an integral
    total = torch.zeros(40, 3)
    with torch.no_grad():
        for value in draws:
            moment = Moment(0.0, 0, torch.full((40,), value))
            found = method.forward(network, x, y, moment)
            total += method.terms(found, y, moment).weights
            assert found.inclusion[:, 1:].max() <= chance
    loss = SoftCGTLoss(scale=10.0, leak=leak, normalize=False)
    expected = loss.weights(network(x), y, lambdas)
    torch.testing.assert_close(total / len(draws), expected, rtol=5e-3, atol=0)


def test_sampling_refuses_weights_that_need_deeper_exits():
    with pytest.raises(ValueError, match="set normalize to false"):
        REGISTRY["soft_cgt"](normalize=True, sample_deep=0.5)


def test_remaining_is_the_eligibility_of_the_next_exit(network, batch):
    x, y, _ = batch
    logits = network(x)
    for loss in (HardCGTLoss(tau=0.5), SoftCGTLoss(scale=10.0)):
        eligible = loss.terms(logits, y).eligibility
        torch.testing.assert_close(loss.next_eligibility(logits[:1], y), eligible[:, 1])
        torch.testing.assert_close(loss.next_eligibility(logits[:2], y), eligible[:, 2])


def test_history_is_of_the_samples_that_reach_an_exit():
    losses = torch.tensor([[1.0, 2.0, 3.0], [3.0, 9.0, 9.0], [5.0, 4.0, 9.0], [7.0, 9.0, 9.0]])
    eligible = torch.tensor([[1.0, 0.5, 0.4], [1.0, 0.1, 9.0], [1.0, 0.5, 0.2], [1.0, 0.1, 9.0]])
    inclusion = torch.tensor([[1.0, 0.5, 0.5], [1.0, 0.0, 0.0], [1.0, 0.5, 0.0], [1.0, 0.0, 0.0]])
    weights = torch.ones(4, 3)
    loss, weight, share = LossTerms(losses, weights, eligible).means(inclusion).tolist()
    assert loss == [4.0, 3.0, 3.0]
    assert weight == [1.0, 1.0, 1.0]
    # Exit 3's is known of two samples in four, each drawn with probability 1/2.
    assert share == pytest.approx([1.0, 0.3, (0.4 + 0.2) / 0.5 / 4])
    nobody = torch.tensor([[1.0, 0.0, 0.0]] * 4)
    assert LossTerms(losses, weights, eligible).means(nobody)[0].tolist() == [4.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("inclusion", "message"),
    [
        (torch.ones(3), r"inclusion has shape \[3\]; \[2, 3\] is needed"),
        (torch.full((2, 3), 1.5), r"inclusion holds values outside \[0, 1\]"),
    ],
)
def test_unfit_probabilities_are_refused(inclusion, message):
    with pytest.raises(ValueError, match=message):
        HardCGTLoss().terms(
            torch.zeros(3, 2, 4).unbind(), torch.zeros(2).long(), None, None, inclusion
        )


def test_drawing_that_would_let_nobody_pass_is_refused():
    weights = {"exit_weights_start": [1, 0, 1], "exit_weights_end": [1, 0, 1]}
    sampled = {"sample_deep": 0.5, "normalize": False}
    with pytest.raises(ValueError, match="leak is 0 and the weights of exit 2 are 0"):
        REGISTRY["soft_cgt"](**sampled, **weights, leak=0.0).phases(4, exits=3)
    REGISTRY["soft_cgt"](**sampled, **weights, leak=0.1).phases(4, exits=3)


def test_chances_outside_their_range_are_refused():
    with pytest.raises(ValueError, match=r"sample_deep is 2; it must be a number in \[0, 1\]"):
        REGISTRY["soft_cgt"](sample_deep=2, normalize=False)
