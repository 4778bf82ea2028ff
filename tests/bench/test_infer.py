import json

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from tiny import tiny_dataset, tiny_run

from cgt.analysis.latency import draw_latency
from cgt.bench import infer
from cgt.bench.variants import Variant, variants, without_exits
from cgt.records.files import write_json
from cgt.records.manifest import digests
from cgt.records.predictions import load_predictions, save_predictions
from cgt.training.runs import open_run

METHODS = ("single_exit", "static", "branchynet", "classynet")


def small(patch):
    """The tiny dataset, few samples and rounds."""
    patch.setattr(infer, "load", lambda dataset, prepared, raw: tiny_dataset())
    patch.setattr(infer, "SAMPLES", {1: 8, 7: 60, 64: 60, 256: 60})
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
        for point, threshold in (("one_se", 0.6), ("threshold_0.9", 0.9), ("budget_25", 0.1))
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
    keys = ["method", "point", "variant", "engine", "batch"]
    found = sorted(table[keys].fillna("").itertuples(index=False, name=None))
    engines, points = ("torch", "onnxruntime"), ("one_se", "threshold_0.9")
    alone = [("static", f"prefix_{e}") for e in (1, 2, 3)]
    alone += [(method, "backbone") for method in ("single_exit", "branchynet", "classynet")]
    ways = [(method, "", variant, engine) for method, variant in alone for engine in engines]
    for method in ("branchynet", "classynet"):
        ways.append((method, "", "full", "torch"))
        for point in points:
            ways += [(method, point, "infer", engine) for engine in engines]
            ways.append((method, point, "simulated", "torch"))
    assert found == sorted((*way, batch) for way in ways for batch in (1, 7, 64, 256))


def test_what_stops_early_answers_as_the_run_does_on_the_whole_test_set(table):
    asked = (table["variant"] == "infer") | (table["batch"] == 256)
    assert (table.loc[asked, "disagreements"] == 0).all()
    assert table.loc[~asked, "disagreements"].isna().all()
    assert table["disagreement_distance"].isna().all()


def test_costs_are_those_of_the_timed_samples(table):
    whole = table["variant"].isin(["backbone", "prefix_3"])
    assert (table.loc[whole, ["relative_macs", "relative_time"]] == 1).all(axis=None)
    # The early exits' own classifiers cost something, too.
    everything = table[table["variant"].isin(["full", "simulated"])]
    assert (everything["relative_macs"] > 1).all() and everything["relative_macs"].max() < 1.1
    stopping = table[table["variant"] == "infer"]
    assert ((stopping["relative_macs"] > 0) & (stopping["relative_macs"] <= 1)).all()
    assert stopping["relative_macs"].min() < 1


def test_times_are_times(table):
    assert (table["samples_per_second"] > 0).all()
    one = table[table["batch"] == 1]
    assert (one["p50_ms"] <= one["p95_ms"]).all() and (one["p95_ms"] <= one["p99_ms"]).all()
    assert table.loc[table["batch"] > 1, "p50_ms"].isna().all()
    assert (table["relative_time_low"] <= table["relative_time"]).all()
    assert (table["relative_time"] <= table["relative_time_high"]).all()
    decided = (one["variant"] == "infer") & (one["engine"] == "torch")
    assert one.loc[decided, "decision_overhead"].notna().all()
    assert (one[decided].groupby("method")["decision_overhead"].nunique() == 1).all()
    assert one.loc[~decided, "decision_overhead"].isna().all()


def test_machine_and_versions_stand_beside_it(path):
    machine = json.loads(path.with_suffix(".json").read_text())
    assert machine["threads"] == 1 and machine["versions"]["torch"] == torch.__version__
    assert machine["versions"]["onnxruntime"] == onnxruntime.__version__


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
    manifest = json.loads((folder / "manifest.json").read_text())
    write_json(folder / "manifest.json", {**manifest, "files": digests(folder)})
    table = pd.read_csv(bench(tmp_path, ["branchynet"]))
    stops = (table["variant"] == "infer") | ((table["variant"] == "full") & (table["batch"] == 256))
    assert (table.loc[stops, "disagreements"] == 1).all()
    # It left where it should, so no rounding at the threshold explains it.
    assert np.isinf(table.loc[stops, "disagreement_distance"]).all()


