"""The leaderboard: numbers by hand, sentences that follow them, a figure that can be read."""

import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from entrants import costs_of, joined, rows_of, twenty
from made_rows import made_row, write_row
from scipy import stats

from cgt.analysis.figures.leaderboard import leaderboard
from cgt.analysis.leaderboard import COLUMNS, standings
from cgt.analysis.style import RC, lay_out, looks
from cgt.analysis.tables.leaderboard import conclusion, leaderboard_markdown
from cgt.commands.cli import main

BASE = [0.90, 0.92, 0.91, 0.93]
BETTER = [0.95, 0.968, 0.962, 0.98]
ALIKE = [0.901, 0.918, 0.912, 0.929]
UNSURE = [0.91, 0.90, 0.93, 0.91]
WORSE = [0.80, 0.82, 0.81, 0.834]


def world(**areas):
    return rows_of({"branchynet": BASE, **areas})


def drawn(board):
    with matplotlib.rc_context(RC):
        figure = leaderboard(board)
    lay_out(figure)
    with matplotlib.rc_context(RC):
        figure.draw_without_rendering()
    return figure


def test_differences_are_paired_by_seed_and_corrected_over_all_entries():
    board = standings(world(soft_cgt=BETTER, cascade=ALIKE, hard_cgt=WORSE)).set_index("method")
    theirs = {
        name: stats.ttest_rel(of, BASE)
        for name, of in (("soft_cgt", BETTER), ("cascade", ALIKE), ("hard_cgt", WORSE))
    }
    for name, test in theirs.items():
        interval = test.confidence_interval(0.95)
        row = board.loc[name]
        assert row["p_value"] == pytest.approx(test.pvalue)
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((interval.low, interval.high))
    assert board.loc["soft_cgt", "difference"] == pytest.approx(0.05)
    p = sorted(test.pvalue for test in theirs.values())
    by_hand = np.maximum.accumulate([3 * p[0], 2 * p[1], p[2]])
    assert sorted(board["p_holm"].dropna()) == pytest.approx(np.minimum(by_hand, 1))
    assert board.index.tolist() == ["soft_cgt", "branchynet", "cascade", "hard_cgt"]
    assert board.loc["branchynet", "difference"] == 0
    assert np.isnan(board.loc["branchynet", "p_holm"])


def test_only_seeds_that_both_have_are_compared():
    frames = world(soft_cgt=[*BETTER, 0.1])
    row = standings(frames).set_index("method").loc["soft_cgt"]
    assert row["difference"] == pytest.approx(0.05)
    assert (row["n"], row["mean_budget_accuracy"]) == (5, pytest.approx((sum(BETTER) + 0.1) / 5))


def test_a_network_with_one_exit_has_no_area_and_stands_last():
    board = standings(world(single_exit=None, hard_cgt=WORSE))
    assert board["method"].tolist() == ["branchynet", "hard_cgt", "single_exit"]
    assert board.iloc[-1][["mean_budget_accuracy", "difference", "p_holm"]].isna().all()
    assert tuple(board) == COLUMNS


def test_one_seed_has_a_difference_and_no_test():
    board = standings(rows_of({"branchynet": [0.9], "soft_cgt": [0.95]})).set_index("method")
    assert board.loc["soft_cgt", "difference"] == pytest.approx(0.05)
    assert board.loc["soft_cgt", ["ci_low", "p_value", "p_holm"]].isna().all()
    text = conclusion(board.reset_index(), "indian_pines")
    assert text.endswith("no entry has two seeds in common with BranchyNet, so nothing is tested.")
    drawn(board.reset_index())


def test_without_branchynet_it_says_so():
    with pytest.raises(ValueError, match="rows of indian_pines: there is none of branchynet"):
        standings(rows_of({"soft_cgt": BETTER}))


def test_a_budget_that_cannot_be_met_is_said_with_its_cost():
    frames = world(soft_cgt=BETTER)
    points = frames["points"]
    part = (points["method"] == "soft_cgt") & (points["point"] == "budget_25")
    points.loc[part & (points["seed"] == 1), ["met", "relative_cost"]] = 0, 0.3
    text = leaderboard_markdown(standings(frames))
    soft, branchynet = (
        next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
        for name in ("SoftCGT", "BranchyNet")
    )
    # Of four seeds, one costs 30 % and three cost 50 %.
    assert "| not met (12 %) | met at 75 % of the seeds (45 %) | 90.00 |" in soft
    assert "| not met (12 %) | 90.00 | 90.00 |" in branchynet


def test_costs_cards_and_marks_stand_beside_the_numbers():
    frames = rows_of(
        {"branchynet": BASE, "soft_cgt_residual": BETTER, "stranger": ALIKE},
        soft_cgt_residual=("protocol", "trial"),
        stranger=("no: by hand", ""),
    )
    without = standings(frames)
    assert without["epoch_factor"].isna().all()
    measured = {**frames, "entries": costs_of(["soft_cgt_residual"])}
    board = standings(measured).set_index("method")
    assert board.loc["soft_cgt_residual", "epoch_factor"] == 1.5
    assert np.isnan(board.loc["stranger", "epoch_factor"])
    assert board.loc["soft_cgt_residual", ["family", "mark"]].tolist() == ["paper", "trial"]
    assert "2509.17885" in board.loc["soft_cgt_residual", "source"]
    assert board.loc["stranger", ["family", "source", "mark"]].tolist() == ["", "", "untuned"]
    text = leaderboard_markdown(board.reset_index())
    assert "| 1.50 × | 512 | 0.08 (0.10) | 0.90 (2.00) | trial |" in text
    assert "SoftCGT (residual) (+5.00, trial) is better" in text


