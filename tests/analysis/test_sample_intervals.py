"""Headline differences over seeds and test samples, from the runs' predictions."""

import numpy as np
import pandas as pd
import pytest

from cgt.analysis.comparisons import differences
from cgt.analysis.frames import read_summary
from cgt.analysis.sample_intervals import COLUMNS, against_reference, write_sample_intervals
from cgt.commands.cli import main


@pytest.fixture(scope="module")
def expected(summary_dir):
    folder = summary_dir.parent / "runs"
    found = [path.relative_to(folder).parts for path in sorted(folder.glob("*/*/*"))]
    return [(dataset, method, int(seed)) for dataset, method, seed in found]


@pytest.fixture(scope="module")
def table(summary_dir, expected, tmp_path_factory):
    out = tmp_path_factory.mktemp("sampled") / "sample_intervals.csv"
    root = summary_dir.parent
    write_sample_intervals(root / "runs", expected, root / "reference", out)
    return pd.read_csv(out)


def test_differences_are_those_of_the_areas(table, frames):
    assert tuple(table) == COLUMNS
    areas = frames["areas"].set_index(["dataset", "method", "seed"])["mean_budget_accuracy"]
    areas = areas.sort_index()
    for row in table.itertuples():
        own, other = areas[row.dataset, row.method], areas[row.dataset, row.reference]
        assert row.difference == pytest.approx((own - other).mean(), abs=2e-6)
    assert set(table["reference"]) == {"branchynet"}
    assert set(table["method"]) == set(frames["areas"]["method"]) - {"branchynet"}
    assert set(table["samples"]) == {300}


def test_samples_speak_beside_seeds():
    """Two seeds that agree: the t interval has no width, the samples' one does."""
    reference = {1: np.zeros(400), 2: np.zeros(400)}
    gain = np.repeat([1.0, 0.0], [40, 360])
    found = {"branchynet": reference, "soft_cgt": {1: gain, 2: gain}}
    for shared in (True, False):
        (row,) = against_reference(found, shared)
        assert row["difference"] == row["ci_low"] == row["ci_high"] == pytest.approx(0.1)
        assert row["sampled_low"] < 0.1 < row["sampled_high"]
        assert (row["n"], row["samples"], row["shared"]) == (2, 400, int(shared))
    # The same samples twice say as little as once; others say more.
    widths = [
        row["sampled_high"] - row["sampled_low"]
        for shared in (True, False)
        for row in against_reference(found, shared)
    ]
    error = (0.1 * 0.9 / 400) ** 0.5
    assert widths[0] == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert widths[1] == pytest.approx(2 * 1.96 * error / 2**0.5, rel=0.1)


def test_only_seeds_of_both_count_and_without_branchynet_the_first_is_the_reference():
    one = {seed: np.array([0.0, 1.0]) for seed in (1, 2, 3)}
    other = {seed: np.array([1.0, 1.0]) for seed in (3, 4)}
    (row,) = against_reference({"a": one, "b": other}, shared=True)
    assert (row["method"], row["reference"], row["n"]) == ("b", "a", 1)
    assert np.isnan(row["ci_low"]) and row["sampled_low"] <= 0.5 <= row["sampled_high"]
    assert against_reference({"a": one, "b": {9: one[1]}}, shared=True) == []
    assert against_reference({}, shared=True) == []


def test_the_table_of_differences_takes_them_over(table, frames, summary_dir):
    told = differences({**frames, "sample_intervals": table})
    area = told["metric"] == "mean_budget_accuracy"
    assert told.loc[area, "sampled_low"].notna().all()
    assert told.loc[~area, "sampled_low"].isna().all()
    assert differences(frames)["sampled_low"].isna().all()
    assert "sample_intervals" not in read_summary(summary_dir)


def test_a_run_that_is_missing_is_named(summary_dir, expected, tmp_path, capsys):
    root = summary_dir.parent
    folders = ["--runs", str(root / "runs"), "--references", str(root / "reference")]
    names = ["/".join(map(str, run)) for run in [*expected[:2], ("fashion_mnist", "none", 1)]]
    out = tmp_path / "out.csv"
    assert main(["sample-intervals", *names, *folders, "--out", str(out)]) == 2
    assert "fashion_mnist/none/1/predictions.npz is missing" in capsys.readouterr().err
    assert not out.exists()
