"""int8: what is computed in it, and how far its answers are those of the float network."""

import json

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from cgt import EarlyExitNetwork
from cgt.deploy.export import write_network
from cgt.deploy.runtime import Deployed
from cgt.nn.exits import MAX_SOFTMAX


@pytest.fixture(scope="module")
def wide():
    """Large enough for the weights to make up most of a file."""
    torch.manual_seed(0)
    stages = [
        nn.Sequential(nn.Conv2d(2, 32, 3, padding=1), nn.ReLU()),
        nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU()),
    ]
    heads = [
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 4))
        for width in (32, 64)
    ]
    for head in heads:
        head[2].weight.data *= 8
    return EarlyExitNetwork(stages, heads).eval()


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(100, 2, 6, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def exports(wide, x, tmp_path_factory):
    root, how = tmp_path_factory.mktemp("int8"), {"input_shape": (2, 6, 6), "about": {}}
    with torch.no_grad():
        threshold = wide(torch.from_numpy(x))[0].softmax(dim=1).amax(dim=1).median().item()
    write_network(root / "float", wide, MAX_SOFTMAX, threshold, **how)
    said = write_network(root / "int8", wide, MAX_SOFTMAX, threshold, quantize=x, **how)
    return root, said


def test_weights_take_a_fourth(exports):
    root, _ = exports
    sizes = [(root / kind / "stage_2.onnx").stat().st_size for kind in ("float", "int8")]
    assert sizes[1] < 0.4 * sizes[0]
    found = onnx.load(root / "int8/stage_2.onnx").graph.initializer
    kinds = {one.data_type for one in found if np.prod(one.dims) > 1000}
    assert kinds == {onnx.TensorProto.INT8}


def test_the_agreement_is_what_both_answer(exports, x):
    root, said = exports
    wide, narrow = (Deployed(root / kind).infer(x) for kind in ("float", "int8"))
    same_exit, same_prediction = (
        float((one == other).mean()) for one, other in zip(wide, narrow, strict=True)
    )
    assert said["quantized"] == {
        **{"samples": 100, "same_exit": same_exit, "same_prediction": same_prediction},
    }
    assert set(wide[0]) == {0, 1}
    assert same_exit >= 0.9 and same_prediction >= 0.9
    assert Deployed(root / "int8").quantized == said["quantized"]
    assert json.loads((root / "float/network.json").read_text())["quantized"] is None
    assert Deployed(root / "float").quantized is None


def test_single_samples_are_answered_in_int8_too(exports, x):
    root, _ = exports
    deployed = Deployed(root / "int8")
    singles = np.concatenate([deployed.infer(one[None]) for one in x], axis=1)
    assert (singles == np.stack(deployed.infer(x))).mean() >= 0.99