def test_the_sentence_follows_the_numbers():
    def said(**areas):
        return conclusion(standings(world(**areas)), "indian_pines").removeprefix(
            "**Indian Pines**: "
        )

    assert said(soft_cgt=BETTER, cascade=ALIKE) == (
        "SoftCGT (+5.00) is better than BranchyNet; CO (+0.00) is equal to it within 0.3 points."
    )
    assert said(soft_cgt=WORSE, cascade=ALIKE) == (
        "SoftCGT (−9.90) is worse than BranchyNet; CO (+0.00) is equal to it within 0.3 points."
    )
    assert said(soft_cgt=WORSE, cascade=BETTER) == (
        "CO (+5.00) is better than BranchyNet; SoftCGT (−9.90) is worse than BranchyNet."
    )
    assert said(soft_cgt=ALIKE, cascade=ALIKE) == (
        "SoftCGT (+0.00) and CO (+0.00) are equal to BranchyNet within 0.3 points."
    )
    assert said(cascade=UNSURE) == "no difference from BranchyNet is found for the only entry."
    assert said(cascade=UNSURE, soft_cgt=ALIKE) == (
        "SoftCGT (+0.00) is equal to BranchyNet within 0.3 points; no difference from BranchyNet "
        "is found for 1 of the 2 entries."
    )


def test_what_may_be_said_goes_by_both_tests():
    by_less = [one + 0.001 + step for one, step in zip(BASE, (1e-5, -1e-5, 2e-5, 0), strict=True)]
    board = standings(world(soft_cgt=by_less, cascade=ALIKE, hard_cgt=WORSE)).set_index("method")
    assert board["kind"].to_dict() == {
        "soft_cgt": "different, but by less than the margin",
        "branchynet": "",
        "cascade": "equal",
        "hard_cgt": "different",
    }
    assert board.loc["cascade", "equal_p_0.3"] < 0.05 < board.loc["hard_cgt", "equal_p_0.5"]
    assert board.loc["hard_cgt", "sign_flip_p"] == 2 / 16
    text = conclusion(board.reset_index(), "indian_pines")
    assert "SoftCGT (+0.10, less than the margin) is better than BranchyNet" in text


def test_twenty_entries_are_drawn_without_overlapping_text():
    board = standings(twenty())
    figure = drawn(board)
    page = figure.bbox.padded(1)
    assert figure.get_figwidth() == 6.75
    texts = []
    for ax in figure.axes:
        low, high = ax.get_xlim()
        ticks = [tick for tick in ax.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
        texts += [tick.label1 for tick in ticks]
        texts += [ax.xaxis.label, ax._right_title, *ax.get_yticklabels(), *ax.texts]
    texts += [figure.legends[0].get_title(), *figure.legends[0].get_texts()]
    texts = [text for text in texts if text.get_text()]
    assert len(texts) > 3 * (18 + 3)
    assert all(text.get_fontsize() >= 6 for text in texts)
    boxes = [text.get_window_extent() for text in texts]
    for text, box in zip(texts, boxes, strict=True):
        assert page.x0 <= box.x0 and box.x1 <= page.x1, text.get_text()
    for (a, one), (b, other) in itertools.combinations(zip(texts, boxes, strict=True), 2):
        assert not one.overlaps(other), (a.get_text(), b.get_text())


def test_panels_are_sorted_and_filled_where_significant():
    frames = joined(
        world(soft_cgt=BETTER, cascade=ALIKE, hard_cgt=WORSE),
        rows_of({"branchynet": BASE, "soft_cgt": WORSE, "cascade": BETTER}, "mnist1d"),
    )
    first, second = drawn(standings(frames)).axes
    assert [label.get_text() for label in first.get_yticklabels()] == ["SoftCGT", "CO", "HardCGT"]
    assert [label.get_text() for label in second.get_yticklabels()] == ["CO", "SoftCGT"]
    known = looks(["soft_cgt", "cascade", "hard_cgt"])
    for method, filled in (("soft_cgt", True), ("cascade", False), ("hard_cgt", True)):
        look = known[method]
        (line,) = [one for one in first.lines if one.get_marker() == look.marker]
        assert line.get_color() == look.color
        assert (line.get_markerfacecolor() == look.color) == filled


def test_the_command_reads_published_rows_and_writes_the_same_bytes(tmp_path):
    for method, areas in (("branchynet", BASE), ("soft_cgt", BETTER), ("cascade", ALIKE)):
        by_seed = dict(enumerate(areas, start=1))
        mark = {"marked": "trial"} if method == "cascade" else {}
        row = made_row("indian_pines", method, by_seed, size=1000, **mark)
        write_row(tmp_path / "rows", row)
    (tmp_path / "benchmarks").mkdir()
    costs_of(["soft_cgt"]).to_csv(tmp_path / "benchmarks/entries_indian_pines.csv", index=False)
    for name in ("first", "second"):
        assert main(["leaderboard", str(tmp_path), "--out", str(tmp_path / name)]) == 0
    found = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    assert set(found) == {f"leaderboard.{form}" for form in ("csv", "md", "svg", "pdf", "png")}
    assert all((tmp_path / "second" / name).read_bytes() == of for name, of in found.items())
    board = pd.read_csv(tmp_path / "first/leaderboard.csv").set_index("method")
    assert board.loc["soft_cgt", "peak_mib"] == 512.4
    assert board.loc["soft_cgt", "difference"] == pytest.approx(0.05)
    assert board.loc["cascade", "mark"] == "trial"
    assert "not met (20 %)" in found["leaderboard.md"].decode()
