"""Every network, with every number of exits that its card allows."""

import pytest
import torch

from cgt.networks import build
from cgt.nn.cost import cumulative_macs
from cgt.records.cards import cards

CARDS = cards("networks")
SHAPES = {"images": (1, 28, 28), "scene": (30, 11, 11), "signals": (1, 40)}
ODD = {
    "images": [(3, 16, 16), (2, 27, 31), (3, 64, 64)],
    "scene": [(4, 5, 5), (200, 15, 15)],
    "signals": [(1, 16), (5, 151)],
}
EVERY = [(name, exits) for name, card in CARDS.items() for exits in card["exits"]]


@pytest.mark.parametrize("name", CARDS)
def test_the_card_holds_what_is_read_without_torch(name):
    card = CARDS[name]
    assert {"title", "inputs", "exits", "default_exits", "source"} <= set(card)
    assert card["inputs"] in SHAPES
    assert all(2 <= exits <= 6 for exits in card["exits"])
    assert card["default_exits"] in card["exits"]


@pytest.mark.parametrize(("name", "exits"), EVERY)
def test_each_exit_answers_and_costs_more_than_the_one_before(name, exits):
    shape = SHAPES[CARDS[name]["inputs"]]
    network = build(name, shape, 5, exits)
    logits = network(torch.randn(3, *shape))
    assert [list(of.shape) for of in logits] == [[3, 5]] * exits
    sum(of.sum() for of in logits).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    costs = cumulative_macs(network, shape)
    assert len(costs) == exits and costs == sorted(set(costs))


@pytest.mark.parametrize("name", [name for name in CARDS if name != "resnet18"])
def test_a_network_takes_any_input_of_its_kind(name):
    for shape in ODD[CARDS[name]["inputs"]]:
        network = build(name, shape, 4)
        exit_index, prediction = network.infer(torch.randn(5, *shape), threshold=0.5)
        assert exit_index.shape == prediction.shape == (5,)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("roomy_images", (0.01, 0.05), (0.10, 0.25)),
        ("roomy_scene", (0.01, 0.05), (0.10, 0.25)),
        ("roomy_signals", (0.01, 0.05), (0.095, 0.25)),
    ],
)
def test_networks_with_room_spend_most_behind_the_second_exit(name, first, second):
    shape = SHAPES[CARDS[name]["inputs"]]
    costs = cumulative_macs(build(name, shape, 10, 3), shape)
    for cost, (low, high) in zip(costs, (first, second), strict=False):
        assert low <= cost / costs[-1] <= high


def test_resnet18_has_the_costs_of_the_cgt_authors_code():
    network = build("resnet18", (3, 32, 32), 100)
    costs = cumulative_macs(network, (3, 32, 32))
    assert costs[-1] / 1e6 == pytest.approx(582, abs=0.5)
    assert [round(100 * cost / costs[-1], 1) for cost in costs] == [28.4, 52.9, 76.9, 100.0]
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(12.28, abs=0.01)


def test_building_draws_the_same_weights_at_the_same_seed_and_nothing_else():
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build("roomy_images", (1, 28, 28), 10).state_dict())
        states.append(torch.rand(1))
    for name, value in states[0].items():
        assert torch.equal(value, states[2][name])
    assert torch.equal(states[1], states[3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing", (1, 28, 28), 10), "network is 'nothing'; allowed are compact_images"),
        (("compact_scene", (4, 5, 5), 3, 4), "exits is 4; the network compact_scene can have 2, 3"),
        (
            ("roomy_signals", (1, 28, 28), 10),
            r"shape \[1, 28, 28\]; .* roomy_signals takes signals",
        ),
    ],
)
def test_a_network_that_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(*arguments)
