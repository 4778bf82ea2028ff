"""Sentences turn round with the results: made-up tables, and what is said of them."""

import re

import numpy as np
import pandas as pd
import pytest
from worlds import add, paper_world, table

from cgt.analysis.ablation.words import CHANGED, parts_words, saved, time_words
from cgt.analysis.claims import CLAIMS
from cgt.analysis.tables.classes import recall_words
from cgt.analysis.tables.depends import LEARNING_RATES, depends_files, left_of
from cgt.analysis.tables.in_short import SHARE, in_short_files
from cgt.analysis.told import BESIDE, OUTCOMES, Told, counted, listed, say, told_of

SEEDS = range(1, 6)
STEPS = np.array([-2, -1, 0, 1, 2]) * 1e-4


@pytest.mark.parametrize("variants", [BESIDE, SHARE, CHANGED])
def test_there_are_words_for_every_outcome(variants):
    assert set(variants) == set(OUTCOMES)
    assert len(set(variants.values())) == len(OUTCOMES)


def of(values):
    return pd.Series(values, index=range(1, len(values) + 1))


@pytest.mark.parametrize(
    ("difference", "spread", "outcome", "said"),
    [
        (0.02, 1e-3, "better", "is better than B by 2.00 ± 0.20 points"),
        (
            0.001,
            1e-4,
            "slightly better",
            "is better than B, by less than 0.3 points (+0.10 ± 0.02)",
        ),
        (0.0, 1e-4, "same", "is equal to B within 0.3 points (+0.00 ± 0.02)"),
        (0.0, 1e-2, "unknown", "is not known to differ from B (+0.00 ± 1.96)"),
        (-0.001, 1e-4, "slightly worse", "is worse than B, by less than 0.3 points (−0.10 ± 0.02)"),
        (-0.02, 1e-3, "worse", "is worse than B by 2.00 ± 0.20 points"),
    ],
)
def test_a_difference_chooses_its_words(difference, spread, outcome, said):
    b = of(np.full(5, 0.9))
    told = told_of(b + difference + spread * np.array([-2, -1, 0, 1, 2]) / 1.0, b)
    told = told._replace(difference=round(told.difference, 12))
    assert told.outcome == outcome
    assert say(BESIDE, told, other="B") == said


def test_seeds_are_paired_and_one_is_no_test():
    told = told_of(of([0.5, 0.6]), pd.Series([0.5], index=[2]))
    assert (told.n, told.outcome, told.by) == (1, "untested", "+10.00")
    assert told_of(of([0.5]), pd.Series([0.5], index=[9])) is None


def test_lists_and_numbers_in_words():
    assert listed(["a"]) == "a" and listed("abc") == "a, b and c"
    assert [counted(n) for n in (0, 1, 10, 11)] == ["no", "one", "ten", "11"]


def world(gains=(0.0, 0.0), full=0.02, static=-0.01, spread=1e-4):
    """BranchyNet at 0.9; HardCGT and SoftCGT by so much better in area, on two datasets."""
    rng = np.random.default_rng(1)
    made = paper_world()
    areas, points = [], []
    for dataset in ("fashion_mnist", "indian_pines"):
        for seed in SEEDS:
            base = 0.9 + rng.normal(0, 0.01)
            by = {"branchynet": 0.0, "hard_cgt": gains[0], "soft_cgt": gains[1], "static": static}
            for method, gain in by.items():
                value = base + gain + rng.normal(0, spread)
                areas.append((dataset, method, seed, value))
            for method, gain, cost in (("branchynet", 0, 0.25), ("single_exit", full, 1.0)):
                accuracy = base + gain + rng.normal(0, spread)
                points.append((dataset, method, seed, "one_se", accuracy, cost))
    keys = ["dataset", "method", "seed"]
    made["areas"] = pd.DataFrame(areas, columns=[*keys, "mean_budget_accuracy"])
    one_se = pd.DataFrame(points, columns=[*keys, "point", "accuracy", "relative_cost"])
    made["operating_points"] = pd.concat([made["operating_points"], one_se], ignore_index=True)
    return made


def in_short(**changes):
    return in_short_files(world(**changes))["in_short.md"]


