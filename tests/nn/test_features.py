"""Stages may hand on tensors, tuples, lists and dicts; whatever else is refused at once."""

from typing import NamedTuple

import pytest
import torch
from torch import nn

from cgt import EarlyExitNetwork, route
from cgt.nn.cost import cumulative_macs
from cgt.nn.features import check_rows, rebuild, select, tensors_of


class State(NamedTuple):
    hidden: torch.Tensor
    mask: torch.Tensor | None


FORMS = {
    "tuple": lambda a, b: (a, b),
    "list": lambda a, b: [a, b],
    "dict": lambda a, b: {"a": a, "b": b},
    "nested": lambda a, b: {"a": (a, [None]), "b": b},
    "named tuple": State,
}


class Wrap(nn.Module):
    """Hands on two tensors in one of the forms."""

    def __init__(self, form):
        super().__init__()
        self.form, self.linear = form, nn.Linear(8, 8)

    def forward(self, x):
        a, b = tensors_of(x)[:2] if not isinstance(x, torch.Tensor) else (x, x)
        return FORMS[self.form](self.linear(a), b)


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 3)

    def forward(self, x):
        a, b = tensors_of(x)[:2]
        return self.linear(a + b) * 3


def network(form, exits=3):
    torch.manual_seed(1)
    stages = [Wrap(form) for _ in range(exits)]
    return EarlyExitNetwork(stages, [Head() for _ in range(exits)]).eval()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batch", [1, 16])
def test_rows_are_selected_in_all_of_them(form, batch):
    net, x = network(form), torch.randn(batch, 8) * 4
    for threshold in (0.5, 0.75, 0.9):
        index, prediction = route(net(x), threshold)
        found = net.infer(x, threshold)
        assert torch.equal(found[0], index) and torch.equal(found[1], prediction)
    assert cumulative_macs(net, (8,)) == [88, 176, 264]


@pytest.mark.parametrize(
    ("handed", "message"),
    [
        (
            lambda x: x.T.contiguous(),
            r"stage 1 hands on a tensor of shape \[8, 16\] for 16",
        ),
        (
            lambda x: (x, x[:3]),
            r"\[3, 8\] for 16 samples; the first axis must be the batch",
        ),
        (lambda x: x.sum(), r"of shape \[\] for 16"),
        (lambda x: (x, "mask"), "stage 1 hands on a str; a tensor, or a tuple, list or dict"),
        (lambda x: x.numpy(), "stage 1 hands on a ndarray"),
    ],
)
def test_what_has_not_one_row_a_sample_is_refused_at_the_first_call(handed, message):
    class Stage(nn.Module):
        def forward(self, x):
            return handed(x)

    class Any(nn.Module):
        def forward(self, x):
            return torch.zeros(16, 3)

    net = EarlyExitNetwork([Stage(), nn.Identity()], [Any(), Any()])
    with pytest.raises(ValueError, match=message):
        net.infer(torch.randn(16, 8), 0.9)


def test_tensors_are_taken_out_and_put_back():
    tree = {"a": (torch.zeros(2), [None, torch.ones(2)]), "b": State(torch.ones(2), None)}
    flat = tensors_of(tree)
    assert len(flat) == 3
    again = rebuild(tree, [one + 1 for one in flat])
    assert torch.equal(again["a"][1][1], torch.full((2,), 2.0)) and again["a"][1][0] is None
    assert isinstance(again["b"], State)
    check_rows(select(again, torch.tensor([1])), 1, "a test")


def test_token_numbers_can_be_the_input():
    embed = nn.Sequential(nn.Embedding(20, 8), nn.Flatten())
    net = EarlyExitNetwork([embed], [nn.Linear(32, 3)])
    x = torch.randint(20, (5, 4))
    assert torch.equal(net.infer(x, 0.5)[1], net.eval()(x)[0].argmax(dim=1))
    assert cumulative_macs(net, (4,), dtype=torch.int64) == [96]


@pytest.mark.parametrize("batch", [1, 16])
def test_confidences_are_those_of_the_answers(batch):
    net, x = network("tuple"), torch.randn(batch, 8)
    index, prediction, confidence = net.infer(x, 0.7, confidence=True)
    probabilities = torch.stack(net(x)).softmax(dim=2)
    expected = probabilities[index, torch.arange(batch), prediction]
    torch.testing.assert_close(confidence, expected)


def test_samples_without_an_answer_are_named_and_the_others_answered():
    net, x = network("tuple"), torch.randn(64, 8)
    expected = net.infer(x, 0.7)
    x[[17, 40]] = torch.nan
    with pytest.raises(ValueError, match=r"NaN or infinity for 2 samples \(rows 17, 40\)"):
        net.infer(x, 0.7)
    index, prediction, confidence = net.infer(x, 0.7, confidence=True, invalid="mark")
    assert index[[17, 40]].tolist() == prediction[[17, 40]].tolist() == [-1, -1]
    assert confidence[[17, 40]].isnan().all()
    others = torch.ones(64, dtype=torch.bool)
    others[[17, 40]] = False
    assert torch.equal(index[others], expected[0][others])
    assert torch.equal(prediction[others], expected[1][others])
    single = net.infer(x[17:18], 0.7, invalid="mark")
    assert [part.item() for part in single] == [-1, -1]
    with pytest.raises(ValueError, match="invalid is 'skip'; it must be 'raise' or 'mark'"):
        net.infer(x, 0.7, invalid="skip")
