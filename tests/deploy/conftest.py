"""A small network that samples leave at every exit, and its export."""

import numpy as np
import pytest
import torch
from torch import nn

from cgt import EarlyExitNetwork
from cgt.deploy.export import write_network
from cgt.nn.exits import MAX_SOFTMAX


@pytest.fixture(scope="session")
def small():
    """Three exits, inputs [6], three classes."""
    torch.manual_seed(3)
    stages = [nn.Sequential(nn.Linear(6, 6), nn.Tanh()) for _ in range(3)]
    heads = [nn.Linear(6, 3) for _ in range(3)]
    for head in heads:
        head.weight.data *= 6
    return EarlyExitNetwork(stages, heads).eval()


@pytest.fixture(scope="session")
def small_x():
    return np.random.default_rng(1).normal(size=(64, 6)).astype(np.float32)


@pytest.fixture(scope="session")
def small_folder(small, tmp_path_factory):
    """Its export at thresholds 0.8 and 0.7; nobody writes into it."""
    folder = tmp_path_factory.mktemp("small")
    about = {
        "classes": ["a", "b", "c"],
        "points": {"one_se": 0.6, "each": [0.5, 0.4]},
        "scaling": {"mean": [0.0] * 6, "std": [1.0] * 6, "projection": None},
        "run": {"seed": 1},
    }
    write_network(folder, small, MAX_SOFTMAX, [0.8, 0.7], input_shape=(6,), about=about)
    return folder
