"""Deep Feature Surgery against its formula, written out with slices and detached copies."""

import pytest
import torch
from gradients_by_hand import MOMENT, assert_alike, batch, gradients, step_gradients, toy
from tiny import tiny_dataset, tiny_settings
from torch import nn
from torch.nn.functional import cross_entropy

from cgt import EarlyExitNetwork
from cgt.methods import REGISTRY
from cgt.networks import build
from cgt.training.loop import Trainer

DFS, BranchyNet = REGISTRY["dfs"], REGISTRY["branchynet"]
WIDTH = 5
"""Of the toy's stages."""


def by_hand(network, x, kept, exits_read):
    """Logits of each exit, with ``kept`` channels that go on learning from deeper ones."""
    logits = []
    for exit, (stage, head) in enumerate(zip(network.stages, network.heads, strict=True)):
        f = stage(x)
        if exit + 1 == len(network.stages):
            logits.append(head(f))
            break
        x = torch.cat([f[:, :kept], f[:, kept:].detach()], dim=1)
        split = torch.cat([f[:, :kept].detach(), f[:, kept:]], dim=1)
        logits.append(head(split if exits_read == "split" else f))
    return logits


@pytest.mark.parametrize("exits", [2, 3, 6])
@pytest.mark.parametrize("exits_read", ["split", "all"])
@pytest.mark.parametrize(("beta", "kept"), [(0.0, 0), (0.4, 2), (0.6, 3), (1.0, WIDTH)])
def test_one_steps_gradients_against_the_formula(beta, kept, exits_read, exits):
    network, (x, targets) = toy(exits), batch()
    loss = sum(cross_entropy(one, targets) for one in by_hand(network, x, kept, exits_read))
    found = step_gradients(DFS(beta=beta, exits_read=exits_read), network, x, targets)
    assert_alike(found, gradients(loss, network), rtol=1e-10, atol=1e-12)


def test_an_exit_and_the_deeper_ones_share_no_channel():
    """The rows of stage 1's weights: the first learn from exits 2 and 3 alone, the rest from 1."""
    network, (x, targets) = toy(3), batch()
    logits = DFS(beta=0.4).forward(network, x, targets, MOMENT).logits
    own, *deeper = (gradients(cross_entropy(one, targets), network) for one in logits)
    rows = own["stages.0.0.weight"].abs().sum(dim=1) > 0
    assert rows.tolist() == [False, False, True, True, True]
    for exit in deeper:
        rows = exit["stages.0.0.weight"].abs().sum(dim=1) > 0
        assert rows.tolist() == [True, True, False, False, False]


def test_exits_that_read_all_leave_the_first_channels_both_gradients():
    network, (x, targets) = toy(2), batch()
    logits = DFS(beta=0.4, exits_read="all").forward(network, x, targets, MOMENT).logits
    for loss in (cross_entropy(one, targets) for one in logits):
        assert gradients(loss, network)["stages.0.0.weight"][:2].abs().sum(dim=1).all()


def test_everything_passed_on_and_read_is_joint_training():
    network, (x, targets) = toy(3), batch()
    joint = step_gradients(BranchyNet(), network, x, targets)
    ours = step_gradients(DFS(beta=1.0, exits_read="all"), network, x, targets)
    assert_alike(ours, joint, rtol=1e-6, atol=1e-9)


def test_split_is_the_default_and_not_joint_training_at_either_end():
    """With β = 1 early exits train their head alone, with β = 0 each stage its own exit alone."""
    network, (x, targets) = toy(2), batch()
    joint = step_gradients(BranchyNet(), network, x, targets)["stages.0.0.weight"]
    first, last = (
        gradients(cross_entropy(one, targets), network)["stages.0.0.weight"] for one in network(x)
    )
    torch.testing.assert_close(joint, first + last)
    for beta, expected in ((1.0, last), (0.0, first)):
        found = step_gradients(DFS(beta=beta), network, x, targets)["stages.0.0.weight"]
        torch.testing.assert_close(found, expected)


KINDS = {
    "maps": ("compact_scene", (4, 5, 5), 3),
    "images": ("roomy_images", (1, 28, 28), None),
    "signals": ("roomy_signals", (1, 40), 6),
}


@pytest.mark.parametrize("exits_read", ["split", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_and_batch_statistics_are_joint_trainings_bit_for_bit(kind, exits_read):
    name, shape, exits = KINDS[kind]
    torch.manual_seed(0)
    network = build(name, shape, 3, exits).to(memory_format=torch.channels_last).train()
    x = torch.randn(16, *shape)
    x = x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
    start = {name: value.clone() for name, value in network.state_dict().items()}
    seen = []
    for method in (DFS(exits_read=exits_read), BranchyNet()):
        network.load_state_dict(start)
        logits = method.forward(network, x, None, MOMENT).logits
        seen.append([*logits, *(value.clone() for value in network.buffers())])
    assert all(torch.equal(ours, joints) for ours, joints in zip(*seen, strict=True))


def test_export_and_inference_cost_are_joint_trainings(tmp_path):
    networks, costs = [], []
    for method in (DFS(), BranchyNet()):
        trainer = Trainer(tiny_dataset(), method, 1, tiny_settings(), tmp_path / "c.pt")
        networks.append(trainer.network)
        costs.append(method.macs(trainer.network, (4, 5, 5)))
    assert type(networks[0]) is type(networks[1]) is EarlyExitNetwork
    assert costs[0] == costs[1]
    assert str(networks[0]) == str(networks[1])


class TwoMaps(nn.Module):
    """Hands on two tensors of 4 and of 2 channels, and one number for each sample."""

    def __init__(self, inputs):
        super().__init__()
        self.wide, self.narrow = nn.Linear(inputs, 4), nn.Linear(inputs, 2)

    def forward(self, x):
        x = x if isinstance(x, torch.Tensor) else torch.cat([x["wide"], x["narrow"]], dim=1)
        return {"wide": self.wide(x), "narrow": self.narrow(x), "size": x.norm(dim=1)}


class BothMaps(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 3)

    def forward(self, maps):
        return self.linear(torch.cat([maps["wide"], maps["narrow"]], dim=1))


def test_each_tensor_that_a_stage_hands_on_is_split_by_its_own_channels():
    torch.manual_seed(0)
    network = EarlyExitNetwork([TwoMaps(3), TwoMaps(6)], [BothMaps(), BothMaps()]).double()
    x, targets = batch()
    targets = targets % 3
    first, last = DFS().forward(network, x, targets, MOMENT).logits
    for loss, own in ((first, True), (last, False)):
        found = gradients(cross_entropy(loss, targets), network)
        wide = found["stages.0.wide.weight"].abs().sum(dim=1) > 0
        narrow = found["stages.0.narrow.weight"].abs().sum(dim=1) > 0
        assert wide.tolist() == [not own] * 2 + [own] * 2
        assert narrow.tolist() == [not own, own]


def test_weights_and_label_smoothing_count_in_the_loss():
    network, (x, targets) = toy(2), batch()
    method = DFS(beta=0.4, exit_weights=[0.5, 2.0])
    method.label_smoothing = 0.1
    first, last = (
        cross_entropy(logits, targets, label_smoothing=0.1)
        for logits in by_hand(network, x, 2, "split")
    )
    found = step_gradients(method, network, x, targets)
    assert_alike(found, gradients(0.5 * first + 2.0 * last, network), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beta": 1.5}, r"beta is 1\.5; it must be a number in"),
        ({"exits_read": "half"}, "exits_read is 'half'; it must be 'split' or 'all'"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DFS(**settings)
