"""Every method trains networks of few and of more exits, and answers at each of them."""

import numpy as np
import pytest
import torch
from tiny import tiny_dataset, tiny_settings

from cgt.methods import REGISTRY
from cgt.records.predictions import load_predictions
from cgt.training.loop import Trainer


@pytest.mark.parametrize("exits", [2, 4])
@pytest.mark.parametrize("name", list(REGISTRY))
def test_it_trains_and_answers(name, exits, tmp_path):
    settings = tiny_settings(epochs=4, network="roomy_scene", exits=exits)
    trainer = Trainer(tiny_dataset(), REGISTRY[name](), 1, settings, tmp_path / "c.pt")
    trainer.run()
    trainer.write(tmp_path)
    found = load_predictions(tmp_path / "predictions.npz")
    expected = 1 if name == "single_exit" else exits
    assert len(found.macs) == len(found.test.prediction) == expected
    assert (np.diff(found.macs) > 0).all()
    assert np.isfinite(found.test.logits).all()


@pytest.mark.parametrize("exits", [2, 6])
@pytest.mark.parametrize(("name", "epochs"), [("l2w", 3), ("zero_time_waste", 12)])
def test_what_it_adds_does_not_keep_it_from_learning(name, epochs, exits, tmp_path):
    settings = tiny_settings(epochs=epochs, network="roomy_scene", exits=exits)
    trainer = Trainer(tiny_dataset(), REGISTRY[name](), 1, settings, tmp_path / "c.pt")
    trainer.run()
    with torch.inference_mode():
        logits = trainer.network.eval()(trainer.val_x)
    assert len(logits) == exits
    assert float((logits[-1].argmax(dim=1) == trainer.val_y).double().mean()) > 0.8
