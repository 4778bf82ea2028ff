from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from worlds import DATASETS, add, paper_world, table

from cgt.analysis.claims import CLAIMS, Region, Statement, conjunction, judge, ledger, verdict_of
from cgt.analysis.claims.effects import at_point, cost_at_equal_accuracy, difference, ratio
from cgt.analysis.claims.statements import STATEMENTS
from cgt.analysis.statistics import half_width
from cgt.analysis.training_signal import last_exit_share, third

ABOVE, BELOW, NEAR = Region(lower=0.0), Region(upper=0.0), Region(0.94, 0.96)
YES, NO, OPEN = "reproduced", "not reproduced", "undecided"


@pytest.fixture(scope="module")
def world():
    return paper_world()


@pytest.mark.parametrize(
    ("region", "interval", "verdict"),
    [
        (ABOVE, (0.1, 0.2), YES),
        (ABOVE, (-0.2, -0.1), NO),
        (ABOVE, (-0.1, 0.1), OPEN),
        (ABOVE, (0.0, 0.1), OPEN),  # touches the bound, which is not in the region
        (ABOVE, (-0.1, 0.0), NO),
        (ABOVE, (0.0, 0.0), NO),  # an exact tie is not better
        (ABOVE, (np.nan, np.nan), OPEN),  # one seed
        (BELOW, (-0.2, -0.1), YES),
        (BELOW, (0.0, 0.1), NO),
        (BELOW, (-0.1, 0.0), OPEN),
        (NEAR, (0.945, 0.955), YES),
        (NEAR, (0.90, 0.93), NO),
        (NEAR, (0.97, 0.98), NO),
        (NEAR, (0.93, 0.95), OPEN),
        (NEAR, (0.95, 0.97), OPEN),
        (NEAR, (0.90, 0.98), OPEN),  # too wide to tell
    ],
)
def test_verdict(region, interval, verdict):
    mean, half = sum(interval) / 2, (interval[1] - interval[0]) / 2
    assert region.verdict(mean, half, half) == verdict


def test_a_wider_interval_tells_of_failure_than_of_success():
    assert ABOVE.verdict(1.0, 0.9, 1.1) == YES
    assert ABOVE.verdict(-1.0, 0.9, 1.1) == OPEN
    assert ABOVE.verdict(-1.0, 0.9, 0.9) == NO


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [([YES, YES], YES), ([YES, OPEN], OPEN), ([OPEN, NO, YES], NO), ([NO], NO)],
)
def test_conjunction(verdicts, verdict):
    assert conjunction(verdicts) == verdict


def test_regions_in_words():
    assert Region(lower=-0.003).text(100) == "> −0.3"
    assert Region(upper=0.5).text() == "< 0.5"
    assert NEAR.text(100) == "94 … 96"


def test_a_true_tie_is_rarely_called_a_win():
    """Truth on the bound: 2.5 % of the intervals lie above, 2.5 % below."""
    draws = np.random.default_rng(3).normal(0, 1, (5, 4000))
    mean, half = draws.mean(axis=0), half_width(draws)
    verdicts = pd.Series(map(ABOVE.verdict, mean, half, half)).value_counts(normalize=True)
    assert verdicts[YES] == pytest.approx(0.025, abs=0.008)
    assert verdicts[NO] == pytest.approx(0.025, abs=0.008)


def test_the_ledger_by_hand():
    frames = {"operating_points": table("accuracy", a=[0.5, 0.7, 0.9], b=[0.4, 0.5, 0.6])}
    frames["operating_points"]["point"] = "threshold_0.9"
    statement = Statement("a", "accuracy", difference(at_point("accuracy")), "a", ("b",), ABOVE)
    (row,) = judge(frames, [statement])
    half = 4.302652729696142 * 0.1 / 3**0.5  # differences .1, .2, .3; t with 2 degrees of freedom
    assert row.estimate.mean == pytest.approx(0.2)
    assert (row.estimate.ci_low, row.estimate.ci_high) == pytest.approx((0.2 - half, 0.2 + half))
    assert (row.estimate.n, row.verdict, row.dataset) == (3, OPEN, "indian_pines")
    assert row.compared == "accuracy, a − b"
    assert row.interval_bonferroni == pytest.approx(
        (0.2 - half, 0.2 + half)
    )  # there is nothing else to compare
    twice = judge(frames, [statement, replace(statement, measure="accuracy again")])
    half = 6.205346816570745 * 0.1 / 3**0.5  # 98.75 % point: 5 % are for two
    assert twice[0].interval_bonferroni == pytest.approx((0.2 - half, 0.2 + half))


