import numpy as np
import pandas as pd
import pytest
from scipy import stats
from worlds import table

from cgt.analysis.comparisons import (
    against,
    comparisons,
    differences,
    ranks,
    reference_of,
    source_of,
)
from cgt.analysis.tables.comparisons import comparisons_files

Y, Z = [0.90, 0.92, 0.94, 0.93, 0.91], [0.9001, 0.9199, 0.9402, 0.93, 0.9099]
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


def on(dataset, **methods):
    return table("mean_budget_accuracy", **methods).assign(dataset=dataset)


def ranked(*areas):
    found = ranks(frames_of(pd.concat(areas))).query("metric == 'mean_budget_accuracy'")
    return found.set_index("method")


def test_ranks_by_hand():
    found = ranked(
        # Means 0.88, 0.85, 0.8: ranks 1, 2, 3. Seed by seed, a and b would both have 1.5.
        on("one", a=[0.96, 0.8], b=[0.85, 0.85], c=[0.7, 0.9]),
        on("two", a=[0.1], b=[0.3], c=[0.3]),  # 3 1.5 1.5
    )
    # A dataset with two seeds counts no more than one with one.
    assert found["mean_rank"].to_dict() == pytest.approx({"a": 2, "b": 1.75, "c": 2.25})
    assert set(found["n"]) == {2}
    assert found["friedman_p"].isna().all()


def test_two_splits_of_one_scene_count_once():
    down, up = {"a": [0.9], "b": [0.8], "c": [0.7]}, {"a": [0.7], "b": [0.8], "c": [0.9]}
    found = ranked(
        on("indian_pines", **down), on("indian_pines_disjoint", **down), on("fashion_mnist", **up)
    )
    assert found["mean_rank"].to_dict() == {"a": 2, "b": 2, "c": 2}
    assert set(found["n"]) == {2}
    # Two scenes that nobody knows are two.
    found = ranked(on("one", **down), on("two", **down), on("fashion_mnist", **up))
    assert found["mean_rank"].to_dict() == pytest.approx({"a": 5 / 3, "b": 2, "c": 7 / 3})


def test_what_datasets_are_made_from_stands_on_their_cards():
    assert source_of("indian_pines_disjoint") == source_of("indian_pines") == "indian_pines"
    others = ("fashion_mnist", "mnist1d", "waves")
    assert [source_of(name) for name in others] == list(others)


def test_ranks_are_tested_on_five_independent_datasets_and_not_on_seeds():
    same = {"a": [0.9] * 9, "b": [0.8] * 9, "c": [0.7] * 9}
    names = ["indian_pines", "indian_pines_disjoint", "fashion_mnist", "mnist1d", "one", "two"]
    found = ranked(*(on(name, **same) for name in names))
    assert set(found["n"]) == {5}
    # Five blocks that agree on three methods: p = exp(-5).
    assert found["friedman_p"].tolist() == pytest.approx([np.exp(-5)] * 3)
    fewer = ranked(*(on(name, **same) for name in names[:-1]))  # 45 runs a method
    assert set(fewer["n"]) == {4}
    assert fewer["friedman_p"].isna().all()


def test_the_tables_sentence_says_why_nothing_is_tested():
    def said(*names):
        spread = {"a": [0.9, 0.91], "b": [0.8, 0.8], "c": [0.7, 0.72]}
        frames = frames_of(pd.concat([on(name, **spread) for name in names]))
        frames["exits"] = frames["areas"].assign(exit=1)
        text = comparisons_files(frames)["comparisons.md"]
        return next(line for line in text.splitlines() if "count once" in line)

    few = said("indian_pines", "indian_pines_disjoint", "one", "two", "three")
    assert "Area: n = 4, no test, for which at least 5 are needed" in few and "p " not in few
    assert "Area: n = 5, p = 0.007" in said("one", "two", "three", "four", "five")


def test_ranks_use_what_every_method_has():
    found = ranked(on("one", a=[0.9, 0.8], b=[0.8, 0.9], c=[0.7]))
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


def test_each_method_against_the_reference_with_what_may_be_said():
    worse, unsure = [one - 0.05 for one in Y], [0.93, 0.9, 0.95, 0.91, 0.94]
    areas = table("mean_budget_accuracy", branchynet=Y, one=Z, two=unsure, three=worse)
    found = differences(frames_of(areas)).query("metric == 'mean_budget_accuracy'")
    found = found.set_index("method")
    assert found["kind"].to_dict() == {
        "one": "equal",
        "two": "no difference found",
        "three": "different",
    }
    assert set(found["reference"]) == {"branchynet"}
    row = found.loc["two"]
    theirs = stats.ttest_rel(unsure, Y)
    assert row["p_value"] == pytest.approx(theirs.pvalue)
    assert row["difference"] == pytest.approx(np.mean(unsure) - np.mean(Y))
    # Holm over the three methods, not over all six pairs.
    p = np.sort(found["p_value"])
    assert found["p_holm"].min() == pytest.approx(3 * p[0])
    assert found.loc["three", "sign_flip_p"] == 2 / 32
    assert found.loc["one", ["equal_p_0.1", "equal_p_0.3", "equal_p_0.5"]].is_monotonic_decreasing


def test_one_seed_is_not_tested():
    found = differences(frames_of(table("mean_budget_accuracy", branchynet=[0.9], b=[0.8])))
    assert set(found["kind"]) == {"not tested"}
    assert found[["p_holm", "sign_flip_p", "equal_p_0.3"]].isna().all(axis=None)


def test_without_any_difference_few_families_name_a_winner():
    """Holm over all entries keeps the rate of families with a false difference below 5 %."""
    chance, families = np.random.default_rng(4), 60
    names = [f"family_{number}" for number in range(families)]
    areas = pd.concat(
        on(name, **{m: chance.normal(0.9, 0.01, 6) for m in ("branchynet", "b", "c", "d", "e")})
        for name in names
    )
    found = differences(frames_of(areas)).query("metric == 'mean_budget_accuracy'")
    false = found.groupby("dataset")["p_holm"].min() < 0.05
    assert len(false) == families
    assert false.mean() <= 0.05 + 3 * (0.05 * 0.95 / families) ** 0.5
    assert (found["p_value"] < 0.05).sum() > false.sum()  # uncorrected, there would be more


def test_the_page_says_what_may_be_said():
    frames = frames_of(table("mean_budget_accuracy", branchynet=Y, one=Z))
    frames["exits"] = frames["areas"].assign(exit=1)
    text = comparisons_files(frames)["comparisons.md"]
    lines = [line for line in text.splitlines() if line.startswith("| one | +0.00 ±")]
    assert lines[0].endswith("| equal |")
    assert "Seeds and samples" not in text
    sampled = pd.DataFrame(
        [["indian_pines", "one", "branchynet", -0.002, 0.004]],
        columns=["dataset", "method", "reference", "sampled_low", "sampled_high"],
    )
    text = comparisons_files({**frames, "sample_intervals": sampled})["comparisons.md"]
    assert text.count("| −0.20 to +0.40 |") == 1
    assert text.count("Seeds and samples |") == 1  # of the area alone


def test_the_reference_is_branchynet_or_the_first():
    assert reference_of(["static", "branchynet"]) == "branchynet"
    assert reference_of(["static", "soft_cgt"]) == "static"
