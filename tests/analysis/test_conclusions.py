"""What people read: CSVs, Markdown and figures of the conclusions."""

import matplotlib
import matplotlib.colors
import pandas as pd
import pytest
from worlds import add, paper_world

from cgt.analysis.claims import CLAIMS, judge, ledger, methods_of
from cgt.analysis.comparisons import comparisons
from cgt.analysis.conclusions import CONCLUSIONS, conclude
from cgt.analysis.figures.claims import COLORS, claims
from cgt.analysis.style import RC, looks
from cgt.analysis.tables.claims import FIRST, claims_files
from cgt.analysis.tables.comparisons import comparisons_files
from cgt.records.csv_schema import csv_text

COLUMNS = {
    "claims": (
        "claim method dataset saying statistic value ci_low ci_high ci_low_bonferroni "
        "ci_high_bonferroni n verdict scaled_value scaled_ci_low scaled_ci_high"
    ),
    "verdicts": "claim method dataset verdict",
    "differences": (
        "dataset metric method reference difference ci_low ci_high p_value p_holm sign_flip_p "
        "equal_p_0.1 equal_p_0.3 equal_p_0.5 kind sampled_low sampled_high n"
    ),
    "comparisons": "dataset metric method_a method_b difference ci_low ci_high p_value p_holm n",
    "ranks": "metric method mean_rank n friedman_p",
    "power": "dataset metric method_a method_b sd_paired n mde n_needed sufficient",
}


@pytest.fixture(scope="module")
def world():
    """Claim (h) is untrue on Fashion-MNIST, all others hold."""
    world = paper_world()
    where = {"method": "branchynet", "exit": 1, "dataset": "fashion_mnist"}
    world["exits"] = add(world["exits"], "accuracy", 0.1, **where)
    world["areas"] = world["operating_points"].rename(columns={"accuracy": "mean_budget_accuracy"})[
        ["dataset", "method", "seed", "mean_budget_accuracy"]
    ]
    return world


def test_all_conclusions_are_written_and_the_same_twice(summary_dir, frames, tmp_path):
    for out in ("a", "b"):
        conclude(summary_dir, tmp_path / out)
    assert {path.stem for path in (tmp_path / "a").iterdir()} == set(CONCLUSIONS) == set(COLUMNS)
    for name, columns in COLUMNS.items():
        text = (tmp_path / "a" / f"{name}.csv").read_text(encoding="utf-8")
        assert text == (tmp_path / "b" / f"{name}.csv").read_text(encoding="utf-8")
        assert text == csv_text(CONCLUSIONS[name](frames))
        assert text.splitlines()[0].split(",") == columns.split()


def test_a_summary_without_the_methods_is_no_error(one_seed_dir, tmp_path):
    conclude(one_seed_dir, tmp_path)
    found = pd.read_csv(tmp_path / "claims.csv")
    assert set(found["claim"]) == {"j"}
    assert set(found["verdict"]) == {"undecided", "cannot be told"}


def test_every_claim_has_its_verdict_in_the_short_table(world):
    lines = claims_files(world)["verdicts.md"].splitlines()
    words = {"h": "not reproduced", "j": "cannot be told"}
    for name, claim in CLAIMS.items():
        (first,) = [line for line in lines if line.startswith(f"| ({name}) | {claim.sentence}")]
        number = lines.index(first)
        for method, line in zip(methods_of(name), lines[number:], strict=False):
            assert f"| {looks([method])[method].name} |" in line
            assert line.endswith(f"| **{words.get(name, 'reproduced')}** |")
    assert "| not reproduced | reproduced | reproduced |" in "".join(lines)  # (h), by dataset


def test_the_first_verdicts_stand_beside_the_new_ones(world):
    first = pd.DataFrame(
        {
            "claim": ["a", "a", "h", "h"],
            "dataset": ["indian_pines", "indian_pines_disjoint", "fashion_mnist", "indian_pines"],
            "verdict": ["undecided", "not reproduced", "reproduced", "undecided"],
        }
    )
    lines = claims_files({**world, FIRST: first})["verdicts.md"].splitlines()
    assert lines[0].endswith("| Verdict | First publication |")
    ends = {line[:5]: line.rsplit("| ", 2)[1:] for line in lines if line.startswith("| (")}
    assert ends["| (a)"] == ["**reproduced** ", "undecided |"]  # of the paper's datasets
    assert ends["| (h)"] == ["**not reproduced** ", "undecided |"]
    assert ends["| (b)"] == ["**reproduced** ", "– |"]


def test_the_long_table_has_the_numbers_of_the_csv(world):
    text = claims_files(world)["claims.md"]
    for row in ledger(world).itertuples():
        scale = 1 if "÷" in row.statistic else 100
        mean = f"{scale * row.value:.2f}".replace("-", "−")
        compared = row.statistic.split(", claimed")[0]
        lines = [line for line in text.splitlines() if compared in line and mean in line]
        assert any(line.endswith(f"| {row.n} | {row.verdict} |") for line in lines)


def test_what_was_not_judged_is_said():
    world = {name: frame.assign(dataset="other") for name, frame in paper_world((1,)).items()}
    text = claims_files(world)["claims.md"]
    assert text.count("Nothing to judge") == len(CLAIMS)
    assert text.count("| **–** |") == sum(len(methods_of(name)) for name in CLAIMS)


def test_pairs_in_bold_are_those_that_survive_holm(world):
    text = comparisons_files(world)["comparisons.md"]
    significant = comparisons(world)["p_holm"] < 0.05
    cells = text[text.index("row minus column") :].split("|")
    assert sum("**+" in cell or "**−" in cell for cell in cells) == significant.sum() > 0


def test_the_ledger_figure_draws_each_row_in_the_colour_of_its_verdict(world):
    with matplotlib.rc_context(RC):
        figure = claims(world)
    assert len(figure.axes) == len(CLAIMS)
    drawn = [
        matplotlib.colors.to_hex(line.get_color())
        for ax in figure.axes
        for line in ax.lines
        if line.get_marker() in "osD"
    ]
    expected = [COLORS[row.verdict] for row in judge(world)]
    assert sorted(drawn) == sorted(expected)
