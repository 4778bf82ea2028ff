import shutil

import numpy as np
import pandas as pd
import pytest

from cgt.analysis.compare import compare
from cgt.analysis.tables import write_tables
from cgt.analysis.tables.failure import failure_files
from cgt.analysis.tables.operating_points import operating_points_files
from cgt.analysis.tables.table_1 import results_markdown, table_1


def cell(table, **key):
    for column, value in key.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_table_1_is_mean_and_sd_over_seeds(frames):
    key = {"point": "one_se", "dataset": "indian_pines", "method": "hard_cgt"}
    points = frames["operating_points"]
    a, b = points.query(" and ".join(f"{name} == '{value}'" for name, value in key.items()))[
        "f1_macro"
    ]
    row = cell(table_1(frames), metric="f1_macro", **key)
    assert row["mean"] == pytest.approx((a + b) / 2)
    assert row["sd"] == pytest.approx(abs(a - b) / 2**0.5)
    assert row["n"] == 2


def test_table_1_has_no_exit_shares_for_methods_that_do_not_route(frames):
    table = table_1(frames)
    metrics = table.groupby("method")["metric"].agg(set)
    exits = {"exit_1", "exit_2", "exit_3"}
    assert exits & metrics["single_exit"] == set()
    assert exits & metrics["static"] == set()
    assert exits <= metrics["soft_cgt"]


def test_files_are_complete_and_the_same_twice(summary_dir, tmp_path):
    for out in ("a", "b"):
        write_tables(summary_dir, tmp_path / out)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert {"table_1.csv", "table_1.md", "table_1.tex", "results.md"} <= set(names)
    assert {"exit_rules.md", "overthinking.md", "calibration.md", "failure.md"} <= set(names)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    numbers = pd.read_csv(tmp_path / "a" / "table_1.csv")
    assert numbers.columns.tolist() == ["point", "dataset", "method", "metric", "mean", "sd", "n"]
    assert set(numbers["point"]) == {"one_se", "threshold_0.9"}


def test_printed_numbers_match_the_csv(summary_dir, frames, tmp_path):
    write_tables(summary_dir, tmp_path)
    row = cell(
        table_1(frames),
        point="threshold_0.9",
        dataset="fashion_mnist",
        method="branchynet",
        metric="relative_cost",
    )
    printed = f"{100 * row['mean']:.2f} ± {100 * row['sd']:.2f}"
    lines = (tmp_path / "table_1.md").read_text().split("threshold 0.9")[1].splitlines()
    (line,) = [line for line in lines if "Fashion-MNIST | BranchyNet" in line]
    assert line.endswith(f"| {printed} | 2 |")
    latex = (tmp_path / "table_1.tex").read_text()
    assert printed.replace("±", "$\\pm$") in latex
    assert latex.count("\\toprule") == latex.count("\\bottomrule") == 1
    widths = {
        line.count("&") for line in latex.splitlines() if line.endswith("\\\\") and "&" in line
    }
    assert widths == {10}


def test_the_best_score_of_each_dataset_is_bold(frames):
    best = (
        frames["operating_points"]
        .query("point == 'one_se'")
        .groupby(["dataset", "method"])["accuracy"]
        .mean()
        .groupby("dataset")
        .max()
    )
    text = results_markdown(frames)
    for value in best:
        assert f"| **{100 * value:.2f} ±" in text
    bold = [part for part in text.split("|") if "**" in part]
    assert bold and all(part.strip().startswith("**") for part in bold)
    assert "**100.00" not in text  # a cost is no score


def test_one_seed_prints_no_spread_and_an_unknown_method_its_name(one_seed):
    text = results_markdown(one_seed)
    assert "±" not in text.split("All in")[0]
    assert "| Indian Pines | my_method |" in text


def test_every_markdown_table_is_regular(summary_dir, one_seed_dir, tmp_path):
    for folder in (summary_dir, one_seed_dir):
        write_tables(folder, tmp_path)
        for name in ("exit_rules", "overthinking", "calibration", "failure"):
            text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
            lines = [line for line in text.splitlines() if line.startswith("|")]
            assert len(lines) > 2
            assert len({line.count("|") for line in lines}) == 1
            assert "nan" not in text


