"""Exported networks beside a bare session: where samples leave, and which rows there are."""

import numpy as np
import pandas as pd
import pytest

from cgt.bench import device
from cgt.operate.routing import exit_index, exit_shares

SHARES = (0.6, 0.3, 0.1)


@pytest.mark.parametrize("shares", [SHARES, (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)])
def test_samples_leave_in_the_given_shares(shares):
    sure = np.random.default_rng(0).uniform(0.01, 0.99, size=(3, 200))
    found = exit_index(sure, device.thresholds_for(sure, shares))
    assert exit_shares(found, 3).tolist() == pytest.approx(shares)


def test_each_way_is_measured_and_held_against_the_bare_session(tmp_path, monkeypatch):
    monkeypatch.setattr(device, "ROUNDS", 2)
    small = device.Setting((1, 12, 12), 3, "fashion_mnist", 10)
    monkeypatch.setattr(device, "SETTINGS", {"compact_images": small})
    points = pd.DataFrame(
        [("fashion_mnist", method, seed, "one_se", *shares) for method, seed, shares in (
            ("soft_cgt", 1, (0.8, 0.1, 0.1)), ("soft_cgt", 2, (0.4, 0.5, 0.1)),
            ("branchynet", 1, (0.0, 0.0, 1.0)))],
        columns=["dataset", "method", "seed", "point", "exit_1", "exit_2", "exit_3"],
    )  # fmt: skip
    points.to_csv(tmp_path / "points.csv", index=False)
    device.bench_device(tmp_path / "points.csv", tmp_path / "device.csv")
    table = pd.read_csv(tmp_path / "device.csv").set_index("way")
    assert list(table.index) == ["bare", "deployed", "staged", "single_file"]
    assert set(table["exit_shares"]) == {"0.600 0.300 0.100"}  # the means of both seeds
    assert (table.loc["bare", ["relative_time", "relative_macs"]] == 1).all()
    early = table.drop("bare")
    assert ((early["relative_macs"] > 0) & (early["relative_macs"] < 1)).all()
    assert early["relative_macs"].nunique() == 1 and (table["mean_us"] > 0).all()
    assert (tmp_path / "device.json").exists()


def test_a_network_that_it_does_not_know_is_named(tmp_path):
    pd.DataFrame({"dataset": []}).to_csv(tmp_path / "points.csv", index=False)
    with pytest.raises(ValueError, match="network is 'abacus'; allowed are compact_images"):
        device.bench_device(tmp_path / "points.csv", tmp_path / "out.csv", ["abacus"])
