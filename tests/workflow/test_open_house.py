"""What a newcomer adds: a method in one file, datasets with and without code, other exits."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from checkout import TINY, Checkout, copy_of_repository
from matplotlib.text import Text

from cgt.analysis.figures import FIGURES, draw
from cgt.analysis.frames import read_summary
from cgt.study.config import merge

METHOD = '''
"""Half gate: as SoftCGT, but a gate closes half at most."""

from dataclasses import dataclass

from cgt.methods.base import Method
from cgt.methods.half_gate_parts import halved
from cgt.nn.losses import SoftCGTLoss

CARD = {
    "title": "Half gate",
    "short": "HalfGate",
    "family": "ours",
    "trains": "jointly, half a gate",
    "source": "a test",
    "phases": 1,
    "settings": {"scale": {"type": "number", "minimum": 0, "default": 4.0, "meaning": "steepness"}},
    "space": {"scale": [4.0, 10.0]},
}


@dataclass
class HalfGate(Method):
    scale: float = 4.0

    def terms(self, found, targets, moment):
        loss = SoftCGTLoss(scale=self.scale, normalize=False, validate="none")
        return halved(loss.terms(found.logits, targets))
'''
PARTS = '''
"""A helper that one method alone imports."""


def halved(terms):
    """Eligibility and weights, moved half the way to 1."""
    return terms._replace(weights=(1 + terms.weights) / 2, eligibility=(1 + terms.eligibility) / 2)
'''
BLOCK = {"methods": {"half_gate": {"indian_pines": {"lr": 0.05}}}}

SOME = ("single_exit", "static", "branchynet", "classynet", "soft_cgt", "lwf", "zero_time_waste")
"""With one exit, with networks side by side, with a rule and with carried values of its own."""

COMMON = {
    "epochs": 4,
    "batch_size": 32,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "limit": None,
}


def everywhere(datasets, **settings):
    """The same settings on every dataset."""
    return {name: dict(settings) for name in datasets}


def shown_in(figure):
    return {text.get_text() for text in figure.findobj(Text)}


def copy_of(checkout, folder):
    return Checkout(Path(shutil.copytree(checkout.folder, folder, symlinks=True)))


OF_THE_PAPERS = ("claims", "verdicts", "depends", "in_short", "recall_words")
"""Tables that speak of the paper's methods alone."""


def test_a_method_is_one_file_and_one_block(finished, tmp_path):
    checkout = copy_of(finished, tmp_path / "copy")
    methods = checkout.folder / "cgt/methods"
    (methods / "half_gate.py").write_text(METHOD)
    (methods / "half_gate_parts.py").write_text(PARTS)
    assert checkout.planned() == {}
    checkout.configure(merge(TINY, BLOCK))
    assert checkout.planned()["train"] == checkout.planned()["evaluate"] == 1
    run = checkout.snakemake()
    assert run.returncode == 0, run.stdout
    results = checkout.folder / "results/tiny"
    for table in (results / "tables").glob("*.md"):
        if table.stem not in (*OF_THE_PAPERS, "audit"):
            assert "half_gate" in table.read_text() or "HalfGate" in table.read_text(), table.name
    assert checkout.planned() == {}
    # Its own files are inputs of its jobs alone.
    for name in ("half_gate.py", "half_gate_parts.py"):
        before = (methods / name).read_text()
        (methods / name).write_text(before + "\n# edited\n")
        assert checkout.planned()["train"] == 1
        (methods / name).write_text(before)


def test_a_method_that_no_card_here_knows_is_in_every_figure_of_methods(frames_with_a_stranger):
    for name in set(FIGURES) - {"claims"}:
        texts = shown_in(draw(name, frames_with_a_stranger))
        assert any("stranger" in text for text in texts), name


@pytest.fixture
def frames_with_a_stranger(finished):
    """Results in which the gated method has a name that nobody knows."""
    frames = read_summary(finished.folder / "results/tiny/summary")
    return {
        name: frame.replace({"method": {"soft_cgt": "stranger"}}) for name, frame in frames.items()
    }


def images(random, samples):
    """Stripes: class = direction and place."""
    y = np.arange(samples) % 3
    x = random.normal(0, 20, (samples, 16, 16)) + 100
    for number, label in enumerate(y):
        x[number, 5 * label : 5 * label + 4] += 100
    return {"x": x.clip(0, 255).astype(np.uint8), "y": y}


def signals(random, samples):
    """Bumps: class = place."""
    y = np.arange(samples) % 3
    x = random.normal(0, 0.3, (samples, 24))
    for number, label in enumerate(y):
        x[number, 8 * label : 8 * label + 5] += 1
    return {"x": x.astype(np.float32), "y": y}


