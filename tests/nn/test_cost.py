import subprocess
import sys

import pytest
import torch
from torch import nn

from cgt import EarlyExitNetwork
from cgt.networks import build
from cgt.nn.cost import cumulative_macs


def test_macs_by_hand_include_all_earlier_heads():
    stages = [nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 8, 3, stride=2, padding=1)]
    heads = [
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
        nn.Sequential(nn.Flatten(), nn.Linear(8 * 5 * 5, 3)),
    ]
    first = 2 * 4 * 9 * 10 * 10 + 4 * 3
    second = 4 * 8 * 9 * 5 * 5 + 8 * 5 * 5 * 3
    assert cumulative_macs(EarlyExitNetwork(stages, heads), (2, 10, 10)) == [first, first + second]


def test_grouped_and_separable_convolutions_by_hand():
    stage = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 6, 1))
    head = nn.Sequential(nn.Flatten(), nn.Linear(6 * 16, 2))
    expected = 4 * 9 * 16 + 4 * 6 * 16 + 6 * 16 * 2
    assert cumulative_macs(EarlyExitNetwork([stage], [head]), (4, 4, 4)) == [expected]


def test_counting_changes_nothing():
    net = build("compact_images", (1, 28, 28), 10).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    cumulative_macs(net, (1, 28, 28))
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


SHAPES = {"compact_images": ((1, 28, 28), 10), "compact_scene": ((30, 11, 11), 16)}


def conv(inputs, outputs, kernel, side):
    return inputs * outputs * kernel**2 * side**2


HAND_COUNTS = {
    "compact_images": [
        conv(1, 12, 3, 28) + conv(12, 32, 3, 7) + 32 * 49 * 10,
        conv(32, 32, 3, 7) + 32 * 49 * 10,
        conv(32, 64, 3, 4) + conv(64, 64, 3, 4) + 64 * 16 * 10,
    ],
    "compact_scene": [
        conv(30, 48, 3, 6) + 48 * 16,
        conv(48, 48, 3, 6) + 48 * 16,
        conv(48, 64, 3, 6) + 64 * 16,
    ],
}


@pytest.mark.parametrize("name", list(SHAPES))
def test_networks_cost_what_the_hand_count_says(name):
    shape, classes = SHAPES[name]
    costs = cumulative_macs(build(name, shape, classes), shape)
    parts = HAND_COUNTS[name]
    assert costs == [sum(parts[: e + 1]) for e in range(3)]
    assert 0.15 <= costs[0] / costs[2] <= 0.30
    assert 0.45 <= costs[1] / costs[2] <= 0.65


@pytest.mark.parametrize("name", list(SHAPES))
def test_networks_answer_at_three_exits(name):
    shape, classes = SHAPES[name]
    logits = build(name, shape, classes)(torch.zeros(2, *shape))
    assert [list(exit_logits.shape) for exit_logits in logits] == [[2, classes]] * 3


def test_attention_by_hand():
    length, width, hidden = 8, 16, 32
    stage = nn.TransformerEncoderLayer(width, 4, dim_feedforward=hidden, batch_first=True)
    head = nn.Sequential(nn.Flatten(), nn.Linear(width * length, 3))
    projections = 4 * length * width * width  # query, key, value, output
    attention = 2 * length * length * width  # similarities, weighted sums
    feed_forward = 2 * length * width * hidden
    expected = projections + attention + feed_forward + width * length * 3
    assert cumulative_macs(EarlyExitNetwork([stage], [head]), (length, width)) == [expected]


class Join(nn.Module):
    """Vectors and token numbers, in a tuple, a list or a dictionary, to a tuple."""

    def __init__(self):
        super().__init__()
        self.linear, self.embedding = nn.Linear(8, 16), nn.Embedding(5, 16)

    def forward(self, x):
        vector, token = x.values() if isinstance(x, dict) else x
        return self.linear(vector) + self.embedding(token), token


class Deepen(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 16)

    def forward(self, x):
        return self.linear(x[0]), x[1]


class First(nn.Linear):
    def forward(self, x):
        return super().forward(x[0])


def joined():
    return EarlyExitNetwork([Join(), Deepen()], [First(16, 3), First(16, 3)])


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        (((8,), ()), (None, torch.int64)),
        (((8,), ()), [torch.float32, torch.int64]),
        ([(8,), ()], (torch.float32, torch.int64)),
        ({"vector": (8,), "token": ()}, {"token": torch.int64, "vector": None}),
    ],
)
def test_several_inputs_by_hand(shape, dtype):
    first = 8 * 16 + 16 * 3
    assert cumulative_macs(joined(), shape, dtype) == [first, first + 16 * 16 + 16 * 3]


def test_one_type_for_several_inputs():
    class Add(nn.Module):
        def forward(self, x):
            return x[0] + x[1]

    network = EarlyExitNetwork([Add()], [nn.Linear(8, 3)])
    assert cumulative_macs(network, ((8,), (8,))) == [24]
    assert cumulative_macs(network.double(), ((8,), (8,)), torch.float64) == [24]


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        (((8,), 8), None, r"input_shape holds \(\(8,\), 8\); whole numbers from 0"),
        ((-8,), None, r"input_shape holds \(-8,\)"),
        ("8", None, "input_shape holds '8'"),
        (8, None, "input_shape holds 8"),
        (((8,), ()), (torch.int64,), r"types for \[0\]; one for all, or one for each of \[0, 1\]"),
        ({"a": (8,)}, {"b": None}, r"types for \['b'\]; .* one for each of \['a'\]"),
        ((8,), (torch.int64,), "one type is needed"),
        (((7,), ()), (None, torch.int64), r"stage 1 does not take inputs of shape \(\(7,\)"),
        (((8,), ()), None, "stage 1 does not take inputs .*float32"),
        ((8,), None, "stage 1 does not take"),
    ],
)
def test_inputs_that_cannot_be_counted_are_refused(shape, dtype, message):
    with pytest.raises(ValueError, match=message):
        cumulative_macs(joined(), shape, dtype)


def test_counting_does_not_load_the_compiler():
    count = (
        "import sys; from cgt.networks import build;"
        "from cgt.nn.cost import cumulative_macs;"
        "cumulative_macs(build('compact_images', (1, 28, 28), 10), (1, 28, 28));"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", count]).returncode == 0