def test_gains_of_gates_turn_the_paragraph_round():
    nothing = in_short()
    assert "*Confidence gating gains nothing, as tuned here*" in nothing
    assert "HardCGT is equal to BranchyNet within 0.3 points" in nothing
    assert "**train jointly** (`branchynet`)" in nothing
    unknown = in_short(spread=0.01)
    assert "*No gain of confidence gating is found, as tuned here*" in unknown
    assert "gains nothing" not in unknown and "is not known to differ from BranchyNet" in unknown
    assert "**train jointly**" in unknown
    lost = in_short(gains=(-0.02, 0.0))
    assert "HardCGT is worse than BranchyNet by" in lost
    assert "*No gain of confidence gating is found" in lost
    won = in_short(gains=(0.0, 0.02))
    assert "*Confidence gating gains accuracy in places, as tuned here*" in won
    assert "SoftCGT is better than BranchyNet by" in won
    assert "take **SoftCGT on Fashion-MNIST and Indian Pines**" in won
    assert "train jointly" not in won
    assert "gains accuracy everywhere" in in_short(gains=(0.02, 0.02))


def test_what_early_exits_cost_turns_round():
    assert re.search(r"loses (1\.9|2\.0)\d ± 0\.\d\d points on Fashion-MNIST", in_short())
    assert "at 25 % of its" in in_short()
    assert "keeps the accuracy on Fashion-MNIST within 0.3 points" in in_short(full=0.0)
    assert "more than the single-exit network" in in_short(full=-0.02)
    assert "not known to differ from the single-exit network" in in_short(full=0.0, spread=0.02)
    assert "it is better than networks trained at each depth alone" in in_short()
    assert "it is worse than networks trained at each depth alone" in in_short(static=0.01)
    dear = world()
    points = dear["operating_points"]
    dear["operating_points"] = points.assign(
        relative_cost=points["relative_cost"].replace(0.25, 1.1)
    )
    assert "*Early exits save operations*" in in_short()
    assert "*Early exits do not always save*" in in_short_files(dear)["in_short.md"]


def test_verdicts_are_counted():
    told = in_short()
    assert f"The paper's {counted(len(CLAIMS))} claims have 15 verdicts" in told
    assert "14 *reproduced* (a, b, c, d, e, f, g, h, i) and one *cannot be told* (j)" in told
    spoiled = world()
    where = {"method": "hard_cgt", "exit": 1, "dataset": "fashion_mnist"}
    spoiled["exits"] = add(spoiled["exits"], "accuracy", -0.2, **where)
    told = in_short_files(spoiled)["in_short.md"]
    assert "13 *reproduced* (a, b, c, d, e, f, g, h of SoftCGT, i)" in told
    assert "one *not reproduced* (h of HardCGT)" in told


def test_without_the_methods_nothing_is_claimed():
    frames = {name: frame[frame["method"] == "cascade"] for name, frame in world().items()}
    assert in_short_files(frames)["in_short.md"].endswith(
        "Nothing that is compared here was run.\n"
    )


def depends(frames):
    return depends_files(frames)["depends.md"]


def test_readings_and_methods_are_told_apart():
    same = depends(world())
    assert "No claim turns round between its two readings" in same
    assert "HardCGT and SoftCGT have the same verdicts" in same
    turned = world()
    points = turned["operating_points"]
    rival = (points["method"] == "classynet") & (points["dataset"] == "indian_pines")
    points.loc[rival, ["exit_1", "exit_2", "exit_3"]] = 0.0, 1.0, 0.0
    points.loc[rival, "exit_3"] += 1e-4 * points.loc[rival, "seed"]
    worse = {"method": "soft_cgt", "exit": 1, "dataset": "indian_pines"}
    turned["exits"] = add(turned["exits"], "accuracy", -0.2, **worse)
    told = depends(turned)
    assert "turns round" in told and "(b) of SoftCGT on Indian Pines" in told
    assert "(h) on Indian Pines: HardCGT reproduced, SoftCGT not reproduced" in told


def test_other_verdicts_than_the_first_are_named():
    first = pd.DataFrame({"claim": ["a"], "dataset": ["indian_pines"], "verdict": ["reproduced"]})
    assert "has the same verdicts" in depends({**world(), "first_verdicts": first})
    told = depends({**world(), "first_verdicts": first.assign(verdict="undecided")})
    assert "(a) of SoftCGT, then undecided, now reproduced" in told