def scene(random):
    """Fields: four blocks of land."""
    truth = np.zeros((24, 24), dtype=np.int64)
    for number, (row, column) in enumerate(itertools.product((0, 12), repeat=2), start=1):
        truth[row + 1 : row + 11, column + 1 : column + 11] = number
    cube = random.normal(0, 0.3, (24, 24, 6))
    cube[..., 0] += truth
    cube[..., 1] -= truth % 2
    return {"cube": cube, "ground_truth": truth}


@pytest.fixture(scope="module")
def own_datasets(tmp_path_factory):
    """Methods on images with two exits and signals with four, without a line of code."""
    checkout = copy_of_repository(tmp_path_factory.mktemp("own"))
    random = np.random.default_rng(0)
    (checkout.folder / "own").mkdir()
    np.savez(checkout.folder / "own/stripes.npz", **images(random, 150))
    np.savez(checkout.folder / "own/bumps.npz", **signals(random, 150))
    datasets = {
        "stripes": {
            "kind": "images",
            "path": "own/stripes.npz",
            "network": "roomy_images",
            "exits": 2,
            **COMMON,
        },
        "bumps": {
            "kind": "signals",
            "path": "own/bumps.npz",
            "network": "roomy_signals",
            "exits": 4,
            **COMMON,
        },
    }
    # All methods do so in tests/methods/test_exits.py.
    methods = {name: everywhere(datasets, lr=0.05) for name in SOME}
    methods["soft_cgt_shaped"] = {
        "method": "soft_cgt",
        **everywhere(datasets, lr=0.05, exit_weights_start="falling", exit_weights_end="rising"),
    }
    config = {**TINY, "datasets": datasets, "methods": methods}
    config["tuning"] = {**TINY["tuning"], "datasets": {}}
    checkout.configure(config)
    run = checkout.snakemake()
    assert run.returncode == 0, run.stdout
    return checkout.folder / "results/tiny"


def test_methods_run_with_two_exits_and_with_four(own_datasets):
    exits = read_summary(own_datasets / "summary")["exits"]
    count = exits.groupby(["dataset", "method"])["exit"].max()
    for method in [*SOME, "soft_cgt_shaped"]:
        alone = method == "single_exit"
        assert count["stripes", method] == (1 if alone else 2)
        assert count["bumps", method] == (1 if alone else 4)


def test_what_is_drawn_of_the_built_in_ones_is_drawn_of_ones_own(own_datasets):
    drawn = {path.stem for path in (own_datasets / "figures").glob("*.svg")}
    pictures = {
        f"{kind}_{name}" for kind in ("gallery", "confusion") for name in ("stripes", "bumps")
    }
    assert drawn == {*FIGURES, *pictures}
    results = (own_datasets / "tables/results.md").read_text()
    assert "| stripes |" in results and "| bumps |" in results
    assert "SoftCGT (shaped)" in results


def test_a_scene_of_ones_own_and_a_dataset_of_one_file(tmp_path):
    checkout = copy_of_repository(tmp_path)
    np.savez(tmp_path / "fields.npz", **scene(np.random.default_rng(0)))
    # The smallest file that is a dataset: another name, what it draws, and nothing elsewhere.
    module = (tmp_path / "cgt/data/mnist1d.py").read_text().replace('"MNIST-1D"', '"Tones"')
    module = module.replace('name: str = "mnist1d"', 'name: str = "tones"')
    (tmp_path / "cgt/data/tones.py").write_text(module)
    network = {"network": "roomy_scene", "components": 4, "patch": 5, **COMMON}
    datasets = {
        "fields": {"kind": "scene", "path": "fields.npz", **network},
        "tones": {"network": "roomy_signals", **COMMON, "epochs": 2, "limit": 300},
    }
    methods = {name: everywhere(datasets, lr=0.05) for name in ("single_exit", "soft_cgt")}
    config = {**TINY, "datasets": datasets, "methods": methods}
    config["tuning"] = {**TINY["tuning"], "datasets": {}}
    checkout.configure(config)
    run = checkout.snakemake()
    assert run.returncode == 0, run.stdout
    results = tmp_path / "results/tiny"
    drawn = {path.stem for path in (results / "figures").glob("*.svg")}
    own = {"scene_fields", "confusion_fields", "gallery_tones", "confusion_tones"}
    assert drawn == {*FIGURES, *own}
    assert "**fields**" in (results / "tables/audit.md").read_text()
    assert "| Tones |" in (results / "tables/results.md").read_text()