def weakest(**methods):
    frames = {"operating_points": table("accuracy", **methods).assign(point="threshold_0.9")}
    others = tuple(name for name in methods if name != "mine")
    statement = Statement("a", "accuracy", difference(at_point("accuracy")), "mine", others, ABOVE)
    (row,) = judge(frames, [statement])
    return row.other, row.verdict, row.rivals


def test_all_competitors_have_to_be_beaten():
    mine = [0.90, 0.91, 0.92]
    assert weakest(mine=mine, x=[0.80, 0.81, 0.82], y=[0.85, 0.86, 0.87]) == ("y", YES, 2)
    assert weakest(mine=mine, x=[0.80, 0.81, 0.82], y=[0.95, 0.96, 0.97]) == ("y", NO, 2)
    # x has the lower mean difference, but only y is certain to be better.
    assert weakest(mine=mine, x=[0.80, 0.95, 1.00], y=[0.901, 0.911, 0.921]) == ("y", NO, 2)


def test_one_competitor_of_many_has_to_be_lost_to_more_clearly():
    """Three differences with t = −19, p = 0.0028: below 5 %, but not below a 21st of it."""
    mine, better = [0.90, 0.90, 0.90], [0.903, 0.903, 0.9035]
    assert weakest(mine=mine, x=better) == ("x", NO, 1)
    beaten = {f"x{i}": [0.1, 0.2, 0.3] for i in range(20)}
    assert weakest(mine=mine, x=better, **beaten) == ("x", OPEN, 21)


def test_seeds_are_paired_by_number_not_by_position():
    frames = {"operating_points": table("accuracy", a=[0.1, 0.2, 0.3], b=[0.0, 0.1, 0.2])}
    shuffled = frames["operating_points"].assign(point="threshold_0.9").iloc[[2, 0, 1, 4, 5, 3]]
    shuffled = shuffled[(shuffled["method"] == "a") | (shuffled["seed"] > 1)]
    effect = difference(at_point("accuracy"))
    values = effect({"operating_points": shuffled}, "indian_pines", "a", "b")
    assert values.tolist() == pytest.approx([0.1, 0.1])


def test_cost_at_equal_accuracy_by_hand():
    def curve(method, seed, points):
        return [
            {
                "dataset": "indian_pines",
                "method": method,
                "seed": seed,
                "accuracy": accuracy,
                "relative_cost": cost,
            }
            for accuracy, cost in points
        ]

    rows = [
        # The lower of the two best is 0.900, so the target is 0.895.
        *curve("a", 1, [(0.80, 0.2), (0.894, 0.3), (0.895, 0.4), (0.95, 1.0)]),
        *curve("b", 1, [(0.70, 0.2), (0.899, 0.7), (0.900, 1.0)]),
        # A curve need not rise: 0.92 at cost 0.5 is enough for 0.895.
        *curve("a", 2, [(0.80, 0.2), (0.92, 0.5), (0.90, 1.0)]),
        *curve("b", 2, [(0.89, 0.2), (0.90, 0.3), (0.88, 1.0)]),
        *curve("a", 3, [(0.8, 0.2)]),  # b was not run on seed 3
    ]
    frames = {"curves": pd.DataFrame(rows)}
    values = cost_at_equal_accuracy(frames, "indian_pines", "a", "b")
    assert values.tolist() == pytest.approx([0.4 - 0.7, 0.5 - 0.3])


