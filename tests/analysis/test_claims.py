from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from worlds import CGT, DATASETS, add, paper_world, table

from cgt.analysis.claims import (
    CANNOT_TELL,
    CLAIMS,
    DEPENDS,
    Region,
    Statement,
    conjunction,
    first_verdicts,
    judge,
    ledger,
    methods_of,
    of_readings,
    read_verdicts,
    verdict_of,
    verdicts,
)
from cgt.analysis.claims.effects import (
    at_point,
    cost_at_equal_accuracy,
    difference,
    level,
    ratio,
    same_exits,
)
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
    [
        ([YES, YES], YES),
        ([YES, OPEN], OPEN),
        ([OPEN, NO, YES], NO),
        ([NO], NO),
        ([YES, CANNOT_TELL], CANNOT_TELL),
        ([OPEN, CANNOT_TELL], OPEN),
        ([OPEN, DEPENDS], DEPENDS),
        ([DEPENDS, NO], NO),
    ],
)
def test_conjunction(verdicts, verdict):
    assert conjunction(verdicts) == verdict


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        ([YES, YES], YES),
        ([NO, NO], NO),
        ([YES, NO], DEPENDS),
        ([NO, YES], DEPENDS),
        ([YES, OPEN], OPEN),
        ([NO, OPEN], OPEN),
        ([OPEN], OPEN),
    ],
)
def test_two_readings_of_the_same_words(verdicts, verdict):
    assert of_readings(verdicts) == verdict
    with pytest.raises(ValueError, match="no verdict by any reading"):
        of_readings([])


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
    again = replace(statement, measure="accuracy again")
    wider = 6.205346816570745 * 0.1 / 3**0.5  # 98.75 % point: 5 % are for two
    assert judge(frames, [statement, again])[0].interval_bonferroni == pytest.approx(
        (0.2 - wider, 0.2 + wider)
    )
    # Readings of the same words are one comparison, and another method has a verdict of its own.
    readings = [replace(of, saying="right") for of in (statement, again)]
    other = replace(statement, method="b", others=("a",))
    for together in (readings, [statement, other]):
        assert judge(frames, together)[0].interval_bonferroni == pytest.approx(
            (0.2 - half, 0.2 + half)
        )


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
    shares = claims["saying"].str.startswith("share of exit")
    assert set(claims.loc[~shares, "verdict"]) == {YES}
    assert set(claims.loc[shares, "verdict"]) == {CANNOT_TELL}
    found = verdicts(world)
    assert set(found.loc[found["claim"] != "j", "verdict"]) == {YES}
    assert set(found.loc[found["claim"] == "j", "verdict"]) == {CANNOT_TELL}
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
        ("d", "operating_points", "accuracy", -0.02, {"method": "classynet", **ON_FASHION}),
        ("d", "operating_points", "relative_cost", 0.5, {"method": "soft_cgt", **ON_FASHION}),
        ("e", "operating_points", "accuracy", 0.03, {"method": "branchynet", **ON_IP}),
        ("f", "training", "grad_norm", 9.0, {"method": "hard_cgt", "exit": 3, **ON_IP}),
        ("f", "training", "mean_weight", -0.29, {"method": "soft_cgt", "exit": 3, **ON_IP}),
        ("f", "training", "mean_eligibility", -0.29, {"method": "soft_cgt", "exit": 3, **ON_IP}),
        ("g", "overthinking", "wasteful", 0.2, {"method": "soft_cgt", **ON_FASHION}),
        ("g", "overthinking", "destructive", 0.1, {"method": "hard_cgt", **ON_IP}),
        ("h", "exits", "accuracy", 0.1, {"method": "branchynet", "exit": 1, **ON_IP}),
        ("i", "curves", "relative_cost", 0.5, {"method": "soft_cgt", **ON_FASHION}),
        ("j", "operating_points", "recall_macro", 0.03, {"method": "soft_cgt", **ON_IP}),
    ],
)
def test_one_untrue_number_breaks_its_claim(world, claim, name, column, by, where):
    rows = judge({**world, name: add(world[name], column, by, **where)})
    told = {method: verdict_of(rows, claim, method, CLAIMS[claim].paper) for method in CGT}
    # An edited baseline may spoil the claim for both methods, an edited method its own only.
    edited = where["method"]
    spoiled = {edited} if edited in methods_of(claim) else set(methods_of(claim))
    for method in spoiled & set(CGT):
        assert told[method] == NO
    if "classynet" in spoiled:
        assert verdict_of(rows, claim, "classynet", CLAIMS[claim].paper) == NO
    for method in set(methods_of(claim)) - spoiled:
        assert told[method] == YES
    leak_free = {
        verdict_of(rows, claim, method, ["indian_pines_disjoint"]) for method in methods_of(claim)
    }
    assert leak_free <= {YES, CANNOT_TELL if claim == "j" else None}


