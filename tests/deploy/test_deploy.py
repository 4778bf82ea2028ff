"""An exported network answers as it did in torch; the whole test sets are compared by the bench."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cgt import EarlyExitNetwork, route
from cgt.deploy.export import write_network
from cgt.deploy.export_run import chosen_network
from cgt.deploy.runtime import Deployed
from cgt.methods.static import Static
from cgt.nn.exits import MAX_SOFTMAX, ExitRule, KnownClasses

ROOT = Path(__file__).parents[2]
SHAPE = (4, 5, 5)
KNOWN = torch.tensor([[True, False, False], [True, True, False], [True, True, True]])
ABOUT = {
    "classes": ["corn", "oats", "wheat"],
    "points": {"one_se": 0.3},
    "scaling": {"mean": [0.0] * 4, "std": [1.0] * 4, "projection": None},
}
RULES = {"max_softmax": MAX_SOFTMAX, "known_classes": KnownClasses(KNOWN)}


def network(exits=3):
    torch.manual_seed(0)
    stages = [
        nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        for _ in range(exits)
    ]
    heads = [nn.Sequential(nn.Flatten(), nn.Linear(100, 3)) for _ in range(exits)]
    # At every exit some samples are sure and some are not.
    for stage, head in zip(stages, heads, strict=True):
        stage[1].weight.data.fill_(3.0)
        head[1].weight.data *= 5
    return EarlyExitNetwork(stages, heads).to(memory_format=torch.channels_last).eval()


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(64, *SHAPE)).astype(np.float32)


@pytest.fixture(scope="module", params=RULES)
def exported(request, tmp_path_factory):
    """A network, its rule, and the folder it was written to."""
    folder, net, rule = tmp_path_factory.mktemp("export"), network(), RULES[request.param]
    write_network(folder, net, rule, 0.8, input_shape=SHAPE, about=ABOUT)
    return net, rule, folder


@pytest.mark.parametrize("threshold", [0.0, 0.6, 0.8, [0.9, 0.7], 1.0])
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_answers_are_those_of_torch(exported, x, threshold, batch):
    net, rule, folder = exported
    deployed = Deployed(folder)
    for part in np.split(x, range(batch, 64, batch)):
        with torch.inference_mode():
            index, prediction = route(net(torch.from_numpy(part)), threshold, rule)
        found = deployed.infer(part, threshold)
        assert found[0].tolist() == index.tolist()
        assert found[1].tolist() == prediction.tolist()
        assert found[0].dtype == found[1].dtype == np.int64


def test_samples_leave_at_every_exit(exported, x):
    index, _ = Deployed(exported[2]).infer(x)
    assert set(index) == {0, 1, 2}


def test_a_stage_runs_only_for_the_samples_still_in(exported, x):
    deployed, seen = Deployed(exported[2]), []

    class Counted:
        def __init__(self, stage):
            self.stage = stage

        def run(self, names, inputs):
            seen.append(len(next(iter(inputs.values()))))
            return self.stage.run(names, inputs)

    deployed._stages = [Counted(stage) for stage in deployed._stages]
    index, _ = deployed.infer(x)
    assert seen == [64, (index > 0).sum(), (index > 1).sum()]
    seen.clear()
    deployed.infer(x, 0.0)
    assert seen == [64]


def test_the_folder_says_what_a_device_must_know(exported):
    deployed = Deployed(exported[2])
    assert deployed.classes == ABOUT["classes"]
    assert deployed.threshold == 0.8 and deployed.points == {"one_se": 0.3}
    assert deployed.num_exits == 3 and deployed.input_shape == list(SHAPE)


def test_raw_values_are_scaled(tmp_path):
    scaling = {"mean": [1.0, 2.0], "std": [2.0, 4.0], "projection": [[1.0], [10.0]]}
    net = EarlyExitNetwork([nn.Flatten()], [nn.Linear(1, 3)]).eval()
    about = {**ABOUT, "scaling": scaling}
    write_network(tmp_path, net, MAX_SOFTMAX, 0.5, input_shape=(1, 1, 1), about=about)
    scaled = Deployed(tmp_path).scale(np.array([3, 6], dtype=np.uint16).reshape(1, 2, 1, 1))
    assert scaled.dtype == np.float32
    assert scaled.tolist() == [[[[11.0]]]]


def test_without_scaling_raw_values_are_refused(tmp_path):
    net = EarlyExitNetwork([nn.Flatten()], [nn.Linear(1, 3)]).eval()
    about = {**ABOUT, "scaling": None}
    write_network(tmp_path, net, MAX_SOFTMAX, 0.5, input_shape=(1, 1, 1), about=about)
    with pytest.raises(ValueError, match="exported without scaling"):
        Deployed(tmp_path).scale(np.zeros((1, 1, 1, 1)))


@pytest.mark.parametrize(("threshold", "depth"), [(0.0, 1), (0.34, 2), (0.67, 3), (1.0, 3)])
def test_of_static_networks_the_chosen_one_is_deployed(tmp_path, x, threshold, depth):
    method = Static()
    networks = method.network(network())
    chosen = chosen_network(networks.eval(), threshold)
    write_network(tmp_path, chosen, MAX_SOFTMAX, 0.0, input_shape=SHAPE, about=ABOUT)
    _, prediction = Deployed(tmp_path).infer(x)
    with torch.inference_mode():
        logits = networks(torch.from_numpy(x))
    assert prediction.tolist() == logits[depth - 1].argmax(dim=1).tolist()


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        (1.5, r"threshold is 1\.5; it must lie in \[0, 1\]"),
        (float("nan"), "threshold is nan"),
        ([0.5], r"threshold has shape \[1\]; a scalar or 2 values"),
    ],
)
def test_bad_thresholds_are_refused(exported, x, threshold, message):
    with pytest.raises(ValueError, match=message):
        Deployed(exported[2]).infer(x, threshold)


def test_a_rule_whose_confidences_are_none_is_refused(tmp_path):
    class Own(ExitRule):
        def decide(self, exit, logits):
            return logits[:, 0], logits.argmax(dim=1)

    with pytest.raises(ValueError, match=r"Own cannot be exported: its confidence at exit 1 is"):
        write_network(tmp_path, network(), Own(), 0.5, input_shape=SHAPE, about=ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_confidence_is_refused(exported, x):
    _, _, folder = exported
    broken = x[:3].copy()
    broken[1] = np.nan
    with pytest.raises(ValueError, match="logits of the last exit hold NaN or infinity"):
        Deployed(folder).infer(broken, 0.0)


def test_an_export_that_was_cut_off_is_no_network(tmp_path, monkeypatch):
    write_network(tmp_path, network(), MAX_SOFTMAX, np.float32(0.5), input_shape=SHAPE, about=ABOUT)
    assert Deployed(tmp_path).threshold == 0.5

    def cut_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cgt.deploy.export._export", cut_off)
    with pytest.raises(KeyboardInterrupt):
        write_network(tmp_path, network(), MAX_SOFTMAX, 0.5, input_shape=SHAPE, about=ABOUT)
    with pytest.raises(FileNotFoundError, match=r"network\.json"):
        Deployed(tmp_path)


def test_another_format_is_refused(exported, tmp_path):
    about = json.loads((exported[2] / "network.json").read_text())
    (tmp_path / "network.json").write_text(json.dumps({**about, "format": 99}))
    with pytest.raises(ValueError, match="format is 99; this version of cgt reads 3: export"):
        Deployed(tmp_path)


def test_a_missing_extra_is_named_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[deploy\]'"):
        Deployed(tmp_path)


def test_a_device_needs_no_torch(exported):
    code = (
        "import sys, numpy as np; from cgt.deploy.runtime import Deployed;"
        f"Deployed({str(exported[2])!r}).infer(np.zeros((1, 4, 5, 5), np.float32));"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


class Pair(nn.Module):
    """Hands on a dictionary: what it has computed, and what came in."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x):
        x = x if isinstance(x, dict) else {"new": x, "old": [x]}
        return {"new": self.linear(x["new"]).tanh() * 3, "old": x["old"]}


class PairHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 3)

    def forward(self, x):
        return self.linear(x["new"] + x["old"][0]) * 3


def test_stages_that_hand_on_several_tensors_answer_as_in_torch(tmp_path):
    torch.manual_seed(1)
    net = EarlyExitNetwork([Pair() for _ in range(3)], [PairHead() for _ in range(3)]).eval()
    write_network(tmp_path, net, MAX_SOFTMAX, 0.8, input_shape=(8,), about={})
    deployed, x = Deployed(tmp_path), torch.randn(64, 8)
    for threshold in (0.5, 0.8, 0.99):
        index, prediction = net.infer(x, threshold)
        found = deployed.infer(x.numpy(), threshold)
        assert np.array_equal(found[0], index) and np.array_equal(found[1], prediction)
    assert deployed.classes == ["0", "1", "2"] and deployed.points == {}


def test_token_numbers_can_be_the_input(tmp_path):
    torch.manual_seed(0)
    embed = nn.Sequential(nn.Embedding(20, 8), nn.Flatten())
    heads = [nn.Linear(32, 3), nn.Linear(32, 3)]
    net = EarlyExitNetwork([embed, nn.Linear(32, 32)], heads).eval()
    how = {"input_shape": (4,), "about": {}}
    with pytest.raises(ValueError, match=r"stage 1 does not take .*float32.*; input_dtype says"):
        write_network(tmp_path, net, MAX_SOFTMAX, 0.5, **how)
    write_network(tmp_path, net, MAX_SOFTMAX, 0.5, input_dtype=torch.int64, **how)
    x = torch.randint(20, (30, 4))
    index, prediction = net.infer(x, 0.5)
    found = Deployed(tmp_path).infer(x.numpy())
    assert np.array_equal(found[0], index) and np.array_equal(found[1], prediction)


class Flat(nn.Module):
    """Takes the size of the batch as a number."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(20, 20)

    def forward(self, x):
        return self.linear(x.reshape(len(x), -1))


def test_a_file_that_would_answer_one_size_of_batch_only_is_refused(tmp_path):
    net = EarlyExitNetwork([Flat(), nn.Linear(20, 20)], [nn.Linear(20, 3), nn.Linear(20, 3)])
    with pytest.raises(ValueError, match=r"stage 1 cannot be exported: .* a batch of 1 as the"):
        write_network(tmp_path, net.eval(), MAX_SOFTMAX, 0.4, input_shape=(4, 5), about={})
    assert not list(tmp_path.iterdir())