def test_the_last_exits_share_is_of_a_third_of_the_epochs():
    training = pd.DataFrame(
        {
            "dataset": "d",
            "method": "m",
            "seed": 1,
            "epoch": np.repeat(np.arange(1, 7), 2),
            "exit": [1, 2] * 6,
            "grad_norm": [9, 1, 4, 1, 5, 5, 5, 5, 1, 0, 2, 1],
        }
    )
    assert last_exit_share(training, "grad_norm").tolist() == [1 / 4]
    assert last_exit_share(training, "grad_norm", "first").tolist() == [2 / 15]


def test_a_row_counts_as_often_as_the_epochs_it_speaks_of():
    """Validated are epochs 2, 4, 6, 8 and 9 of nine; thirds end at 3 and begin at 7."""
    training = pd.DataFrame(
        {
            "dataset": "d",
            "method": "m",
            "seed": 1,
            "epoch": np.repeat([2, 4, 6, 8, 9], 2),
            "exit": [1, 2] * 5,
            "grad_norm": [3, 1, 8, 4, 9, 9, 5, 1, 2, 6],
        }
    )
    # Of 1 and 2 the first row; of 3, one of the two epochs of the second.
    assert last_exit_share(training, "grad_norm", "first").tolist() == [6 / 20]
    # Of 7 and 8 the last but one; of 9 the last.
    assert last_exit_share(training, "grad_norm").tolist() == [8 / 20]


def test_rows_that_begin_late_are_in_no_third_before():
    """Gradients of a stage that learns from the fourth epoch of six."""
    rows = [("d", "m", 1, epoch, 1, 2.0) for epoch in (4, 5, 6)]
    names = ["dataset", "method", "seed", "epoch", "exit", "norm"]
    frame = pd.DataFrame(rows, columns=names)
    assert third(frame, "first").empty
    assert third(frame)["epochs"].tolist() == [1, 1]


def test_a_ratio_to_nothing_leaves_its_seed_out():
    frames = {"x": table("x", a=[1.0, 2.0], b=[0.0, 4.0]).set_index(["dataset", "method", "seed"])}
    effect = ratio(lambda frames: frames["x"]["x"])
    assert effect(frames, "indian_pines", "a", "b").tolist() == [0.5]


def test_in_a_world_as_the_paper_says_every_claim_is_reproduced(world):
    claims = ledger(world)
    assert set(claims["verdict"]) == {YES}
    assert set(claims["claim"]) == set(CLAIMS)
    assert claims["claim"].is_monotonic_increasing
    assert set(claims["n"]) == {5}
    datasets = claims.groupby("claim")["dataset"].agg(set)
    for claim in "efghi":
        assert datasets[claim] == set(DATASETS)
    for claim in "abcj":
        assert datasets[claim] == {"indian_pines", "indian_pines_disjoint"}
    assert datasets["d"] == {"fashion_mnist"}


ON_IP = {"dataset": "indian_pines"}
ON_FASHION = {"dataset": "fashion_mnist"}