@pytest.mark.parametrize(
    ("claim", "method", "rival"),
    [
        ("b", "soft_cgt", "classynet"),
        ("c", "hard_cgt", "soft_cgt"),
        ("e", "hard_cgt", "cascade"),
        ("e", "soft_cgt", "branchynet"),
    ],
)
def test_a_claim_that_turns_with_the_reading_of_early_is_undecided(world, claim, method, rival):
    """The rival sends all samples to exit 2: none at exit 1, and none goes on to the last."""

    def moved(first, second, last):
        points = world["operating_points"].copy()
        chosen = (points["method"] == rival) & (points["dataset"] == "indian_pines")
        noise = points.loc[chosen, "accuracy"] * 1e-3  # so that intervals have a width
        points.loc[chosen, ["exit_1", "exit_2", "exit_3"]] = first, second, last
        points.loc[chosen, "exit_3"] += noise
        return judge({**world, "operating_points": points})

    def told(rows):
        return verdict_of(rows, claim, method, ["indian_pines"])

    assert told(moved(0.0, 1.0, 0.0)) == DEPENDS
    assert told(moved(1.0, 0.0, 0.0)) == NO
    assert told(moved(0.0, 0.0, 1.0)) == YES
    early = [
        row
        for row in moved(0.0, 1.0, 0.0)
        if row.statement.saying and (row.statement.claim, row.statement.method) == (claim, method)
    ]
    on_ip = [row for row in early if row.dataset == "indian_pines"]
    assert [(row.statement.measure, row.verdict) for row in on_ip] == [
        ("left before the last exit", NO),
        ("left at exit 1", YES),
    ]


def test_the_scaled_threshold_is_shown_and_decides_nothing(world):
    points = world["operating_points"]
    worse = points.assign(point="threshold_0.9_scaled", accuracy=points["accuracy"] - 0.5)
    worse.loc[worse["method"] == "soft_cgt", ["accuracy", "exit_1"]] = 0.1, 0.0
    both = {**world, "operating_points": pd.concat([points, worse])}
    pd.testing.assert_frame_equal(verdicts(both), verdicts(world))
    rows = {
        row.statement.measure: row
        for row in judge(both)
        if (row.statement.claim, row.dataset) == ("b", "indian_pines")
    }
    row = rows["left at exit 1"]
    assert row.estimate.mean == pytest.approx(0.2, abs=1e-3)  # 0.6 − 0.4
    assert row.scaled.mean == pytest.approx(-0.4, abs=1e-3)
    assert ledger(both)["scaled_value"].notna().sum() == sum(
        row.statement.at_threshold for row in judge(both)
    )
    assert ledger(world)["scaled_value"].isna().all()


def test_starving_is_judged_against_joint_training_at_the_same_schedule_only(world):
    def told(world, method):
        return verdict_of(judge(world), "f", method, ["indian_pines"])

    training = world["training"]
    apart = training["method"] != "branchynet_hard_schedule"
    without = {**world, "training": training[apart]}
    assert told(without, "hard_cgt") == CANNOT_TELL
    assert told(without, "soft_cgt") == YES
    (row, *_) = [row for row in judge(without) if row.statement.claim == "f"]
    assert row.compared.endswith("HardCGT ÷ BranchyNet")  # shown, and not judged
    # A schedule that takes the signal from the last exit by itself is no starving by gates.
    for column in ("mean_weight", "mean_eligibility", "grad_norm"):
        where = (training["method"] == "branchynet_hard_schedule") & (training["exit"] == 3)
        training = training.assign(**{column: training[column].mask(where, 0.01)})
    assert told({**world, "training": training}, "hard_cgt") == NO


