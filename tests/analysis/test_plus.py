"""The rule by which our own variant wins, on made-up tables."""

import numpy as np
import pandas as pd
import pytest
from worlds import table

from cgt.analysis.plus import Verdict, contest, has_plus, verdicts
from cgt.analysis.statistics import simultaneous
from cgt.analysis.tables.cgt_plus import cgt_plus_files

NOISE = np.array([-1, -0.5, 0, 0.5, 1]) * 0.1 / np.sqrt(0.625)  # standard deviation 0.1, n = 5


def areas(**means):
    """Mean difference of CGT+ from BranchyNet on each dataset, with a standard deviation of 0.1."""
    seeds = np.linspace(0.1, 0.5, 5)
    parts = [
        table("area", branchynet=seeds, cgt_plus=seeds + mean + NOISE).assign(dataset=dataset)
        for dataset, mean in means.items()
    ]
    return {"areas": pd.concat(parts, ignore_index=True)}


def verdict(**means):
    return verdicts(contest(areas(**means)))["branchynet"]


def test_the_contest_by_hand():
    frames = {"areas": table("area", branchynet=[0.1, 0.2, 0.3], cgt_plus=[0.2, 0.4, 0.6])}
    others = [frames["areas"].assign(dataset=name) for name in ("x", "y")]
    frames["areas"] = pd.concat([frames["areas"], *others])
    found = contest(frames).iloc[0]
    assert (found["dataset"], found["other"], found["n"]) == ("indian_pines", "branchynet", 3)
    assert found["difference"] == pytest.approx(0.2)  # differences .1, .2, .3

    def half(level):  # of Student's t with 2 degrees of freedom, in closed form
        return level * np.sqrt(2 / (1 - level**2)) * 0.1 / np.sqrt(3)

    assert found["ci_high"] == pytest.approx(0.2 + half(0.95))
    assert found["corrected_low"] == pytest.approx(0.2 - half(1 - 0.05 / 3))
    assert found["corrected_high"] == pytest.approx(0.2 + half(1 - 0.05 / 3))
    assert found["p_holm"] == pytest.approx(3 * found["p_value"])


@pytest.mark.parametrize(
    ("means", "expected", "wins"),
    [
        ({"x": 0.3, "y": 0.3, "z": 0.3}, (3, 0, 3), True),
        ({"x": 0.3, "y": 0.0, "z": 0.3}, (2, 0, 3), True),
        ({"x": 0.3, "y": 0.3, "z": -0.3}, (2, 1, 3), True),
        ({"x": 0.3, "y": 0.0, "z": 0.0}, (1, 0, 3), False),
        ({"x": -0.3, "y": -0.3, "z": 0.0}, (0, 2, 3), False),
        # Plain intervals of 0.15 ± 0.124 lie above 0, corrected ones of 0.15 ± 0.177 do not.
        ({"x": 0.15, "y": 0.15, "z": 0.15}, (0, 0, 3), False),
        ({"x": 0.15, "y": 0.15, "z": 0.3}, (1, 0, 3), False),
        ({"x": 0.15}, (1, 0, 1), False),  # alone there is nothing to correct, but one is not two
    ],
)
def test_the_rule(means, expected, wins):
    assert verdict(**means) == Verdict(*expected)
    assert verdict(**means).wins is wins


def test_each_competitor_is_a_family_of_its_own():
    frames = areas(x=0.3, y=0.3)
    soft = frames["areas"][frames["areas"]["method"] == "branchynet"].assign(method="soft_cgt")
    more = {"areas": pd.concat([frames["areas"], soft.assign(area=soft["area"] + 1)])}
    both = contest(more)
    pd.testing.assert_frame_equal(both[both["other"] == "branchynet"], contest(frames))
    found = verdicts(both)
    assert found["branchynet"].wins
    assert found["soft_cgt"] == Verdict(0, 2, 2)


def test_seeds_are_paired_by_number():
    frames = areas(x=0.3, y=0.3)
    lacking = frames["areas"].drop(index=0)  # BranchyNet's first seed on x
    shuffled = contest({"areas": lacking.sample(frac=1, random_state=0)}).set_index("dataset")
    assert shuffled["n"].to_dict() == {"x": 4, "y": 5}
    assert shuffled.loc["x", "difference"] == pytest.approx(0.3 + NOISE[1:].mean())


def test_the_simultaneous_intervals_hold_together_in_95_percent_of_samples():
    draws = np.random.default_rng(7).normal(1.0, 2.0, (2000, 3, 5))
    together = [
        all(low <= 1.0 <= high for low, high in (simultaneous(d, 3) for d in family))
        for family in draws
    ]
    assert np.mean(together) == pytest.approx((1 - 0.05 / 3) ** 3, abs=0.012)


def test_without_the_variant_there_is_nothing():
    frames = {"areas": table("area", branchynet=[0.9, 0.8], soft_cgt=[0.9, 0.9])}
    assert not has_plus(frames)
    assert contest(frames).empty
    assert cgt_plus_files(frames) == {}


def test_without_a_competitor_there_is_nothing_to_win():
    frames = {"areas": table("area", cgt_plus=[0.9, 0.8], cascade=[0.1, 0.1])}
    assert has_plus(frames)
    assert contest(frames).empty
    assert cgt_plus_files(frames) == {}


def test_the_table_says_who_wins_in_words_and_numbers():
    text = cgt_plus_files(areas(fashion_mnist=0.3, indian_pines=0.3, x=-0.3))["cgt_plus.md"]
    sentence = "Against BranchyNet, CGT+ (ours) **wins**: better on 2, worse on 1 of 3 datasets."
    assert sentence in text.splitlines()
    (line,) = [line for line in text.splitlines() if line.startswith("| Fashion-MNIST |")]
    assert line.startswith("| Fashion-MNIST | BranchyNet | +30.00 | +17.58 to +42.42 | **+12.")
    assert line.endswith("| 5 |")
    assert "not one of the paper's methods" in text


def test_one_seed_wins_nothing():
    frames = {"areas": table("area", branchynet=[0.1], cgt_plus=[0.9])}
    assert verdicts(contest(frames))["branchynet"] == Verdict(0, 0, 1)
    line = cgt_plus_files(frames)["cgt_plus.md"].splitlines()[-3]
    assert line == "| Indian Pines | BranchyNet | +80.00 | – | – | – | 1 |"
