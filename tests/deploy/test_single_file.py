"""One file with all stages: plain onnxruntime answers in one call as torch does."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from cgt import EarlyExitNetwork, route
from cgt.deploy.export import write_network, write_plain
from cgt.deploy.runtime import Deployed
from cgt.nn.exits import MAX_SOFTMAX, ExitRule, KnownClasses

KNOWN = KnownClasses(torch.tensor([[True, False, False], [True, True, False], [True] * 3]))


def plain(folder):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        folder / "network.onnx", options, providers=["CPUExecutionProvider"]
    )


def answers(session, x, **thresholds):
    """Exit and prediction of each sample, asked one by one."""
    given = {name: np.array([value], np.float32) for name, value in thresholds.items()}
    found = [session.run(["exit", "prediction"], {"x": one[None], **given}) for one in x]
    return [np.concatenate(column).tolist() for column in zip(*found, strict=True)]


def expected(network, x, threshold, rule=MAX_SOFTMAX):
    with torch.inference_mode():
        return [one.tolist() for one in route(network(torch.from_numpy(x)), threshold, rule)]


def test_thresholds_are_inputs_with_the_exported_ones_as_defaults(small, small_folder, small_x):
    session = plain(small_folder)
    assert [one.name for one in session.get_inputs()] == ["x"]
    assert {one.name for one in session.get_overridable_initializers()} == {
        *("threshold_1", "threshold_2")
    }
    default = answers(session, small_x)
    assert default == expected(small, small_x, [0.8, 0.7]) and set(default[0]) == {0, 1, 2}
    given = answers(session, small_x, threshold_1=0.5, threshold_2=0.95)
    assert given == expected(small, small_x, [0.5, 0.95]) != default
    first_only = answers(session, small_x, threshold_1=0.5)
    assert first_only == expected(small, small_x, [0.5, 0.7])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_ends_of_the_range_mean_what_they_do_in_torch(small, small_folder, small_x, value):
    found = answers(plain(small_folder), small_x, threshold_1=value, threshold_2=value)
    assert found == expected(small, small_x, value)


def test_weights_of_deeper_stages_lie_in_the_branches(small_folder):
    model = onnx.load(small_folder / "network.onnx")
    sizes = [0, 0, 0]

    def count(graph, depth):
        sizes[depth] += sum(np.prod(one.dims, dtype=int) for one in graph.initializer)
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.name == "else_branch":
                    count(attribute.g, depth + 1)

    count(model.graph, 0)
    # A stage has 6 · 6 + 6 numbers, its head 6 · 3 + 3; the first graph has two thresholds, too.
    assert sizes[0] >= 65 and sizes[0] - 65 < 4 and sizes[1] >= 63 and sizes[2] >= 63
    assert sum(sizes) < 3 * 63 + 12


def test_what_has_no_confidence_is_marked(small_folder, small_x):
    x = small_x[:2].copy()
    x[0, 0] = np.nan
    session = plain(small_folder)
    exit, prediction, sure = session.run(["exit", "prediction", "confidence"], {"x": x[:1]})
    assert exit.tolist() == prediction.tolist() == [-1] and np.isnan(sure).all()
    assert session.run(["exit"], {"x": x[1:]})[0][0] >= 0


class Adding(EarlyExitNetwork):
    """Each exit adds its logits to those carried on from the ones before."""

    def answer(self, exit, features, carried):
        logits = self.heads[exit](features)
        so_far = logits if carried is None else carried["sum"] + logits
        return so_far, {"sum": so_far, "last": (logits, features)}


class Twice(ExitRule):
    """Sure only once two exits in a row have said the same."""

    def decide(self, exit, logits):
        raise AssertionError("this rule has a memory")

    def judge(self, exit, logits, memory):
        answer = logits.argmax(dim=1)
        agreed = torch.zeros_like(answer) if memory is None else (answer == memory).long()
        return agreed.to(logits.dtype), answer, answer


@pytest.mark.parametrize("rule", [MAX_SOFTMAX, KNOWN, Twice()])
@pytest.mark.parametrize("kind", [EarlyExitNetwork, Adding])
def test_what_exits_carry_and_rules_remember_goes_along(small, small_x, tmp_path, kind, rule):
    net = kind(list(small.stages), list(small.heads)).eval()
    write_network(tmp_path, net, rule, 0.6, input_shape=(6,), about={})
    deployed, session, exits = Deployed(tmp_path), plain(tmp_path), set()
    for threshold in (0.4, 0.6, 0.9):
        want = [one.tolist() for one in net.infer(torch.from_numpy(small_x), threshold, rule)]
        each = {"threshold_1": threshold, "threshold_2": threshold}
        assert answers(session, small_x, **each) == want
        assert [one.tolist() for one in deployed.infer(small_x, threshold)] == want
        exits |= set(want[0])
    assert len(exits) >= 2


class Loops(nn.Module):
    """Its file has a graph within the graph."""

    def forward(self, x):
        return scripted(x)


@torch.jit.script
def scripted(x):
    for _ in range(3):
        if bool(x.abs().max() > 1):
            x = x * 0.5
    return x


def test_stages_with_branches_of_their_own_can_be_nested(tmp_path):
    torch.manual_seed(0)
    stages = [nn.Sequential(Loops(), nn.Linear(4, 4)) for _ in range(3)]
    net = EarlyExitNetwork(stages, [nn.Linear(4, 3) for _ in range(3)]).eval()
    write_network(tmp_path, net, MAX_SOFTMAX, 0.5, input_shape=(4,), about={})
    x = torch.randn(30, 4) * 4
    # One by one: the largest of a batch is not that of a sample.
    each = [net.infer(row[None], 0.5) for row in x]
    want = [torch.cat(column).tolist() for column in zip(*each, strict=True)]
    assert answers(plain(tmp_path), x.numpy()) == want


def test_a_network_of_one_exit_needs_no_branch(small_x, tmp_path):
    torch.manual_seed(0)
    net = EarlyExitNetwork([nn.Linear(6, 4)], [nn.Linear(4, 3)]).eval()
    write_network(tmp_path, net, MAX_SOFTMAX, 0.5, input_shape=(6,), about={})
    assert "If" not in {node.op_type for node in onnx.load(tmp_path / "network.onnx").graph.node}
    assert answers(plain(tmp_path), small_x) == expected(net, small_x, 0.5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_other_precisions_are_kept_or_refused(tmp_path, dtype):
    torch.manual_seed(0)
    stages = [nn.Linear(4, 4), nn.Linear(4, 4)]
    net = EarlyExitNetwork(stages, [nn.Linear(4, 3), nn.Linear(4, 3)]).to(dtype).eval()
    write_network(tmp_path, net, MAX_SOFTMAX, 0.5, input_shape=(4,), about={}, input_dtype=dtype)
    x = torch.randn(30, 4).to(dtype)
    deployed = Deployed(tmp_path)
    index, prediction = net.infer(x, 0.5)
    assert deployed.infer(x.numpy())[1].tolist() == prediction.tolist()
    one = [deployed.infer(row[None])[0][0] for row in x.numpy()]
    assert one == index.tolist()


def test_single_samples_go_through_one_call(small_folder, small_x):
    deployed, calls = Deployed(small_folder), []

    class Counted:
        def __init__(self, session):
            self.session = session

        def run(self, names, given):
            calls.append(sorted(given))
            return self.session.run(names, given)

    deployed._single, deployed._stages = Counted(deployed._single), None
    deployed.infer(small_x[:1])
    assert calls == [["x"]]


def test_the_plain_file_is_the_network_to_its_end(small, small_x, tmp_path):
    write_plain(tmp_path / "plain.onnx", small, input_shape=(6,))
    session = onnxruntime.InferenceSession(
        tmp_path / "plain.onnx", providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(None, {"x": small_x})
    with torch.inference_mode():
        last = small(torch.from_numpy(small_x))[-1]
    assert found.tolist() == last.argmax(dim=1).tolist()
    # Of the early exits' heads nothing is left.
    weights = onnx.load(tmp_path / "plain.onnx").graph.initializer
    assert sum(np.prod(one.dims, dtype=int) for one in weights) == 3 * 42 + 21


def test_the_files_say_what_they_are(small_folder):
    found = plain(small_folder).get_modelmeta().custom_metadata_map
    assert found["stage"] == "all" and found["stages"] == "3" and found["classes"] == "3"
    assert json.loads(found["input_shape"]) == [6]