def printed(summary_dir, tmp_path, name, start):
    write_tables(summary_dir, tmp_path)
    lines = (tmp_path / name).read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(start)]
    return [cell.strip() for cell in line.strip("| ").split("|")]


def test_the_calibration_table_prints_error_and_temperature(summary_dir, frames, tmp_path):
    row = printed(summary_dir, tmp_path, "calibration.md", "| Indian Pines | SoftCGT | 2 |")
    table = frames["calibration"].query(
        "dataset == 'indian_pines' and method == 'soft_cgt' and exit == 2"
    )
    mean = table.groupby("scaling")[["ece", "temperature"]].mean()
    assert row[3].startswith(f"{100 * mean.loc['none', 'ece']:.2f} ±")
    assert row[4] == f"{mean.loc['temperature', 'temperature']:.2f}"
    assert row[5].startswith(f"{100 * mean.loc['temperature', 'ece']:.2f} ±")
    failure = frames["failure"].query(
        "dataset == 'indian_pines' and method == 'soft_cgt' and exit == 2 and scaling == 'none'"
    )
    assert row[6].startswith(f"{100 * failure['auroc'].mean():.2f} ±")
    row = printed(summary_dir, tmp_path, "calibration.md", "| Indian Pines | ClassyNet | 2 |")
    assert row[4:6] == ["–", "–"] and row[7:] == ["2"]


def test_the_failure_table_prints_each_measure_before_and_after(frames):
    numbers = {("none", 1): 0.10, ("none", 2): 0.20, ("temperature", 1): 0.30}
    numbers["temperature", 2] = 0.50
    measures = {"risk": 0.0, "auroc": 0.01, "aurc": 0.02, "excess_aurc": 0.03}
    failure = frames["failure"]
    base = [numbers[key] for key in zip(failure["scaling"], failure["seed"], strict=True)]
    made = failure.assign(**{name: np.array(base) + more for name, more in measures.items()})
    lines = failure_files({"failure": made})["failure.md"].splitlines()
    found = {tuple(line.strip("| ").split(" | ")[:3]): line for line in lines if "|" in line}
    row = found["Indian Pines", "SoftCGT", "2"].strip("| ").split(" | ")
    # Means .15 and .40; standard deviations .1 / sqrt 2 and .2 / sqrt 2.
    assert row[3:] == [
        "15.00 ± 7.07",
        *("16.00 ± 7.07", "41.00 ± 14.14"),
        *("17.00 ± 7.07", "42.00 ± 14.14"),
        *("18.00 ± 7.07", "43.00 ± 14.14"),
        "2",
    ]
    row = found["Indian Pines", "ClassyNet", "2"].strip("| ").split(" | ")
    assert [row[place] for place in (5, 7, 9)] == ["–"] * 3


def sections(text):
    """Rows of each table of a Markdown file: cells by heading, by dataset and method."""
    found = []
    for part in text.split("**")[2::2]:
        lines = [line.strip("| ").split(" | ") for line in part.splitlines() if "|" in line]
        head, _, *rows = lines
        found.append({tuple(row[:2]): dict(zip(head, row, strict=True)) for row in rows})
    return found


def test_left_early_is_shown_by_both_readings_and_with_temperatures(frames):
    accuracy, left = sections(operating_points_files(frames)["operating_points.md"])
    points = frames["operating_points"].query("dataset == 'indian_pines' and method == 'soft_cgt'")
    mean = points.groupby("point")[["accuracy", "exit_1", "exit_3"]].mean()
    row = left["Indian Pines", "SoftCGT"]
    for point, name in (
        ("threshold_0.9", "threshold 0.9"),
        ("threshold_0.9_scaled", "threshold 0.9 with temperatures"),
    ):
        of = mean.loc[point]
        assert row[f"exit 1, {name}"].startswith(f"{100 * of['exit_1']:.2f} ±")
        assert row[f"before the last, {name}"].startswith(f"{100 - 100 * of['exit_3']:.2f} ±")
        shown = accuracy["Indian Pines", "SoftCGT"][name]
        assert shown.startswith(f"{100 * of['accuracy']:.2f} ±")
    assert left["Indian Pines", "ClassyNet"]["exit 1, threshold 0.9 with temperatures"] == "–"
    assert ("Indian Pines", "Single exit") not in left
    assert ("Indian Pines", "Single exit") in accuracy


