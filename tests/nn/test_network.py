import pytest
import torch
from torch import nn

from cgt import EarlyExitNetwork, route
from cgt.nn.exits import MAX_SOFTMAX, ExitRule, KnownClasses

KNOWN = torch.tensor(
    [[True, False, False, False], [True, True, False, True], [True, True, True, True]]
)


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


@pytest.mark.parametrize("rule", [MAX_SOFTMAX, KnownClasses(KNOWN)])
@pytest.mark.parametrize("batch", [1, 7, 256])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.4, 1.0, [0.4, 0.3]])
def test_infer_agrees_with_routing_the_full_logits(batch, threshold, rule):
    net = network().eval()
    x = torch.randn(256, 5)
    expected = route(net(x), threshold, rule)
    found = [net.infer(part, threshold, rule) for part in x.split(batch)]
    for actual, wanted in zip(zip(*found, strict=True), expected, strict=True):
        assert torch.cat(actual).tolist() == wanted.tolist()


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_infer_refuses_dense_logits_whose_pixels_would_leave_apart(batch, threshold):
    net = EarlyExitNetwork([nn.Conv2d(2, 4, 1)], [nn.Conv2d(4, 3, 1)])
    with pytest.raises(ValueError, match=rf"logits of exit 1 have shape \[{batch}, 3, 5, 5\]"):
        net.infer(torch.randn(batch, 2, 5, 5), threshold)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_infer_goes_on_with_the_right_maps_in_the_same_memory_format(memory_format):
    seen = []

    class Seen(nn.Module):
        def forward(self, x):
            seen.append(x)
            return x

    head = nn.Sequential(nn.Flatten(), nn.Linear(3 * 2 * 2, 4))
    net = EarlyExitNetwork([Seen(), Seen()], [head, head]).eval()
    x = torch.randn(64, 3, 2, 2).contiguous(memory_format=memory_format)
    index, _ = net.infer(x, 0.4)
    assert 0 < (index == 0).sum() < 64
    assert torch.equal(seen[1], x[index == 1])
    assert seen[1].is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_confidence_that_is_the_threshold_leaves(batch):
    """In the precision of the network: 0.9 is a little less in float32 than in Python."""

    class Sure(ExitRule):
        def decide(self, exit, logits):
            return torch.full((len(logits),), 0.9), logits.argmax(dim=1)

    index, _ = network().infer(torch.randn(batch, 5), 0.9, Sure())
    assert index.tolist() == [0] * batch


@pytest.mark.parametrize("batch", [1, 2])
def test_answers_may_take_part_in_training(batch):
    net = network()
    _, prediction = net.infer(torch.randn(batch, 5), 0.5)
    scores = torch.randn(batch, 4, requires_grad=True)
    scores.gather(1, prediction[:, None]).sum().backward()
    assert scores.grad.sum() == batch


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


@pytest.mark.parametrize("batch", [1, 8])
def test_infer_evaluates_even_if_only_a_part_is_in_training_mode(batch):
    net = network().eval()
    norm = net.stages[1].module[1].train()
    before = norm.running_mean.clone()
    net.infer(torch.randn(batch, 5), 1.0)
    assert norm.training and torch.equal(norm.running_mean, before)


def test_a_place_for_a_module_may_be_empty():
    net = network().eval()
    net.heads[0].register_module("optional", None)
    assert len(net.infer(torch.randn(1, 5), 0.5)[0]) == 1


@pytest.mark.parametrize("rule", [MAX_SOFTMAX, KnownClasses(KNOWN)])
@pytest.mark.parametrize("batch", [1, 3])
def test_what_has_no_confidence_is_refused(batch, rule):
    x = torch.zeros(batch, 5)
    x[-1] = float("nan")
    with pytest.raises(ValueError, match="logits of the last exit hold NaN or infinity"):
        network().infer(x, 0.0, rule)


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