def test_exit_shares_are_judged_in_a_network_like_the_papers_only(world):
    costs = {1: 0.2, 2: 0.5, 3: 1.0}
    exits = world["exits"].assign(relative_cost=world["exits"]["exit"].map(costs))

    def told(known, exits=exits):
        region = Region(0.55, 0.65)
        share = Statement("j", "share", level(at_point("exit_1")), "soft_cgt", (), region)
        statement = replace(share, comparable=same_exits(known))
        rows = judge({**world, "exits": exits}, [statement])
        return {row.verdict for row in rows}

    assert told((0.2, 0.5, 1.0)) == {YES}
    assert told((0.21, 0.49, 1.0)) == {YES}
    assert told((0.2, 0.6, 1.0)) == {CANNOT_TELL}
    assert told((0.2, 0.5)) == {CANNOT_TELL}
    assert told((0.2, 0.5, 0.7, 1.0)) == {CANNOT_TELL}
    assert told(None) == {CANNOT_TELL}
    one_seed_differs = exits.assign(
        relative_cost=exits["relative_cost"].mask((exits["seed"] == 3) & (exits["exit"] == 2), 0.6)
    )
    assert told((0.2, 0.5, 1.0), one_seed_differs) == {CANNOT_TELL}


def test_each_method_has_a_verdict_of_its_own(world):
    worse = add(world["exits"], "accuracy", -0.1, method="hard_cgt", exit=1, **ON_IP)
    found = verdicts({**world, "exits": worse}).set_index(["claim", "dataset", "method"])
    assert found.loc[("h", "indian_pines", "hard_cgt"), "verdict"] == NO
    assert found.loc[("h", "indian_pines", "soft_cgt"), "verdict"] == YES
    assert not found.index.duplicated().any()
    assert methods_of("d") == ("classynet",)
    assert methods_of("g") == CGT


def test_verdicts_of_the_first_publication_are_kept(tmp_path):
    claims = pd.DataFrame(
        {
            "claim": ["a", "a", "a", "b"],
            "dataset": ["x", "x", "y", "x"],
            "verdict": [YES, OPEN, NO, YES],
        }
    )
    kept = first_verdicts(claims)
    assert kept.values.tolist() == [["a", "x", OPEN], ["a", "y", NO], ["b", "x", YES]]
    kept.to_csv(tmp_path / "kept.csv", index=False)
    pd.testing.assert_frame_equal(read_verdicts(tmp_path / "kept.csv"), kept)
    with pytest.raises(ValueError, match="copy that file"):
        first_verdicts(claims.assign(method="m"))
    with pytest.raises(ValueError, match="no column dataset"):
        first_verdicts(claims.drop(columns="dataset"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("claim,verdict\na,reproduced\n", "columns are"),
        ("claim,dataset,verdict\na,x,maybe\n", "maybe is no verdict"),
        ("claim,dataset,verdict\na,x,reproduced\na,x,undecided\n", "twice"),
    ],
)
def test_kept_verdicts_that_are_wrong_are_refused(tmp_path, text, message):
    (tmp_path / "kept.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_verdicts(tmp_path / "kept.csv")


def test_losing_less_than_the_margin_keeps_the_accuracy(world):
    def verdict(by):
        points = add(world["operating_points"], "accuracy", by, method="hard_cgt", **ON_FASHION)
        rows = judge({**world, "operating_points": points})
        assert verdict_of(rows, "e", "soft_cgt", ["fashion_mnist"]) == YES
        return verdict_of(rows, "e", "hard_cgt", ["fashion_mnist"])

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
    assert verdict_of(rows, "a", "soft_cgt", CLAIMS["a"].paper) == YES
    assert verdict_of(rows, "a", "soft_cgt", ["indian_pines_disjoint"]) == NO


def test_one_seed_decides_nothing():
    claims = ledger(paper_world(seeds=(1,)))
    assert set(claims["verdict"]) == {OPEN, CANNOT_TELL}
    assert claims["ci_low"].isna().all()


def test_what_was_not_run_is_not_judged(world):
    def without(frame):
        return frame[(frame["method"] != "soft_cgt") & (frame["dataset"] != "fashion_mnist")]

    rows = judge({name: without(frame) for name, frame in world.items()})
    assert {row.statement.claim for row in rows} == set("efghi")
    assert {row.statement.method for row in rows} == {"hard_cgt"}
    assert verdict_of(rows, "a", "soft_cgt", CLAIMS["a"].paper) is None
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