def made_up(answer, **changes):
    given = {
        **{"method": "branchynet", "point": "one_se", "threshold": "0.5", "variant": "infer"},
        **{"engine": "torch", "answer": answer, "exit": np.array([0, 1, 1])},
        **{"prediction": np.array([4, 5, 6]), "macs": np.array([1, 2, 2])},
        **{"distance": np.array([[0.1, 1e-8, 0.3], [0.2, 0.2, 0.2]]), "is_whole": False},
    }
    return Variant(**{**given, **changes})


def test_how_far_from_the_threshold_an_answer_parts_from_the_run():
    same = made_up(lambda x: (torch.tensor([0, 1, 1]), torch.tensor([4, 5, 6])))
    assert infer.disagreements(same, [None]) == (0, "")
    earlier = made_up(lambda x: (torch.tensor([0, 0, 1]), torch.tensor([4, 7, 6])))
    assert infer.disagreements(earlier, [None]) == (1, 1e-8)
    later = made_up(lambda x: (torch.tensor([1, 0, 1]), torch.tensor([4, 5, 6])))
    assert infer.disagreements(later, [None]) == (2, 0.1)
    always = made_up(lambda x: torch.tensor([4, 5, 7]))
    assert infer.disagreements(always, [None]) == (1, np.inf)


def test_variants_take_turns_at_every_batch_and_the_second_answer_counts(monkeypatch):
    calls, clock = [], iter(range(1000))
    monkeypatch.setattr(infer.time, "perf_counter", lambda: next(clock))
    both = [
        made_up(lambda x: calls.append(("a", x))),
        made_up(lambda x: calls.append(("b", x)), engine="onnxruntime"),
    ]
    found = infer.seconds_of(both, {False: ["x", "y"], True: ["X", "Y"]}, rounds=2)
    turn = [("a", "x")] * 2 + [("b", "X")] * 2 + [("a", "y")] * 2 + [("b", "Y")] * 2
    assert calls == 2 * turn
    assert [one.tolist() for one in found] == [[[1, 1], [1, 1]]] * 2


def test_a_pace_that_changes_from_round_to_round_cancels():
    pace, target = np.array([[1.0], [3.0], [0.5]]), np.array([4, 5, 6])
    row = infer.rows_of(
        made_up(None),
        *(1, np.arange(3), pace * [0.2, 0.4, 0.4]),
        *(np.array([2, 2, 2]), pace * [0.5, 0.5, 1.0], target),
    )
    ratios = [row[name] for name in ("relative_time", "relative_time_low", "relative_time_high")]
    assert ratios == pytest.approx([0.5] * 3)
    assert row["relative_macs"] == pytest.approx(5 / 6)
    assert row["samples_per_second"] == 3.0
    assert row["p50_ms"] == 400 and row["p99_ms"] == pytest.approx(1200)


def test_in_onnxruntime_the_network_without_exits_is_a_bare_session(root, tmp_path, monkeypatch):
    run = open_run(root / "runs/indian_pines/branchynet/1", tiny_dataset())
    predictions = load_predictions(root / "runs/indian_pines/branchynet/1/predictions.npz")
    given = {"one_se": 0.6}
    found = {
        one.variant: one
        for one in variants(run, predictions, given, tmp_path)
        if one.engine == "onnxruntime"
    }
    assert set(found) == {"backbone", "infer"} and found["backbone"].is_whole
    monkeypatch.delattr("cgt.deploy.runtime.Deployed._infer_one")
    monkeypatch.delattr("cgt.deploy.runtime.Deployed._as_thresholds")
    x = run.data.test.x
    assert found["backbone"].answer(x[:1]).tolist() == predictions.test.prediction[-1, :1].tolist()
    assert found["backbone"].answer(x).tolist() == predictions.test.prediction[-1].tolist()


def test_every_row_says_what_it_is_held_against(table):
    said = table.groupby("engine")["baseline"].unique().map(list).to_dict()
    assert said == {"torch": ["module"], "onnxruntime": ["bare session"]}


def test_a_missing_threshold_is_named(root):
    with pytest.raises(
        ValueError, match=r"have no one_se of indian_pines/cascade/1; one_se, threshold_0\.9"
    ):
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


def test_batches_of_signals():
    x = np.arange(240, dtype=np.float32).reshape(6, 1, 40)
    found = infer.batches(x, 4)
    for parts in found.values():
        np.testing.assert_array_equal(np.concatenate([np.asarray(part) for part in parts]), x)
