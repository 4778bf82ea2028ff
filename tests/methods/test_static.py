"""Networks side by side: each as if it were alone."""

import pytest
import torch
from tiny import tiny_dataset, tiny_settings

from cgt.methods import REGISTRY
from cgt.nn.exits import confidence
from cgt.nn.network import EarlyExitNetwork
from cgt.training.loop import Trainer

SETTINGS = tiny_settings(epochs=3)


def trainer(name, folder):
    return Trainer(tiny_dataset(), REGISTRY[name](), 1, SETTINGS, folder / name / "c.pt")


def test_the_deepest_network_is_trained_as_the_single_exit_is(tmp_path):
    static, single = trainer("static", tmp_path), trainer("single_exit", tmp_path)
    for one in (static, single):
        one.run()
    ours = [*static.network.stages[-1].parameters(), *static.network.heads[-1].parameters()]
    for mine, theirs in zip(ours, single.network.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_each_network_keeps_its_own_best_epoch(tmp_path, monkeypatch):
    static = trainer("static", tmp_path)
    accuracies = iter([[0.9, 0.5, 0.6], [0.8, 0.7, 0.6], [0.7, 0.6, 0.5]])
    states = []

    def validate(*_):
        states.append([next(head.parameters()).clone() for head in static.network.heads])
        accuracy = torch.tensor(next(accuracies), dtype=torch.float64)
        return accuracy, torch.ones_like(accuracy)

    monkeypatch.setattr(static, "_validate", validate)
    static.run()
    for head, best in enumerate((0, 1, 1)):
        assert torch.equal(next(static.network.heads[head].parameters()), states[best][head])


def test_a_threshold_picks_one_network_for_all_samples():
    method = REGISTRY["static"]()
    logits = torch.randn(3, 8, 4, generator=torch.Generator().manual_seed(0))
    level, prediction = method.decide(logits)
    assert torch.equal(prediction, confidence(logits)[1])
    assert level.unique(dim=1).flatten().tolist() == pytest.approx([1 / 3, 2 / 3, 1.0])


def test_cost_is_that_of_each_network_alone(tmp_path):
    backbone = trainer("branchynet", tmp_path).network
    method = REGISTRY["static"]()
    costs = method.macs(method.network(backbone), (4, 5, 5))
    shared = REGISTRY["branchynet"]().macs(backbone, (4, 5, 5))
    heads = [head[-1].in_features * head[-1].out_features for head in backbone.heads]
    assert costs == [shared[0], shared[1] - heads[0], shared[2] - heads[0] - heads[1]]


def test_routing_is_refused(tmp_path):
    network = trainer("static", tmp_path).network
    assert isinstance(network.prefix(2), EarlyExitNetwork)
    with pytest.raises(NotImplementedError, match="side by side"):
        network.infer(torch.zeros(1, 4, 5, 5), 0.5)
