"""The examples run, small, and do what they say."""

import csv
import importlib.util
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_classifier_of_torchvisions_goes_all_the_way(tmp_path):
    pytest.importorskip("torchvision")
    found = example("classifier").main(tmp_path, steps=30, samples=128)
    assert (found["prediction"] == found["target"]).float().mean() > 0.5  # by chance: 1/4
    assert len(found["exit"].unique()) > 1
    # Another engine rounds differently: one sample may lie within that of its threshold.
    for name in ("exit", "prediction"):
        assert (found[name] != found[f"{name}_on_device"]).sum() <= 1
    assert (tmp_path / "network.onnx").exists()


def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(EXAMPLES / "walkthrough.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # numbers of today only
    client = nbclient.NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": EXAMPLES}}
    )
    with client.setup_kernel():
        for number, cell in enumerate(notebook.cells):
            client.execute_cell(cell, number)
        names = ("difference.mean", "difference.n", "accuracy", "cost", "same")
        probe = nbformat.v4.new_code_cell(f"print({', '.join(f'float({n})' for n in names)})")
        notebook.cells.append(probe)
        client.execute_cell(probe, len(notebook.cells) - 1)
    mean, n, accuracy, cost, same = map(float, probe.outputs[0]["text"].split())

    with open(EXAMPLES.parent / "results/published/summary/areas.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["dataset"] == "indian_pines"]
    area = {(row["method"], row["seed"]): float(row["mean_budget_accuracy"]) for row in rows}
    seeds = [seed for method, seed in area if method == "soft_cgt"]
    gaps = [area["soft_cgt", seed] - area["branchynet", seed] for seed in seeds]
    assert n == len(gaps) and mean == pytest.approx(sum(gaps) / len(gaps))
    assert accuracy > 0.7  # by chance: 0.1
    assert 0.15 < cost < 0.35  # a quarter, chosen on other data
    assert same > 0.99


@pytest.fixture(scope="module")
def segmentation():
    return example("segmentation")


@pytest.fixture(scope="module")
def scene(segmentation):
    """Three fields side by side, told apart by noisy bands; a margin has no labels."""
    draw = np.random.default_rng(0)
    target = np.repeat(np.arange(3), 8)[None].repeat(20, axis=0)
    bands = draw.normal(size=(20, 24, 6)) + 0.6 * np.eye(3, 6)[target]
    split = draw.integers(1, 4, size=target.shape)
    target[:2], split[:2] = segmentation.IGNORED, 0
    return segmentation.Scene(bands.astype(np.float32), target, split, ["a", "b", "c"])


def test_one_pass_over_a_scene_is_many_over_its_windows(segmentation):
    """A pixel's logits are those of the window around it: the last exit sees 11 x 11 pixels."""
    torch.manual_seed(0)
    network, x = segmentation.dense_network(6, 3).eval(), torch.randn(1, 6, 20, 24)
    row, column, half = 9, 12, segmentation.PATCH // 2
    window = x[..., row - half : row + half + 1, column - half : column + half + 1]
    for whole, part in zip(network(x), network(window), strict=True):
        torch.testing.assert_close(whole[..., row, column], part[..., half, half])
    assert not torch.allclose(
        network(x)[-1][..., row, column], network(window[..., 1:-1, 1:-1])[-1][..., 4, 4]
    )


def test_every_pixel_is_a_row(segmentation):
    logits = [torch.randn(2, 3, 4, 5) for _ in range(2)]
    rows = segmentation.pixels(logits)
    assert [list(one.shape) for one in rows] == [[40, 3]] * 2
    assert torch.equal(rows[1][20 + 5 * 2 + 3], logits[1][1, :, 2, 3])


def test_labels_of_validation_and_test_do_not_train(segmentation, scene):
    other = np.where(scene.split == segmentation.TRAIN, scene.target, 0)
    answers = []
    for target in (scene.target, other):
        torch.manual_seed(0)
        answers.append(segmentation.answer_densely(scene._replace(target=target), 2)[0])
    assert all(torch.equal(one, same) for one, same in zip(*answers, strict=True))


def test_each_pixel_leaves_at_its_own_exit(segmentation, scene, tmp_path):
    exits = segmentation.run(scene, tmp_path, steps=30)
    with open(tmp_path / "segmentation.csv", encoding="utf-8") as file:
        rows = {row["network"]: row for row in csv.DictReader(file)}
    assert set(exits) == set(rows) == {"One pass", "Patches"}
    assert (tmp_path / "segmentation.png").stat().st_size > 10_000
    test = scene.split == segmentation.TEST
    for name, row in rows.items():
        assert float(row["accuracy"]) > 0.6  # by chance: 1/3
        assert exits[name].shape == scene.target.shape and len(np.unique(exits[name])) > 1
        shares = np.bincount(exits[name][test], minlength=3) / test.sum()
        assert [float(row[f"exit_{n}"]) for n in (1, 2, 3)] == pytest.approx(shares, abs=1e-3)
    same = (exits["One pass"] == exits["Patches"])[test].mean()
    assert float(rows["Patches"]["same_exit"]) == pytest.approx(same, abs=1e-3)
    # By hand: the one pass needs no pixel twice.
    dense = 6 * 48 * 9 + 48 * 48 * 9 + 48 * 64 * 9 + (48 + 48 + 64) * 3
    assert float(rows["One pass"]["macs_per_pixel"]) == pytest.approx(dense, rel=1e-3)
