import pytest
import torch
from torch import nn

from cgt import EarlyExitNetwork, route


class Counted(nn.Module):
    """Passes features on and remembers how many samples it was given."""

    def __init__(self, module):
        super().__init__()
        self.module, self.samples = module, 0

    def forward(self, x):
        self.samples += len(x)
        return self.module(x)


def network(exits=3, width=5, classes=4):
    torch.manual_seed(0)
    stages = [
        Counted(nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU()))
        for _ in range(exits)
    ]
    return EarlyExitNetwork(stages, [nn.Linear(width, classes) for _ in range(exits)])


def test_forward_gives_the_logits_of_every_exit():
    net = network()
    x = torch.randn(6, 5)
    logits = net.eval()(x)
    assert [list(exit_logits.shape) for exit_logits in logits] == [[6, 4]] * 3
    by_hand = net.heads[1](net.stages[1](net.stages[0](x)))
    torch.testing.assert_close(logits[1], by_hand)


@pytest.mark.parametrize("batch", [1, 7, 256])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.4, 1.0, [0.4, 0.3]])
def test_infer_agrees_with_routing_the_full_logits(batch, threshold):
    net = network().eval()
    x = torch.randn(batch, 5)
    expected = route(net(x), threshold)
    for actual, wanted in zip(net.infer(x, threshold), expected, strict=True):
        assert actual.tolist() == wanted.tolist()


def test_infer_computes_a_stage_only_for_the_samples_still_in():
    net = network().eval()
    x = torch.randn(64, 5)
    index, _ = net.infer(x, 0.4)
    assert 0 < (index == 0).sum() < 64
    still_in = [64, int((index > 0).sum()), int((index > 1).sum())]
    assert [stage.samples for stage in net.stages] == still_in


def test_infer_stops_when_all_have_left():
    net = network()
    net.infer(torch.randn(8, 5), 0.0)
    assert [stage.samples for stage in net.stages] == [8, 0, 0]


def test_infer_leaves_mode_and_statistics_as_they_were():
    net = network().train()
    net.heads[1].eval()
    before = net.stages[0].module[1].running_mean.clone()
    _, prediction = net.infer(torch.randn(8, 5), 0.5)
    assert net.training and net.stages[0].training and not net.heads[1].training
    assert torch.equal(net.stages[0].module[1].running_mean, before)
    assert not prediction.requires_grad


def test_prefix_and_backbone_share_their_modules():
    net = network()
    prefix, backbone = net.prefix(2), net.backbone()
    assert prefix.num_exits == 2 and prefix.stages[1] is net.stages[1]
    assert backbone.num_exits == 1 and backbone.heads[0] is net.heads[2]
    x = torch.randn(3, 5)
    net.eval()
    torch.testing.assert_close(backbone(x)[0], net(x)[2])


def test_bad_parts_are_refused():
    with pytest.raises(ValueError, match="1 stages and 2 heads; as many heads as stages"):
        EarlyExitNetwork([nn.Identity()], [nn.Identity(), nn.Identity()])
    with pytest.raises(ValueError, match="at least one"):
        EarlyExitNetwork([], [])
    with pytest.raises(ValueError, match=r"depth is 4; it must be in 1 … 3"):
        network().prefix(4)
    with pytest.raises(ValueError, match=r"threshold is 2\.0"):
        network().infer(torch.randn(2, 5), 2.0)
