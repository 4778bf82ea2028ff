"""What every method learns on a small problem, in numbers that another processor gives, too.

Whoever changes them says so, and repeats what is published:
    python tests/training/test_smoke_logits.py
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from tiny import tiny_dataset, tiny_settings

from cgt.methods import REGISTRY
from cgt.records.files import write_json
from cgt.training.loop import Trainer

KNOWN = Path(__file__).with_name("smoke_logits.json")


def digest(method: str, folder: Path) -> list[list[float]]:
    """Of each exit's test logits: mean, spread, and a projection that tells samples apart."""
    torch.set_num_threads(1)
    settings = tiny_settings(epochs=3)
    trainer = Trainer(tiny_dataset(), REGISTRY[method](), 7, settings, folder / "c.pt")
    trainer.run()
    logits = trainer._predict(trainer.data.test).logits.astype(float)
    weights = np.cos(np.arange(logits[0].size)).reshape(logits[0].shape)
    return [
        [
            round(float(value), 5)
            for value in (of.mean(), of.std(), (of * weights).sum() / of.size**0.5)
        ]
        for of in logits
    ]


@pytest.mark.parametrize("method", REGISTRY)
def test_a_method_learns_what_it_learned_before(method, tmp_path):
    known = json.loads(KNOWN.read_text(encoding="utf-8"))
    # Rounding differs between processors, and grows over twelve steps to far less than this.
    np.testing.assert_allclose(digest(method, tmp_path), known[method], rtol=2e-3, atol=2e-3)


def test_every_method_is_known_and_no_other():
    assert set(json.loads(KNOWN.read_text(encoding="utf-8"))) == set(REGISTRY)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        write_json(KNOWN, {name: digest(name, Path(scratch) / name) for name in REGISTRY})
