import numpy as np
import pandas as pd
import pytest
from scipy import stats
from worlds import table

from cgt.analysis.comparisons import against, comparisons, ranks, reference_of

A, B, C = [0.90, 0.92, 0.94, 0.93], [0.89, 0.92, 0.93, 0.91], [0.95, 0.94, 0.96, 0.96]


def frames_of(areas, accuracy=None):
    accuracy = (
        areas.rename(columns={"mean_budget_accuracy": "accuracy"}) if accuracy is None else accuracy
    )
    return {"areas": areas, "operating_points": accuracy.assign(point="threshold_0.9")}


@pytest.fixture(scope="module")
def frames():
    one = table("mean_budget_accuracy", a=A, b=B, c=C)
    two = table("mean_budget_accuracy", a=B, b=C, c=A).assign(dataset="another")
    return frames_of(pd.concat([one, two]))


def test_each_pair_is_compared_by_the_paired_t_test(frames):
    found = comparisons(frames)
    assert len(found) == 2 * 2 * 3  # datasets, metrics, pairs
    row = found.query(
        "dataset == 'indian_pines' and metric == 'mean_budget_accuracy' and method_a == 'b'"
    ).iloc[0]
    theirs = stats.ttest_rel(B, A)
    assert row["method_b"] == "a"
    assert row["difference"] == pytest.approx(np.mean(B) - np.mean(A))
    assert row["p_value"] == pytest.approx(theirs.pvalue)
    interval = theirs.confidence_interval(0.95)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((interval.low, interval.high))
    assert row["n"] == 4


def test_holm_corrects_within_dataset_and_metric(frames):
    for _, part in comparisons(frames).groupby(["dataset", "metric"]):
        ordered = part.sort_values("p_value")
        first, second, third = ordered["p_value"]
        by_hand = [3 * first, max(3 * first, 2 * second), max(3 * first, 2 * second, third)]
        assert ordered["p_holm"].tolist() == pytest.approx(np.minimum(by_hand, 1).tolist())


def test_accuracy_is_that_at_the_papers_point():
    points = table("accuracy", a=[0.5, 0.6], b=[0.4, 0.4])
    frames = frames_of(table("mean_budget_accuracy", a=[0.9, 0.8], b=[0.9, 0.9]), points)
    one_se = points.assign(point="one_se", accuracy=0.0)
    frames["operating_points"] = pd.concat([one_se, frames["operating_points"]])
    found = comparisons(frames).set_index("metric")["difference"]
    assert found["accuracy_threshold_0.9"] == pytest.approx(-0.15)
    assert found["mean_budget_accuracy"] == pytest.approx(0.05)


def test_a_method_without_area_is_compared_by_accuracy_only():
    frames = frames_of(table("mean_budget_accuracy", a=A, b=B), table("accuracy", one=C, a=A, b=B))
    found = comparisons(frames)
    assert len(found[found["metric"] == "mean_budget_accuracy"]) == 1
    assert len(found[found["metric"] != "mean_budget_accuracy"]) == 3


def test_one_seed_has_differences_but_no_tests():
    found = comparisons(frames_of(table("mean_budget_accuracy", a=[0.9], b=[0.8])))
    assert found["difference"].tolist() == pytest.approx([-0.1, -0.1])
    assert found[["ci_low", "ci_high", "p_value", "p_holm"]].isna().all(axis=None)


def test_ranks_by_hand():
    areas = pd.concat(
        [
            table(
                "mean_budget_accuracy", a=[0.9, 0.8], b=[0.8, 0.8], c=[0.7, 0.9]
            ),  # ranks 1 2 3; 2.5 2.5 1
            table("mean_budget_accuracy", a=[0.1], b=[0.3], c=[0.2]).assign(
                dataset="another"
            ),  # 3 1 2
        ]
    )
    found = ranks(frames_of(areas)).query("metric == 'mean_budget_accuracy'").set_index("method")
    # A dataset with two seeds counts no more than one with one.
    assert found["mean_rank"].to_dict() == pytest.approx({"a": 2.375, "b": 1.625, "c": 2})
    assert set(found["n"]) == {3}


def test_ranks_use_what_every_method_has():
    areas = table("mean_budget_accuracy", a=[0.9, 0.8], b=[0.8, 0.9], c=[0.7])
    found = ranks(frames_of(areas)).query("metric == 'mean_budget_accuracy'").set_index("method")
    assert found["mean_rank"].to_dict() == {"a": 1, "b": 2, "c": 3}
    assert set(found["n"]) == {1}


def test_against_one_method_differences_are_turned():
    pairs = comparisons(frames_of(table("mean_budget_accuracy", a=A, b=B, c=C)))
    pairs = pairs[pairs["metric"] == "mean_budget_accuracy"]
    found = against(pairs, "b").set_index("method")
    assert found.index.tolist() == ["a", "c"]
    for method, values in (("a", A), ("c", C)):
        interval = stats.ttest_rel(values, B).confidence_interval(0.95)
        assert found.loc[method, "difference"] == pytest.approx(np.mean(values) - np.mean(B))
        assert found.loc[method, "ci_low"] == pytest.approx(interval.low)
        assert found.loc[method, "ci_high"] == pytest.approx(interval.high)


def test_the_reference_is_branchynet_or_the_first():
    assert reference_of(["static", "branchynet"]) == "branchynet"
    assert reference_of(["static", "soft_cgt"]) == "static"
