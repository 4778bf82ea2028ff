"""A method beside published rows: differences and places worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_rows import made_row, write_row

from cgt.analysis.join import (
    AREA,
    OTHER,
    SAME,
    WITHIN,
    agreement,
    differences,
    over_samples,
    places,
    resampled,
)
from cgt.analysis.tables.join import write_join
from cgt.records.csv_columns import ROW_POINTS
from cgt.records.rows import Outcomes, read_rows

BETTER = {1: 0.80, 2: 0.81, 3: 0.82}
REFERENCE = {1: 0.70, 2: 0.71, 3: 0.72, 4: 0.9}
NEAR = {1: 0.75, 2: 0.85, 3: 0.80}


@pytest.fixture
def published(tmp_path):
    folder = tmp_path / "published"
    write_row(folder, made_row("toy", "branchynet", REFERENCE, size=100))
    write_row(folder, made_row("toy", "near", NEAR, size=100, tuned="no: x", marked="trial"))
    return folder


def joining(folder, areas, **changes):
    own = {"tuned": "no: its card's defaults", "unmet": ("budget_10", "budget_25"), **changes}
    write_row(folder, made_row("toy", "mine", areas, size=100, **own))
    return folder


def test_differences_by_hand(tmp_path, published):
    own = read_rows(joining(tmp_path / "own", {1: 0.81, 2: 0.81, 3: 0.84}))
    found = differences(read_rows(published), own)
    area = found[found["metric"] == AREA].set_index("method")
    # Against branchynet: 0.11, 0.10, 0.12; seed 4 has no partner. t(0.975, 2) = 4.302653.
    row = area.loc["branchynet"]
    half = 4.302653 * 0.01 / np.sqrt(3)
    assert row["n"] == 3
    assert [row["difference"], row["ci_low"], row["ci_high"]] == pytest.approx(
        [0.11, 0.11 - half, 0.11 + half], abs=1e-6
    )
    # t = 0.11 / (0.01 / sqrt(3)) = 19.05; with 2 degrees of freedom p = 1 - t / sqrt(t² + 2).
    t = 0.11 / (0.01 / np.sqrt(3))
    assert row["p_value"] == pytest.approx(1 - t / np.sqrt(t**2 + 2), rel=1e-4)
    assert row["p_holm"] == pytest.approx(2 * row["p_value"])
    # Against near: 0.06, -0.04, 0.04.
    assert area.loc["near", "difference"] == pytest.approx(0.02)
    assert area.loc["near", "ci_low"] < 0 < area.loc["near", "ci_high"]
    at = found[found["metric"] == "accuracy_budget_50"].set_index("method")
    assert at.loc["branchynet", "difference"] == pytest.approx(0.11)


@pytest.mark.parametrize(
    ("areas", "place", "above", "below", "alike"),
    [
        ({1: 0.81, 2: 0.81, 3: 0.84}, 1, 1, 0, 1),
        ({1: 0.74, 2: 0.75, 3: 0.77}, 2, 1, 0, 1),  # near is better by 0.07, give or take 0.06
        ({1: 0.60, 2: 0.61, 3: 0.62}, 3, 0, 2, 0),
    ],
)
def test_a_better_and_a_worse_method_have_their_place(
    areas, place, above, below, alike, tmp_path, published
):
    own = read_rows(joining(tmp_path / "own", areas))
    found = places(differences(read_rows(published), own)).iloc[0]
    assert found.to_dict() == {
        **{"dataset": "toy", "place": place, "of": 3, "n": 3},
        **{"above": above, "below": below, "alike": alike},
    }


def test_one_seed_tells_no_interval(tmp_path, published):
    own = read_rows(joining(tmp_path / "own", {2: 0.81}))
    found = differences(read_rows(published), own)
    assert found[["ci_low", "ci_high", "p_value", "p_holm"]].isna().all(axis=None)
    placed = places(found).iloc[0]
    assert (placed["place"], placed["alike"], placed["n"]) == (2, 2, 1)


def outcomes(right):
    """Of one array [S, N] at every point."""
    right = np.asarray(right, dtype=bool)
    return Outcomes(
        tuple(range(1, len(right) + 1)),
        ROW_POINTS,
        np.repeat(right[:, None], len(ROW_POINTS), axis=1),
    )


def test_resampling_by_hand():
    """One seed: the mean of n draws of gains has variance sd² / n."""
    gain = np.repeat([1.0, 0.0, -1.0], [200, 700, 100])[None, None]
    drawn = resampled(gain, np.random.default_rng(0), 4000)
    assert drawn.mean() == pytest.approx(0.1, abs=0.002)
    assert drawn.std() == pytest.approx(np.sqrt((0.3 - 0.01) / 1000), rel=0.05)


def test_resampling_draws_seeds_and_samples():
    """Two seeds with constant gains: only the draw of seeds moves the mean."""
    gain = np.stack([np.full(50, 0.2), np.full(50, 0.6)])[None]
    drawn = resampled(gain, np.random.default_rng(0), 4000)
    assert sorted(set(drawn.round(6).ravel())) == [0.2, 0.4, 0.6]
    assert drawn.mean() == pytest.approx(0.4, abs=0.01)


def test_a_difference_over_samples():
    rng = np.random.default_rng(1)
    theirs = rng.random((3, 1000)) < 0.7
    mine = theirs | (rng.random((3, 1000)) < 0.2)
    table = over_samples("toy", outcomes(mine), outcomes(theirs))
    assert list(table["point"]) == list(ROW_POINTS)
    row = table.iloc[0]
    gain = mine.mean(axis=1) - theirs.mean(axis=1)
    assert row["difference"] == pytest.approx(gain.mean())
    assert row["ci_high"] - row["difference"] == pytest.approx(
        4.302653 * gain.std(ddof=1) / np.sqrt(3), rel=1e-6
    )
    assert 0 < row["sampled_low"] < row["difference"] < row["sampled_high"]
    again = over_samples("toy", outcomes(mine), outcomes(theirs))
    pd.testing.assert_frame_equal(table, again)
    swapped = over_samples("toy", outcomes(theirs), outcomes(mine)).iloc[0]
    assert swapped["difference"] == pytest.approx(-row["difference"])


def test_outcomes_of_other_samples_are_not_compared():
    with pytest.raises(ValueError, match="outcomes are of 4 and 3 test samples"):
        over_samples("toy", outcomes(np.ones((1, 4))), outcomes(np.ones((1, 3))))


def repetition(area, right=None):
    return made_row("toy", "branchynet", {2: area}, size=100, right=right)


def test_agreement_to_the_digit_within_and_not():
    published = made_row("toy", "branchynet", REFERENCE, size=100)
    same = agreement(published, repetition(0.71))
    assert (same.run, same.verdict, same.changed) == ("toy/branchynet/2", SAME, 0)
    # Areas 0.70, 0.71, 0.72, 0.90: mean 0.7575, sd 0.095350. 95 % of further ones: t(0.975, 3) =
    # 3.182446 times sd · sqrt(1 + 1/4), so ± 0.33926.
    within = agreement(published, repetition(0.72))
    assert within.verdict == WITHIN
    assert [within.low, within.high] == pytest.approx(
        [0.7575 - 0.33926, 0.7575 + 0.33926], abs=1e-4
    )
    assert (within.changed, within.outcomes) == (6, 600)  # one sample more at each of six points
    assert agreement(published, repetition(0.41)).verdict == OTHER


def test_equal_areas_with_other_outcomes_are_not_the_same():
    published = made_row("toy", "branchynet", REFERENCE, size=100)
    right = published.outcomes.right[1:2].copy()
    right[0, 0, [0, 99]] = right[0, 0, [99, 0]]  # another sample is right, as many are
    assert agreement(published, repetition(0.71, right)).verdict == WITHIN


def test_one_published_seed_agrees_to_the_digit_or_not():
    published = made_row("toy", "branchynet", {2: 0.71}, size=100)
    assert agreement(published, repetition(0.71)).verdict == SAME
    assert agreement(published, repetition(0.72)).verdict == OTHER


def write(folder, published, own, repeated=None, **join):
    write_join({"method": "mine", **join}, published, own, repeated, folder)
    return (folder / "join.md").read_text(encoding="utf-8")


def test_the_page_says_it_all(tmp_path, published):
    own = joining(tmp_path / "own", {1: 0.81, 2: 0.81, 3: 0.84})
    text = write(tmp_path / "out", published, own, repetition(0.71), left_out=["mnist1d"])
    assert "repeats toy/branchynet/2 to the digit" in text
    assert "**mine (joining) is untuned** (toy: its card's defaults)" in text
    assert "Published and not run here: MNIST-1D." in text
    assert "number **1 of 3** by area, over 3 seeds: better than 1, worse than 0" in text
    assert "| BranchyNet | +11.00 | +8.52 to +13.48 | 0.005 | 3 | yes | – |" in text
    assert "| near | +2.00 | " in text and "| no | trial |" in text
    assert "not met (82.00 at 20.00 %) | not met (82.00 at 25.00 %) | 82.00 |" in text
    # Of the published entries the same seeds: seed 4 of BranchyNet, 90 %, has no partner.
    assert "| BranchyNet | not met (71.00 at 20.00 %) | 71.00 | 71.00 |" in text
    assert "n = 3 seeds of 100 test samples" in text
    page = (tmp_path / "out/join.html").read_text(encoding="utf-8")
    assert page.count("<svg") == page.count("</svg>") == 2
    assert "<?xml" not in page and "src=" not in page and "![" not in page
    assert "<h1>mine (joining)</h1>" in page
    assert {path.name for path in (tmp_path / "out/figures").iterdir()} == {
        f"{name}.{form}"
        for name in ("join_curves", "join_differences")
        for form in ("pdf", "png", "svg")
    }


def test_the_page_of_a_tuned_method_on_another_machine(tmp_path, published):
    own = joining(tmp_path / "own", {1: 0.60, 2: 0.61, 3: 0.62}, tuned="protocol")
    text = write(tmp_path / "out", published, own, repetition(0.41))
    assert "**This machine does not repeat toy/branchynet/2**" in text
    assert "mine (joining) is tuned by the protocol on every dataset." in text
    assert "untuned" not in text
    assert "number **3 of 3**" in text and "worse than 2" in text


def test_without_branchynet_and_with_one_exit(tmp_path):
    published = tmp_path / "published"
    write_row(published, made_row("toy", "near", NEAR, size=100))
    row = made_row("toy", "mine", {1: 0.8, 2: 0.8}, size=100)
    none = {name: row.tables[name].iloc[:0] for name in ("areas", "budgets")}
    write_row(tmp_path / "own", replace(row, tables={**row.tables, **none}))
    text = write(tmp_path / "out", published, tmp_path / "own")
    assert "has one exit, and no area to be placed by" in text
    assert "No published run could be repeated" in text


def test_the_same_name_may_join_what_is_published(tmp_path, published):
    own = made_row("toy", "near", {1: 0.81, 2: 0.81, 3: 0.84}, size=100)
    write_row(tmp_path / "own", own)
    write_join({"method": "near"}, published, tmp_path / "own", None, tmp_path / "out")
    text = (tmp_path / "out/join.md").read_text(encoding="utf-8")
    assert "number **1 of 3**" in text and "near (joining)" in text
