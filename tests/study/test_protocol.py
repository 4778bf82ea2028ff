"""Digests change when results could, and stay when a method is added."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest

import cgt.analysis.rows
from cgt.analysis.rows import evaluation_digest
from cgt.records.files import save_npz
from cgt.records.manifest import TRAINING, hash_of
from cgt.records.reference import Reference
from cgt.study.config import load_config
from cgt.study.protocol import (
    bare_code,
    data_digest,
    network_of,
    protocol_of,
    unlike,
)

ROOT = Path(__file__).parents[2]
CONFIG = load_config(ROOT / "config/config.yaml")
DATASET = "fashion_mnist"

# Test logits of the tiny problem (mean, spread, projection) at each revision of the training code.
REVISIONS = {1: {"branchynet": [[0.06813, 1.19974, 0.03685], [0.13044, 1.46031, 0.08191]]}}


def test_who_changes_what_training_gives_raises_the_revision():
    known = json.loads((ROOT / "tests/training/smoke_logits.json").read_text(encoding="utf-8"))
    for method, numbers in REVISIONS[TRAINING].items():
        found = known[method][: len(numbers)]
        np.testing.assert_allclose(found, numbers, rtol=2e-3, atol=2e-3)


def changed(**settings):
    config = copy.deepcopy(CONFIG)
    config["datasets"][DATASET] |= settings
    return config


CHANGES = {
    "epochs": 11,
    "batch_size": 64,
    "momentum": 0.8,
    "weight_decay": 0.001,
    "label_smoothing": 0.1,
    "augmentation": "none",
    "limit": 600,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_setting_that_all_methods_share_counts(name):
    other = protocol_of(changed(**{name: CHANGES[name]}), DATASET)
    own = protocol_of(CONFIG, DATASET)
    assert hash_of(other) != hash_of(own)
    assert unlike(other, own).startswith(f"{name} is ")


def test_methods_seeds_device_and_another_dataset_do_not_count():
    config = copy.deepcopy(CONFIG)
    config["methods"]["another"] = {"method": "soft_cgt", DATASET: {"lr": 0.7}}
    config["methods"]["soft_cgt"][DATASET]["lr"] = 0.01
    config["datasets"]["indian_pines"]["epochs"] = 1
    config |= {"device": "cuda", "seeds": [3]}
    assert protocol_of(config, DATASET) == protocol_of(CONFIG, DATASET)


def test_zero_is_zero_however_it_is_written():
    own = protocol_of(changed(label_smoothing=0), DATASET)
    assert hash_of(own) == hash_of(protocol_of(changed(label_smoothing=0.0), DATASET))


@pytest.mark.parametrize("name", ["points_met", "accuracy_within", "operating_points", "scores"])
def test_an_evaluation_that_gives_other_numbers_counts(name, monkeypatch):
    before = evaluation_digest()
    assert evaluation_digest() == before
    true = getattr(cgt.analysis.rows, name)

    def other(*arguments):
        found = true(*arguments)
        if isinstance(found, dict):
            return {key: value / 2 for key, value in found.items()}
        return found / 2

    monkeypatch.setattr(cgt.analysis.rows, name, other)
    assert evaluation_digest() != before


def reference(**changes):
    own = {"dataset": DATASET, "network": "compact_images", "exits": 3, "macs": 1000}
    own |= {"first_exit": 100, "kind": "images", "class_names": ("a", "b")}
    return Reference(**{**own, **changes})


@pytest.mark.parametrize(
    "changes", [{"network": "roomy_images"}, {"exits": 4}, {"macs": 1001}, {"first_exit": 99}]
)
def test_networks_differ_by_name_exits_and_costs(changes):
    assert hash_of(network_of(reference(**changes))) != hash_of(network_of(reference()))


def test_what_classes_are_called_does_not_count():
    assert network_of(reference(class_names=("x", "y"))) == network_of(reference())


def test_code_counts_without_what_does_not_run(tmp_path):
    path = tmp_path / "net.py"
    text = '"""Net."""\n\nCARD = {\n    "title": "Net",\n}\nSIZE = 3  # "x" # y\n\n\ndef f(x):\n'
    text += '    """Doc.\n\n    More.\n    """\n    return x + "#" + \'a\'\n'
    path.write_text(text)
    assert bare_code(path) == "SIZE = 3\ndef f(x):\n    return x + \"#\" + 'a'\n"
    path.write_text(text.replace("SIZE = 3", "SIZE = 4"))
    assert bare_code(path).startswith("SIZE = 4\n")


ARRAYS = {
    "dataset": np.array("toy"),
    "digest": np.array("of this machine"),
    "train_index": np.arange(9),
    "y": np.arange(9) % 3,
    "x": np.linspace(1, 2, 50).reshape(5, 10),
}


def digest(path, **changes):
    save_npz(path, **{**ARRAYS, **changes})
    return data_digest(path)


def test_data_are_the_same_on_another_machine(tmp_path):
    path = tmp_path / "1.npz"
    noise = np.random.default_rng(0).normal(size=(5, 10)) * 1e-12
    assert digest(path, x=ARRAYS["x"] + noise, digest=np.array("another")) == digest(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"train_index": np.arange(9)[::-1]},
        {"y": (np.arange(9) + 1) % 3},
        {"x": 1.01 * ARRAYS["x"]},
        {"x": ARRAYS["x"].reshape(10, 5)},
        {"dataset": np.array("ball")},
        {"more": np.arange(2)},
    ],
)
def test_other_data_are_others(changes, tmp_path):
    assert digest(tmp_path / "1.npz", **changes) != digest(tmp_path / "1.npz")
