"""Exported networks beside a bare session: where samples leave, and which rows there are."""

import numpy as np
import pandas as pd
import pytest
import torch

from cgt.bench import device
from cgt.nn.cost import cumulative_macs
from cgt.operate.routing import exit_index, exit_shares

SHARES = (0.6, 0.3, 0.1)


@pytest.mark.parametrize("shares", [SHARES, (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)])
def test_samples_leave_in_the_given_shares(shares):
    sure = np.random.default_rng(0).uniform(0.01, 0.99, size=(3, 200))
    found = exit_index(sure, device.thresholds_for(sure, shares))
    assert exit_shares(found, 3).tolist() == pytest.approx(shares)


POINTS = pd.DataFrame(
    [
        ("fashion_mnist", "soft_cgt", 1, "one_se", 0.8, 0.1, 0.1, np.nan),
        ("fashion_mnist", "soft_cgt", 2, "one_se", 0.4, 0.5, 0.1, np.nan),
        ("fashion_mnist", "branchynet", 1, "one_se", 0.0, 0.0, 1.0, np.nan),
        ("another", "soft_cgt", 1, "one_se", 0.2, 0.2, 0.2, 0.4),
    ],
    columns=["dataset", "method", "seed", "point", "exit_1", "exit_2", "exit_3", "exit_4"],
)


@pytest.fixture()
def points(tmp_path):
    POINTS.to_csv(tmp_path / "points.csv", index=False)
    return tmp_path / "points.csv"


def test_each_way_is_measured_and_held_against_the_bare_one(points, monkeypatch):
    small = device.Setting(
        "compact_images", (1, 12, 12), 3, "fashion_mnist", 10, 2, in_batches=True
    )
    settings = {"small": small, "elsewhere": small._replace(shares="nowhere")}
    monkeypatch.setattr(device, "SETTINGS", settings)
    out = points.with_name("device.csv")
    device.bench_device(points, out)
    table = pd.read_csv(out)
    keys = ["network", "engine", "memory_format", "way", "batch"]
    ways = list(table[keys].fillna("").itertuples(index=False, name=None))
    single = ("bare", "deployed", "staged", "single_file")
    assert ways == [
        *(("small", "onnxruntime", "", way, 1) for way in single),
        *(
            ("small", "torch", form, way, 10)
            for form in ("contiguous", "channels_last")
            for way in ("bare", "infer")
        ),
    ]
    bare = table["way"] == "bare"
    assert set(table.loc[~bare, "exit_shares"]) == {"0.600 0.300 0.100"}  # the means of both seeds
    assert (table.loc[bare, ["relative_time", "relative_macs"]] == 1).all(axis=None)
    assert table.loc[bare, "goal"].isna().all() and (table.loc[~bare, "goal"] == device.GOAL).all()
    early = table.loc[~bare, "relative_macs"]
    assert ((early > 0) & (early < 1)).all() and early.nunique() == 1
    assert (table["mean_us"] > 0).all() and (table["relative_time_low"] > 0).all()
    assert out.with_suffix(".json").exists()


def test_what_has_no_points_is_left_out_by_name(points, monkeypatch, capsys):
    small = device.Setting("compact_images", (1, 12, 12), 3, "fashion_mnist", 4, 1)
    settings = {"small": small, "elsewhere": small._replace(shares="nowhere")}
    monkeypatch.setattr(device, "SETTINGS", settings)
    out = points.with_name("device.csv")
    device.bench_device(points, out)
    assert set(pd.read_csv(out)["network"]) == {"small"}
    assert "elsewhere is left out" in capsys.readouterr().err
    with pytest.raises(ValueError, match="has no one_se of soft_cgt on nowhere, which elsewhere"):
        device.bench_device(points, out, ["elsewhere"])


def test_ratios_are_of_the_medians_and_goals_of_the_macs():
    """A round in which the machine was busy moves low and high, and not the ratio."""
    seconds = {
        "bare": np.array([[1.0, 3.0], [1.0, 3.0], [9.0, 9.0]]),
        "infer": np.array([[0.5, 1.5], [0.5, 1.5], [27.0, 27.0]]),
    }
    given = {"network": "made up"}, seconds, np.array([0, 0, 1, 1]), np.array([0.25, 1.05])
    bare, infer = device._held_against_bare(*given, None, 1.1)
    assert infer["network"] == "made up" and infer["way"] == "infer"
    assert infer["relative_macs"] == pytest.approx((0.25 + 1.05) / 2)
    assert infer["goal"] == pytest.approx(1.1 * 0.65) and bare["goal"] == ""
    assert infer["relative_time"] == 0.5
    assert (infer["relative_time_low"], infer["relative_time_high"]) == (0.5, 3.0)
    assert bare["mean_us"] == pytest.approx(1e6) and infer["mean_us"] == pytest.approx(5e5)
    assert infer["exit_shares"] == "0.500 0.500" and bare["exit_shares"] == ""
    assert device._held_against_bare(*given, 0.93, 1.0)[1]["goal"] == 0.93


def test_the_second_answer_counts_and_all_take_turns(monkeypatch):
    calls, clock = [], iter(range(1000))
    monkeypatch.setattr(device.time, "perf_counter", lambda: next(clock))
    ways = {"bare": lambda x: calls.append(("bare", x)), "infer": lambda x: calls.append(x)}
    found = device.seconds_of(ways, ["a", "b"], 2)
    assert calls == 2 * [("bare", "a"), ("bare", "a"), "a", "a", ("bare", "b"), ("bare", "b"),
                         "b", "b"]  # fmt: skip
    assert {way: took.tolist() for way, took in found.items()} == dict.fromkeys(ways, [[1, 1]] * 2)


def test_resnet_on_large_images_begins_with_a_fourth_of_the_side():
    """He et al. give 1.8 G multiply–accumulates."""
    network = device._network(device.SETTINGS["resnet18_224"], 4)
    stem = network.stages[0][0]
    assert list(stem(torch.zeros(1, 3, 224, 224)).shape) == [1, 64, 56, 56]
    assert cumulative_macs(network.backbone(), (3, 224, 224)) == [1_814_073_344]


def test_a_network_that_it_does_not_know_is_named(tmp_path):
    pd.DataFrame({"dataset": []}).to_csv(tmp_path / "points.csv", index=False)
    with pytest.raises(ValueError, match="network is 'abacus'; allowed are compact_images"):
        device.bench_device(tmp_path / "points.csv", tmp_path / "out.csv", ["abacus"])