@pytest.mark.parametrize(
    ("gain", "tuned", "said"),
    [
        (0.0, -0.01, "hangs on its learning rate"),
        (-0.01, -0.01, "does not change what may be said"),
    ],
)
def test_learning_rates_that_were_not_tried(gain, tuned, said):
    frames = world(gains=(tuned, 0.0))
    areas = frames["areas"]
    base = areas[(areas["dataset"] == "indian_pines") & (areas["method"] == "branchynet")]
    noise = STEPS[base["seed"] - 1]
    new = base.assign(
        method="hard_cgt", lr=0.3, mean_budget_accuracy=base["mean_budget_accuracy"] + gain + noise
    )
    told = depends({**frames, LEARNING_RATES: new})
    assert "At 0.3, which no trial had, HardCGT is" in told and said in told


def test_gates_alone():
    assert "all of it in SoftCGT" not in depends(world())
    shares = [left_of(share) for share in (0.02, 0.3, 0.5, 0.8, 1.0)]
    assert shares == ["next to nothing", "less than half", "about half", "most of it", "all of it"]


def ablated(**variants):
    areas = pd.concat(
        table("mean_budget_accuracy", **{name: 0.9 + gain + STEPS * (1 + 3 * (gain != 0))})
        for name, gain in variants.items()
    )
    exits = areas.rename(columns={"mean_budget_accuracy": "accuracy"}).assign(exit=3)
    return areas, exits


def test_parts_are_said_to_matter_where_they_do():
    without = "hard_cgt,leak=0"
    lost = parts_words(*ablated(**{"hard_cgt": 0.0, without: -0.05}))
    assert (
        "HardCGT with weight floor = 0 loses 5.00 ± 0.06 points, and its last exit loses 5.00"
        in lost
    )
    kept = parts_words(*ablated(**{"hard_cgt": 0.0, without: 0.0}))
    assert "changes nothing within 0.3 points" in kept and "loses" not in kept
    ours = "cgt_plus,strength=0.5"
    assert "better than BranchyNet: " in parts_words(*ablated(**{"cgt_plus": 0.0, ours: 0.05}))
    assert "None of 1 forms of CGT+ on Indian Pines is known to be better" in parts_words(
        *ablated(**{"cgt_plus": 0.0, ours: -0.05})
    )
    assert parts_words(*ablated(soft_cgt=0.0)) == "No part was changed by itself."


def test_time_saved_and_lost():
    assert saved(0.7, 0.6, 0.8) == "trains in 0.70 (0.60 to 0.80) of the time"
    assert "not known to save time" in saved(0.9, 0.7, 1.1)
    assert saved(1.3, 1.2, 1.4).startswith("takes longer to train")
    variant = "hard_cgt,skip_resolved=true"
    timings = pd.DataFrame(
        [["indian_pines", "hard_cgt", variant, "hard_cgt", 0.7, 0.6, 0.8, 5]],
        columns=["dataset", "method", "variant", "baseline", "ratio", "ci_low", "ci_high", "n"],
    )
    for gain, words in ((0.0, "changes nothing within 0.3 points"), (-0.05, "loses 5.00 ± 0.06")):
        areas, _ = ablated(**{"hard_cgt": 0.0, variant: gain})
        told = time_words(areas, timings)
        assert "trains in 0.70 (0.60 to 0.80) of the time" in told and words in told
    assert time_words(areas, timings.assign(baseline=variant)) == "No form that saves time was run."


def test_unsteady_classes_are_named():
    audit = pd.DataFrame(
        {
            "dataset": "indian_pines",
            "class": ["Oats", "Corn", "Wheat"],
            "train": [3, 100, 50],
            "test": [15, 800, 400],
        }
    )
    rows = [
        ("indian_pines", "branchynet", seed, "threshold_0.9", label, recall)
        for seed in SEEDS
        for label, recall in ((0, 0.2 * seed - 0.2), (1, 0.9), (2, 0.8 + 0.01 * seed))
    ]
    columns = ["dataset", "method", "seed", "point", "class", "recall"]
    frames = {"classes": pd.DataFrame(rows, columns=columns)}
    told = recall_words(frames, audit)
    assert "for Oats (3 training pixels, 31.62)" in told and "Corn" not in told
    calm = frames["classes"].assign(recall=0.9)
    assert "no class's recall has a standard deviation" in recall_words({"classes": calm}, audit)


def test_a_told_difference_says_its_size():
    assert Told("different", -0.0123, 0.004, 5).size == "1.23 ± 0.40"
    assert Told("different", -0.0123, 0.004, 5).by == "−1.23 ± 0.40"