def test_a_budget_that_one_seed_cannot_meet_is_marked(frames):
    """The first exit costs a fifth of the network: a tenth cannot be met."""
    accuracy, _ = sections(operating_points_files(frames)["operating_points.md"])
    row = accuracy["Indian Pines", "SoftCGT"]
    marked = {heading for heading, text in row.items() if text.endswith("†")}
    assert marked == {"budget 10 %"}
    points = frames["operating_points"].copy()
    one = (points["point"] == "budget_50") & (points["seed"] == 2)
    points.loc[one & (points["method"] == "soft_cgt"), "met"] = 0
    changed = operating_points_files({**frames, "operating_points": points})
    accuracy, _ = sections(changed["operating_points.md"])
    assert accuracy["Indian Pines", "SoftCGT"]["budget 50 %"].endswith("†")
    assert not accuracy["Indian Pines", "BranchyNet"]["budget 50 %"].endswith("†")


OF_CLAIMS = ("verdicts.md", "claims.md", "claims.html", "verdicts.html")
"""They show the scaled point beside where it is there."""


def test_of_the_first_publication_what_is_not_there_is_not_shown(summary_dir, tmp_path):
    old = shutil.copytree(summary_dir, tmp_path / "old")
    (old / "failure.csv").unlink()
    for name in ("operating_points", "overthinking"):
        table = pd.read_csv(old / f"{name}.csv")
        table = table[table["point"] != "threshold_0.9_scaled"].replace("budget_10", "budget_75")
        table.drop(columns="met", errors="ignore").to_csv(old / f"{name}.csv", index=False)
    for folder, out in ((old, "a"), (summary_dir, "b")):
        write_tables(folder, tmp_path / out)
    names, more = ({path.name for path in (tmp_path / out).iterdir()} for out in "ab")
    assert more - names == {"failure.md", "failure.html"} and not names - more
    accuracy, left = sections((tmp_path / "a/operating_points.md").read_text(encoding="utf-8"))
    shown = ["Dataset", "Method", "one-SE point", "threshold 0.9", "n"]
    assert list(accuracy["Indian Pines", "CO"]) == shown
    assert len(left["Indian Pines", "CO"]) == 5
    assert "AUROC" not in (tmp_path / "a/calibration.md").read_text(encoding="utf-8")
    for name in names - {"operating_points.md", "calibration.md", *OF_CLAIMS}:
        if name.endswith((".md", ".tex", ".csv")):  # all else is as it would be today
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    verdicts = compare(summary_dir, old).groupby("point")["verdict"].agg(set).to_dict()
    assert verdicts.pop("threshold_0.9") == verdicts.pop("one_se") == {"agrees"}
    assert verdicts.pop("curve") == {"agrees"}
    assert set(verdicts) == {"budget_10", "budget_25", "budget_50", "threshold_0.9_scaled"}
    assert all(verdict == {"only new"} for verdict in verdicts.values())


def test_the_overthinking_table_prints_the_means(summary_dir, frames, tmp_path):
    row = printed(summary_dir, tmp_path, "overthinking.md", "| Fashion-MNIST | CO |")
    table = frames["overthinking"].query("dataset == 'fashion_mnist' and method == 'cascade'")
    mean = table.groupby("point")[["wasteful", "destructive"]].mean()
    assert row[2].startswith(f"{100 * mean.loc['full', 'wasteful']:.2f} ±")
    assert row[6].startswith(f"{100 * mean.loc['threshold_0.9', 'destructive']:.2f} ±")


def test_the_exit_rules_table_prints_gains_with_intervals(summary_dir, frames, tmp_path):
    row = printed(summary_dir, tmp_path, "exit_rules.md", "| Fashion-MNIST | HardCGT |")
    table = frames["exit_rules"].query("dataset == 'fashion_mnist' and method == 'hard_cgt'")
    areas = table.pivot(index="seed", columns="exit_rule", values="mean_budget_accuracy")
    assert row[2].startswith(f"{100 * areas['shared'].mean():.2f} ±")
    gain = 100 * (areas["per_exit"] - areas["shared"]).mean()
    assert row[3].startswith(f"{gain:+.2f} [".replace("-", "−"))
