"""What would not answer on a device as in torch is refused at the export, by its stage's file."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cgt import EarlyExitNetwork
from cgt.deploy.export import write_network
from cgt.deploy.runtime import Deployed
from cgt.nn.exits import MAX_SOFTMAX, ExitRule


class SizeAsNumber(nn.Module):
    def forward(self, x):
        return x.reshape(len(x), -1) * 1.0


class ScaledBySize(nn.Module):
    def forward(self, x):
        return x / int(x.shape[0])


class LoopOverBatch(nn.Module):
    def forward(self, x):
        return torch.stack([row * 2 for row in x])


class SumOfRows(nn.Module):
    """The loop's length is a constant of the file, its output's shape is not."""

    def forward(self, x):
        total = torch.zeros_like(x[0])
        for row in x:
            total = total + row
        return x + total


class BranchOnValues(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x * 3


class LoopOnValues(nn.Module):
    def forward(self, x):
        for _ in range(int(x.abs().max().item())):
            x = x * 1.5
        return x


class Drops(nn.Module):
    def forward(self, x):
        return F.dropout(x, 0.5, training=True)


class Noisy(nn.Module):
    def forward(self, x):
        return x + torch.randn(x.shape)


class ConstantOfTheTrace(nn.Module):
    def forward(self, x):
        return x + torch.tensor(x[0].tolist())


TRAPS = (
    *(SizeAsNumber, ScaledBySize, LoopOverBatch, SumOfRows, BranchOnValues, LoopOnValues),
    *(Drops, Noisy, ConstantOfTheTrace),
)


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("where", [1, 2, "head 2"])
def test_what_becomes_a_constant_of_the_file_is_refused_by_its_stage(trap, where, tmp_path):
    torch.manual_seed(0)
    stages = [nn.Linear(5, 5) for _ in range(3)]
    heads = [nn.Linear(5, 3) for _ in range(3)]
    number = 2 if where == "head 2" else where
    changed = heads if where == "head 2" else stages
    changed[number - 1] = nn.Sequential(trap(), changed[number - 1])
    net = EarlyExitNetwork(stages, heads).eval()
    with pytest.raises(ValueError, match=rf"stage {number} cannot be .*stage_{number}\.onnx"):
        write_network(tmp_path, net, MAX_SOFTMAX, 0.5, input_shape=(5,), about={})
    assert not list(tmp_path.iterdir())


def test_dropout_and_batch_norm_in_training_mode_are_exported_in_evaluation_mode(tmp_path):
    torch.manual_seed(0)
    stage = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
    net = EarlyExitNetwork([stage, nn.Linear(8, 8)], [nn.Linear(8, 3), nn.Linear(8, 3)]).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    write_network(tmp_path, net, MAX_SOFTMAX, 0.5, input_shape=(5,), about={})
    assert net.training and stage[2].training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    x = torch.randn(20, 5)
    index, prediction = net.infer(x, 0.5)
    found = Deployed(tmp_path).infer(x.numpy())
    assert found[0].tolist() == index.tolist() and found[1].tolist() == prediction.tolist()


def test_the_export_leaves_the_random_numbers_as_they_were(small, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    write_network(tmp_path, small, MAX_SOFTMAX, 0.5, input_shape=(6,), about={})
    assert torch.equal(torch.rand(3), expected)


class Rare(nn.Module):
    """Takes another way where numbers are large, which no made-up input is."""

    def forward(self, x):
        return x * 2 if x.max() > 100 else x


def test_samples_of_the_users_find_what_made_up_ones_do_not(tmp_path):
    net = EarlyExitNetwork([Rare(), nn.Linear(4, 4)], [nn.Linear(4, 3), nn.Linear(4, 3)]).eval()
    how = {"input_shape": (4,), "about": {}}
    write_network(tmp_path, net, MAX_SOFTMAX, 0.5, **how)
    x = torch.randn(9, 4)
    x[4] = 200.0
    with pytest.raises(ValueError, match=r"stage_1\.onnx does not answer"):
        write_network(tmp_path, net, MAX_SOFTMAX, 0.5, samples=x, **how)
    with pytest.raises(ValueError, match=r"samples are torch\.float64 of shape \[2, 4\]; torch"):
        write_network(tmp_path, net, MAX_SOFTMAX, 0.5, samples=torch.zeros(2, 4).double(), **how)
    with pytest.raises(ValueError, match=r"quantize are torch.float32 of shape \[0, 4\]"):
        write_network(tmp_path, net, MAX_SOFTMAX, 0.5, quantize=torch.zeros(0, 4), **how)


class NoWords(nn.Module):
    def forward(self, x):
        return torch.linalg.eigvals(x.reshape(-1, 2, 2)).real.repeat(1, 2)


def test_what_onnx_has_no_words_for_is_named(tmp_path):
    net = EarlyExitNetwork([NoWords(), nn.Linear(4, 4)], [nn.Linear(4, 3), nn.Linear(4, 3)]).eval()
    with pytest.raises(ValueError, match=r"stage 1 cannot be exported: stage_1\.onnx is not"):
        write_network(tmp_path, net, MAX_SOFTMAX, 0.5, input_shape=(4,), about={})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"classes": ["a", "b"]}, "about has 2 classes; the network answers with 3"),
        ({"classes": "abc"}, "classes is 'abc'; a list of names is needed"),
        ({"threshold": 0.3}, "about has 'threshold', which the export says itself"),
        ({"points": {"one_se": 1.5}}, "points is .*thresholds in .0, 1. by name"),
        ({"points": {"one_se": [0.5]}}, "points: 'one_se' is .*one value, or 2, one for each"),
        ({"scaling": {"mean": [0.0], "std": [1.0]}}, "scaling is .*projection is missing"),
        ({"scaling": {"mean": [0.0] * 6, "std": [0.0] * 6, "projection": None}}, "scaling: std"),
        ({"note": object()}, "about cannot be written as JSON"),
        ({"note": float("nan")}, "about cannot be written as JSON"),
    ],
)
def test_what_the_device_needs_is_checked_at_the_export(small, tmp_path, about, message):
    with pytest.raises(ValueError, match=message):
        write_network(tmp_path, small, MAX_SOFTMAX, 0.5, input_shape=(6,), about=about)
    assert not list(tmp_path.iterdir())


def test_a_rule_that_looks_at_numbers_in_python_is_refused(small, tmp_path):
    class InPython(ExitRule):
        def decide(self, exit, logits):
            sure = torch.tensor([max(row) for row in logits.softmax(dim=1).tolist()])
            return sure, logits.argmax(dim=1)

    with pytest.raises(ValueError, match=r"stage 1 cannot be exported: stage_1\.onnx does not"):
        write_network(tmp_path, small, InPython(), 0.5, input_shape=(6,), about={})