@pytest.mark.parametrize(
    ("claim", "name", "column", "by", "where"),
    [
        ("a", "operating_points", "accuracy", 0.05, {"method": "cascade", **ON_IP}),
        ("a", "operating_points", "f1_macro", 0.1, {"method": "hard_cgt", **ON_IP}),
        ("b", "operating_points", "exit_3", -0.3, {"method": "classynet", **ON_IP}),
        ("c", "operating_points", "exit_3", 0.2, {"method": "hard_cgt", **ON_IP}),
        ("d", "operating_points", "accuracy", -0.02, {"method": "classynet", **ON_FASHION}),
        ("d", "operating_points", "relative_cost", 0.5, {"method": "soft_cgt", **ON_FASHION}),
        ("e", "operating_points", "accuracy", 0.03, {"method": "branchynet", **ON_IP}),
        ("e", "operating_points", "exit_3", -0.35, {"method": "cascade", **ON_FASHION}),
        ("f", "training", "grad_norm", 9.0, {"method": "hard_cgt", "exit": 3, **ON_IP}),
        ("f", "training", "mean_weight", -0.29, {"method": "soft_cgt", "exit": 3, **ON_IP}),
        ("f", "training", "mean_eligibility", -0.29, {"method": "soft_cgt", "exit": 3, **ON_IP}),
        ("g", "overthinking", "wasteful", 0.2, {"method": "soft_cgt", **ON_FASHION}),
        ("g", "overthinking", "destructive", 0.1, {"method": "hard_cgt", **ON_IP}),
        ("h", "exits", "accuracy", 0.1, {"method": "branchynet", "exit": 1, **ON_IP}),
        ("i", "curves", "relative_cost", 0.5, {"method": "soft_cgt", **ON_FASHION}),
        ("j", "operating_points", "recall_macro", 0.03, {"method": "soft_cgt", **ON_IP}),
        ("j", "operating_points", "exit_1", -0.2, {"method": "soft_cgt", **ON_IP}),
    ],
)
def test_one_untrue_number_breaks_its_claim(world, claim, name, column, by, where):
    rows = judge({**world, name: add(world[name], column, by, **where)})
    assert verdict_of(rows, claim, CLAIMS[claim].paper) == NO
    assert verdict_of(rows, claim, ["indian_pines_disjoint"]) in (YES, None)


def test_losing_less_than_the_margin_keeps_the_accuracy(world):
    def verdict(by):
        points = add(world["operating_points"], "accuracy", by, method="hard_cgt", **ON_FASHION)
        return verdict_of(judge({**world, "operating_points": points}), "e", ["fashion_mnist"])

    assert (verdict(-0.002), verdict(-0.003), verdict(-0.004)) == (YES, OPEN, NO)


def test_leaks_count_for_the_paper_but_are_named(world):
    frame = add(
        world["operating_points"],
        "accuracy",
        0.1,
        method="branchynet",
        dataset="indian_pines_disjoint",
    )
    rows = judge({**world, "operating_points": frame})
    assert verdict_of(rows, "a", CLAIMS["a"].paper) == YES
    assert verdict_of(rows, "a", ["indian_pines_disjoint"]) == NO


def test_one_seed_decides_nothing():
    claims = ledger(paper_world(seeds=(1,)))
    assert set(claims["verdict"]) == {OPEN}
    assert claims["ci_low"].isna().all()


def test_what_was_not_run_is_not_judged(world):
    def without(frame):
        return frame[(frame["method"] != "soft_cgt") & (frame["dataset"] != "fashion_mnist")]

    rows = judge({name: without(frame) for name, frame in world.items()})
    assert {row.statement.claim for row in rows} == set("efghi")
    assert {row.statement.method for row in rows} == {"hard_cgt"}
    assert verdict_of(rows, "a", CLAIMS["a"].paper) is None
    assert ledger({name: frame.assign(dataset="other") for name, frame in world.items()}).empty


def test_our_own_variant_counts_for_no_claim_of_the_paper(world):
    """Better than all of them in everything, and not among "all methods"."""

    def with_plus(frame):
        ours = frame[frame["method"] == "soft_cgt"].assign(method="cgt_plus")
        scores = [name for name in ("accuracy", "f1_macro") if name in ours]
        return pd.concat([frame, ours.assign(**{name: 1.0 for name in scores})])

    more = {name: with_plus(frame) for name, frame in world.items()}
    pd.testing.assert_frame_equal(ledger(more), ledger(world))


def test_every_statement_belongs_to_a_claim():
    assert {statement.claim for statement in STATEMENTS} == set(CLAIMS)


def test_networks_with_fewer_exits_than_the_papers_are_judged_by_what_they_have(world):
    points = world["operating_points"].drop(columns="exit_3")
    exits = world["exits"][world["exits"]["exit"] < 3]
    rows = judge(world | {"operating_points": points, "exits": exits})
    measured = {row.statement.measure for row in rows if row.statement.claim == "j"}
    assert "share of exit 2" in measured and "share of exit 3" not in measured
