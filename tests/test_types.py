"""Type checkers see the public names, which are loaded on first use."""

import subprocess
import sys
from pathlib import Path

import pytest

import cgt

ROOT = Path(__file__).parents[1]

USER = """
import numpy as np
import torch
from torch import nn

import cgt

network = cgt.attach(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), ["0"], torch.zeros(1, 2))
reveal_type(network)
point = cgt.choose_thresholds(np.ones((1, 1)), np.ones((1, 1)), [1], knee=True)
reveal_type(point.met)
reveal_type(cgt.cumulative_macs(network, (2,)))
cgt.route(network, "0.9", nothing=True)
"""


def test_every_public_name_is_there_with_a_description():
    for name in cgt.__all__:
        assert getattr(cgt, name).__doc__, name
    assert (ROOT / "cgt" / "py.typed").is_file()


def test_mypy_knows_what_the_public_names_are(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(USER)
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", "--ignore-missing-imports"]
    run = subprocess.run(
        [*command, f"--cache-dir={tmp_path}", str(tmp_path / "user.py")],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    for found in ("cgt.nn.network.EarlyExitNetwork", "bool", "list[int]"):
        assert f'Revealed type is "{found}"' in run.stdout.replace("builtins.", ""), run.stdout
    assert 'Unexpected keyword argument "nothing" for "route"' in run.stdout
    assert "has no attribute" not in run.stdout
