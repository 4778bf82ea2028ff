"""A run opened from its files answers as its predictions say, whatever the method."""

import numpy as np
import pytest
import torch
from tiny import tiny_dataset, tiny_run

from cgt.methods import REGISTRY
from cgt.nn.exits import KnownClasses, MaxSoftmax, route
from cgt.records.predictions import load_predictions
from cgt.training.runs import open_run

ROUTED = [name for name in REGISTRY if name != "static"]
"""In the networks of `static`, which stand side by side, no sample can go on to the next."""


@pytest.fixture(scope="module", params=ROUTED)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def folder(name, tmp_path_factory):
    return tiny_run(name, tmp_path_factory.mktemp(name))


@pytest.fixture(scope="module")
def run(folder):
    return open_run(folder, tiny_dataset())


def test_stopping_early_gives_the_answers_of_the_predictions(run, folder):
    """Same exit and class as routing what the run itself has written, at any batch size."""
    test = load_predictions(folder / "predictions.npz").test
    x = torch.from_numpy(run.data.test.x)
    exits = run.network.num_exits
    for threshold in (0.0, 0.6, [0.9, 0.5][: exits - 1], 1.0):
        # The last exit takes whatever is left.
        needed = np.append(np.broadcast_to(np.float32(threshold), exits - 1), -np.inf)
        index = (test.confidence >= needed[:, None]).argmax(axis=0)
        prediction = np.take_along_axis(test.prediction, index[None], axis=0)[0]
        for batch in (1, 7, 60):
            found = [run.network.infer(part, threshold, run.rule) for part in x.split(batch)]
            assert torch.cat([part[0] for part in found]).tolist() == index.tolist()
            assert torch.cat([part[1] for part in found]).tolist() == prediction.tolist()


def test_the_cheap_rule_says_what_the_method_says(name, run, folder):
    assert isinstance(run.rule, KnownClasses if name == "classynet" else MaxSoftmax)
    test = load_predictions(folder / "predictions.npz").test
    for exit, logits in enumerate(torch.from_numpy(test.logits)):
        sure, prediction = run.rule.decide(exit, logits)
        np.testing.assert_array_equal(prediction, test.prediction[exit])
        np.testing.assert_allclose(sure, test.confidence[exit], rtol=1e-6)


def test_a_static_network_is_chosen_for_all_samples_alike():
    logits = [torch.randn(5, 4) for _ in range(3)]
    index, prediction = route(logits, 0.5, REGISTRY["static"]().rule(3))  # 1/3, 2/3, 1
    assert index.tolist() == [1] * 5
    assert prediction.tolist() == logits[1].argmax(dim=1).tolist()


def test_other_data_than_the_runs_are_refused(folder):
    with pytest.raises(
        ValueError, match=r"are not what .* was trained on; indian_pines prepared at"
    ):
        open_run(folder, tiny_dataset(seed=5))
