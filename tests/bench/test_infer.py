import json

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import tiny_dataset, tiny_run

from cgt.analysis.latency import draw_latency
from cgt.bench import infer
from cgt.bench.variants import without_exits
from cgt.predictions import load_predictions, save_predictions

METHODS = ("single_exit", "static", "branchynet", "classynet")


def small(patch):
    """The tiny dataset, few samples and rounds."""
    patch.setattr(infer, "load", lambda dataset, prepared, raw: tiny_dataset())
    patch.setattr(infer, "SAMPLES", {1: 8, 64: 60, 256: 60})
    patch.setattr(infer, "ROUNDS", 2)


def bench(root, methods=METHODS):
    out = root / "benchmarks/infer_indian_pines.csv"
    infer.bench_infer(
        root / "runs",
        root / "points.csv",
        dataset="indian_pines",
        methods=methods,
        seed=1,
        prepared=root / "prepared.npz",
        raw=root / "raw",
        out=out,
    )
    return out


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("bench")
    for method in METHODS:
        tiny_run(method, root / "runs/indian_pines" / method / "1")
    points = [
        ("indian_pines", method, 1, point, threshold)
        for method in METHODS
        for point, threshold in (("knee", 0.6), ("tau_0.9", 0.9), ("budget_25", 0.1))
    ]
    columns = ["dataset", "method", "seed", "point", "threshold"]
    pd.DataFrame(points, columns=columns).to_csv(root / "points.csv", index=False)
    return root


@pytest.fixture(scope="module")
def path(root):
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        return bench(root)


@pytest.fixture(scope="module")
def table(path):
    return pd.read_csv(path)


def test_every_method_is_measured_in_every_way_at_every_batch_size(table):
    found = set(
        table[["method", "point", "variant", "batch"]].fillna("").itertuples(index=False, name=None)
    )
    ways = {("single_exit", "", "full"), *(("static", "", f"prefix_{e}") for e in (1, 2, 3))}
    for method in ("branchynet", "classynet"):
        ways.add((method, "", "full"))
        ways |= {
            (method, point, variant)
            for point in ("knee", "tau_0.9")
            for variant in ("infer", "simulated", "deployed")
        }
    assert found == {(*way, batch) for way in ways for batch in (1, 64, 256)}


def test_what_stops_early_answers_as_the_run_does_on_the_whole_test_set(table):
    stops = table["variant"].isin(["infer", "deployed"])
    assert (table.loc[stops, "disagreements"] == 0).all()
    assert table.loc[~stops, "disagreements"].isna().all()


def test_costs_are_those_of_the_timed_samples(table):
    whole = table["variant"].isin(["full", "prefix_3"])
    assert (table.loc[whole, ["relative_macs", "relative_time"]] == 1).all(axis=None)
    simulated = table[table["variant"] == "simulated"]
    assert (simulated["relative_macs"] == 1).all()
    stopping = table[table["variant"] == "infer"]
    assert ((stopping["relative_macs"] > 0) & (stopping["relative_macs"] <= 1)).all()
    assert stopping["relative_macs"].min() < 1


def test_times_are_times(table):
    assert (table["samples_per_second"] > 0).all()
    one = table[table["batch"] == 1]
    assert (one["p50_ms"] <= one["p95_ms"]).all() and (one["p95_ms"] <= one["p99_ms"]).all()
    assert table.loc[table["batch"] > 1, "p50_ms"].isna().all()
    decided = one["variant"] == "infer"
    assert one.loc[decided, "decision_overhead"].notna().all()
    assert one.loc[~decided, "decision_overhead"].isna().all()


def test_machine_and_versions_stand_beside_it(path, table):
    machine = json.loads(path.with_suffix(".json").read_text())
    assert machine["threads"] == 1 and machine["versions"]["torch"] == torch.__version__
    engines = dict(zip(table["variant"], table["engine"], strict=True))
    assert engines["infer"].startswith("torch ")
    assert engines["deployed"].startswith("onnxruntime ")


def test_a_wrong_answer_is_counted(root, path, tmp_path, monkeypatch):
    """One class in one exit's predictions is changed: that many disagreements are found."""
    small(monkeypatch)
    folder = tmp_path / "runs/indian_pines/branchynet/1"
    folder.mkdir(parents=True)
    for file in (root / "runs/indian_pines/branchynet/1").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (tmp_path / "points.csv").write_bytes((root / "points.csv").read_bytes())
    predictions = load_predictions(folder / "predictions.npz")
    predictions.test.prediction[:, 0] = (predictions.test.prediction[:, 0] + 1) % 3
    save_predictions(folder / "predictions.npz", predictions)
    table = pd.read_csv(bench(tmp_path, ["branchynet"]))
    stops = table["variant"].isin(["infer", "deployed"])
    assert (table.loc[stops, "disagreements"] == 1).all()


def test_a_missing_threshold_is_named(root):
    with pytest.raises(ValueError, match=r"have no knee of indian_pines/cascade/1; knee, tau_0\.9"):
        bench(root, ["cascade"])


def test_without_exits_nothing_leaves_but_the_last_exit_is_the_same():
    from cgt import EarlyExitNetwork

    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 4) for _ in range(4)]
    network = EarlyExitNetwork(layers[:2], layers[2:]).eval()
    x = 100 * torch.randn(8, 4)
    index, prediction = without_exits(network).infer(x, 1.0)
    assert index.tolist() == [1] * 8
    assert torch.equal(prediction, network(x)[1].argmax(dim=1))
    assert network.infer(x, 0.5)[0].tolist() == [0] * 8  # the network itself is as it was


def test_the_figure_is_drawn_from_the_table_to_the_same_bytes(path, tmp_path):
    for folder in ("first", "second"):
        draw_latency([path], tmp_path / folder)
    names = sorted(file.name for file in (tmp_path / "first").iterdir())
    assert names == ["latency.pdf", "latency.png", "latency.svg"]
    for name in names:
        first, second = ((tmp_path / folder / name).read_bytes() for folder in ("first", "second"))
        assert first == second


def test_batches_hold_all_samples_in_order():
    x = np.arange(10, dtype=np.float32).reshape(10, 1, 1, 1)
    cut = infer.batches(x, 4)
    assert [len(part) for part in cut[False]] == [len(part) for part in cut[True]] == [4, 4, 2]
    assert torch.cat(cut[False]).flatten().tolist() == np.concatenate(cut[True]).ravel().tolist()
