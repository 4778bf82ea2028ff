"""How small a difference the seeds can detect, pair by pair."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from test_comparisons import frames_of
from worlds import table

from cgt.analysis.power import power
from cgt.analysis.tables.power import power_parts


def of_areas(**methods):
    found = power(frames_of(table("mean_budget_accuracy", **methods)))
    return found[found["metric"] == "mean_budget_accuracy"].set_index(["method_a", "method_b"])


def test_each_pair_has_its_own_noise():
    found = of_areas(a=[0.1, 0.2, 0.3], b=[0.1, 0.1, 0.1], c=[9.3, 0.1, 0.2])
    # Differences b - a: 0, -.1, -.2. The wild method c does not touch them.
    assert found.loc[("b", "a"), "sd_paired"] == pytest.approx(0.1)
    assert found.loc[("c", "b"), "sd_paired"] == pytest.approx(np.std([9.2, 0, 0.1], ddof=1))
    assert found.index.tolist() == [("b", "a"), ("c", "a"), ("c", "b")]
    assert set(found["n"]) == {3}


def test_the_textbook_case():
    """A difference of one standard deviation, here 0.3 points, needs ten pairs."""
    row = of_areas(a=[0.5, 0.5], b=[0.5, 0.5 + 0.003 * np.sqrt(2)]).iloc[0]
    assert row["sd_paired"] == pytest.approx(0.003)
    assert (row["n_needed"], row["sufficient"]) == (10, 0)


def test_what_does_not_vary_needs_few_seeds():
    row = of_areas(a=[0.5, 0.6, 0.7], b=[0.4, 0.5, 0.6]).iloc[0]
    assert row["mde"] == pytest.approx(0, abs=1e-12)
    assert (row["n_needed"], row["sufficient"]) == (2, 1)


def test_a_pair_uses_the_seeds_that_both_have():
    found = of_areas(a=[0.1, 0.2, 0.3], b=[0.1, 0.1, 0.1], c=[0.2, 0.1])
    assert found["n"].to_dict() == {("b", "a"): 3, ("c", "a"): 2, ("c", "b"): 2}


def test_one_seed_tells_nothing():
    row = of_areas(a=[0.9], b=[0.8]).iloc[0]
    assert np.isnan([row["sd_paired"], row["mde"]]).all()
    assert pd.isna(row["n_needed"])
    assert row["sufficient"] == 0


def test_a_detectable_difference_is_found_in_80_percent_of_samples():
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 0.01, (2, 6))
    row = of_areas(a=noise[0], b=noise[1]).iloc[0]
    draws = rng.normal(row["mde"], row["sd_paired"], (6, 5000))
    found = stats.ttest_1samp(draws, 0).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.02)


def test_the_table_counts_all_pairs_and_shows_those_with_branchynet():
    step = 0.003 * np.sqrt(2)
    areas = {"static": [0.5, 0.5], "branchynet": [0.5, 0.5 + step], "soft_cgt": [0.6, 0.6]}
    _, short, title, full, _ = power_parts(power(frames_of(table("mean_budget_accuracy", **areas))))
    line = next(line for line in short.splitlines() if line.startswith("| Indian Pines | Area |"))
    assert "| 2 | 1 of 3 |" in line  # static and SoftCGT do not vary at all
    assert line.endswith("| 10 |")  # the median of 2, 10 and 10
    assert title == "**Detectable differences: pairs with BranchyNet**"
    assert [line.split(" | ")[1] for line in full.splitlines()[2:]] == ["Static", "SoftCGT"]
    assert all("| 0.30 |" in line and "| 10 |" in line for line in full.splitlines()[2:])


def test_no_pair_no_table():
    assert power_parts(power(frames_of(table("mean_budget_accuracy", a=[0.9])))) == []
