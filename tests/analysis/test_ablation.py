import shutil

import numpy as np
import pandas as pd
import pytest

from cgt.analysis.ablation import draw_ablation, write_effects
from cgt.analysis.ablation.effects import effects, read_effects, significant
from cgt.analysis.ablation.table import ablation_markdown
from cgt.analysis.ablation.timing import timing_effects
from cgt.analysis.ablation.timing_table import timing_markdown
from cgt.records.csv_schema import TABLES, write_csv

T_2 = 4.302653  # 97.5 % point of Student's t with 2 degrees of freedom
TUNED = [0.90, 0.92, 0.94]
CHANGED = [0.91, 0.94, 0.97]  # 1, 2 and 3 points better
SECONDS = {"soft_cgt": [10.0, 10.0, 40.0], "soft_cgt,use_labels=false": [5.0, 2.5, 5.0]}


SCORES = {"soft_cgt": [0.5, 0.6, 0.7, 0.7], "soft_cgt,use_labels=false": [0.5, 0.7, 0.8, 0.8]}
"""Validation accuracy, mean over the exits, after each of four epochs."""


def cell(row, row_value, column, column_value, variant, seeds=(1, 2, 3)):
    return {
        "dataset": "indian_pines",
        "method": "soft_cgt",
        "row": row,
        "row_value": row_value,
        "column": column,
        "column_value": column_value,
        "variant": variant,
        "seeds": list(seeds),
    }


def at(seeds, cells=None):
    return [{**one, "seeds": list(seeds)} for one in cells or CELLS]


CELLS = [
    cell("tau", "0.5", "use_labels", "true", "soft_cgt"),
    cell("tau", "0.5", "use_labels", "false", "soft_cgt,use_labels=false"),
    cell("use_labels", "true", "", "", "soft_cgt"),
    cell("use_labels", "false", "", "", "soft_cgt,use_labels=false"),
]


def frames(seeds=3):
    runs = [
        ("indian_pines", variant, seed, value)
        for variant, values in {"soft_cgt": TUNED, "soft_cgt,use_labels=false": CHANGED}.items()
        for seed, value in enumerate(values[:seeds], start=1)
    ]
    areas = pd.DataFrame(runs, columns=["dataset", "method", "seed", "mean_budget_accuracy"])
    exits = [
        (dataset, variant, seed, number, value - 0.1 / number, 0.5, 100 * number, number / 2)
        for dataset, variant, seed, value in runs
        for number in (1, 2)
    ]
    names = ["dataset", "method", "seed", "exit", "accuracy", "f1_macro", "macs", "relative_cost"]
    seconds = [(*run[:3], SECONDS[run[1]][run[2] - 1]) for run in runs]
    training = [
        # The exits differ by 0.2, so that neither alone tells the mean.
        (*run[:3], epoch, exit, 1.0, score + 0.2 * (exit - 1.5), 1.0, 1.0, 1.0, 1.0)
        for run in runs
        for epoch, score in enumerate(SCORES[run[1]], start=1)
        for exit in (1, 2)
    ]
    return {
        "training": pd.DataFrame(training, columns=TABLES["training"].columns),
        "areas": areas,
        "exits": pd.DataFrame(exits, columns=names),
        "timings": pd.DataFrame(seconds, columns=["dataset", "method", "seed", "seconds"]),
    }


def test_effects_by_hand():
    """Differences 1, 2, 3 points: mean 2, standard deviation 1, interval 2 ± t / √3."""
    table = effects(frames(), CELLS).set_index(["row", "row_value", "column_value", "metric"])
    found = table.loc[("use_labels", "false", "", "mean_budget_accuracy")]
    half = 0.01 * T_2 / np.sqrt(3)
    assert found["mean"] == pytest.approx(0.94)
    assert found["difference"] == pytest.approx(0.02)
    assert [found["ci_low"], found["ci_high"]] == pytest.approx([0.02 - half, 0.02 + half])
    assert found["n"] == 3
    assert table.loc[("tau", "0.5", "false", "first_exit"), "mean"] == pytest.approx(0.84)
    assert table.loc[("tau", "0.5", "false", "last_exit"), "mean"] == pytest.approx(0.89)


def test_the_tuned_method_does_not_differ_from_itself():
    table = effects(frames(), CELLS)
    tuned = table[table["variant"] == "soft_cgt"]
    assert (tuned[["difference", "ci_low", "ci_high"]] == 0).all(axis=None)
    assert not significant(tuned).any()


def test_seeds_are_paired_not_averaged():
    """The order of the rows does not matter, and the spread between seeds drops out."""
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in frames().items()}
    pd.testing.assert_frame_equal(effects(shuffled, CELLS), effects(frames(), CELLS))


def test_significant_by_the_interval():
    table = pd.DataFrame({"ci_low": [0.1, -0.1, -0.2, np.nan], "ci_high": [0.2, 0.1, -0.1, np.nan]})
    assert significant(table).tolist() == [True, False, True, False]


def test_a_missing_run_is_named():
    incomplete = frames()
    incomplete["areas"] = incomplete["areas"].iloc[:-1]
    missing = (
        "indian_pines/soft_cgt,use_labels=false/3: this run is missing; seeds 1, 2, 3 are needed"
    )
    with pytest.raises(ValueError, match=missing):
        effects(incomplete, CELLS)


def test_a_cell_is_compared_at_its_own_seeds():
    """Other studies may have the tuned method at more."""
    table = effects(frames(), at([1, 2], CELLS[3:])).set_index("metric")
    assert table.loc["mean_budget_accuracy", "n"] == 2
    assert table.loc["mean_budget_accuracy", ["mean", "difference"]].tolist() == pytest.approx(
        [0.925, 0.015]
    )


def test_where_studies_meet_the_one_with_most_seeds_is_shown():
    found = effects(frames(), [*at([1, 2]), CELLS[3]])
    text = ablation_markdown(found)
    assert "| gate uses labels = no | 94.00 |" in text and "92.50" not in text


@pytest.mark.parametrize("seeds", [3, 1])
def test_what_is_written_is_read_again(tmp_path, seeds):
    table = effects(frames(seeds), at(range(1, seeds + 1)))
    write_csv(table, tmp_path / "effects.csv")
    pd.testing.assert_frame_equal(
        read_effects(tmp_path / "effects.csv"), table, atol=1e-6, check_dtype=False
    )


def test_former_names_are_refused(tmp_path):
    table = effects(frames(), CELLS).replace({"metric": {"mean_budget_accuracy": "area"}})
    write_csv(table, tmp_path / "effects.csv")
    with pytest.raises(ValueError, match="area is called mean_budget_accuracy now"):
        read_effects(tmp_path / "effects.csv")


def test_table_shows_each_variant_once():
    lines = ablation_markdown(effects(frames(), CELLS)).splitlines()
    rows = [line for line in lines if line.startswith("| SoftCGT")]
    assert rows == [
        "| SoftCGT | as tuned | 92.00 |  |  |  | 3 |",
        "| SoftCGT | gate uses labels = no | 94.00 | +2.00 ± 2.48 | +2.00 ± 2.48 "
        "| +2.00 ± 2.48 | 3 |",
    ]


SAVED = "soft_cgt,sample_deep=0.7"
SAVING = [
    cell("sample_deep", "0", "", "", "soft_cgt"),
    cell("sample_deep", "0.7", "", "", SAVED),
]


def renamed(frames):
    """The changed variant is the one that draws its deep samples."""
    return {
        name: frame.replace({"method": {"soft_cgt,use_labels=false": SAVED}})
        for name, frame in frames.items()
    }


def timed(frames, cells=SAVING):
    return timing_effects(renamed(frames), cells)


def test_times_are_ratios_of_the_same_seed():
    """Ratios 1/2, 1/4, 1/8: geometric mean 1/4, logarithms with a standard deviation of ln 2."""
    plain, found = timed(frames()).to_dict("records")
    factor = 2 ** (T_2 / np.sqrt(3))
    assert found["seconds"] == pytest.approx(12.5 / 3)
    assert found["epochs_per_hour"] == pytest.approx(3600 * 4 * (1 / 5 + 1 / 2.5 + 1 / 5) / 3)
    assert found["ratio"] == pytest.approx(0.25)
    assert [found["ci_low"], found["ci_high"]] == pytest.approx([0.25 / factor, 0.25 * factor])
    assert found["mean_budget_accuracy"] == pytest.approx(0.02)
    assert found["mean_budget_accuracy_ci_high"] == pytest.approx(0.02 + 0.01 * T_2 / np.sqrt(3))
    assert found["n"] == 3
    assert [plain[name] for name in ("ratio", "ci_low", "ci_high", "level_ratio")] == [1, 1, 1, 1]


def test_time_until_the_accuracy_of_the_other_form():
    """To 0.695, on a line from 0.6 to 0.7 in the third epoch; from 0.5 to 0.7 in the second."""
    _, found = timed(frames()).to_dict("records")
    assert found["level_ratio"] == pytest.approx(0.25 * (1 + 0.195 / 0.2) / (2 + 0.095 / 0.1))
    factor = 2 ** (T_2 / np.sqrt(3))
    assert found["level_ci_high"] == pytest.approx(found["level_ratio"] * factor)
    assert found["level_n"] == 3


def test_epochs_that_are_not_validated_lie_on_the_line_between_others():
    """Without the second epoch the line to 0.695 is longer: from 0.2 or 0.5 at the first."""
    sparse = frames()
    sparse["training"] = sparse["training"].query("epoch != 2")
    _, found = timed(sparse).to_dict("records")
    scores = {name: dict(enumerate(of, start=1)) for name, of in SCORES.items()}
    waited = [
        1 + 2 * (0.695 - of[1]) / (of[3] - of[1])
        for of in (scores["soft_cgt,use_labels=false"], scores["soft_cgt"])
    ]
    assert found["level_ratio"] == pytest.approx(0.25 * waited[0] / waited[1])
    assert found["epochs_per_hour"] == pytest.approx(3600 * 4 * (1 / 5 + 1 / 2.5 + 1 / 5) / 3)


def test_accuracy_that_is_never_reached_has_no_time():
    worse = frames()
    training = worse["training"]
    below = (training["method"] != "soft_cgt") & (training["seed"] > 1)
    training.loc[below, "val_accuracy"] = 0.6
    _, found = timed(worse).to_dict("records")
    assert found["level_n"] == 1 and np.isnan(found["level_ratio"])
    assert "| reached at 1 of 3 |" in timing_markdown(timed(worse))


def test_a_level_that_the_first_epoch_reaches():
    quick = frames()
    training = quick["training"]
    training.loc[training["method"] != "soft_cgt", "val_accuracy"] = 0.9
    _, found = timed(quick).to_dict("records")
    assert found["level_ratio"] == pytest.approx(0.25 * 1 / (2 + 0.095 / 0.1))


def test_what_saves_time_is_held_to_what_differs_in_nothing_else():
    two = [
        cell("sample_deep", "0", "tau", "0.5", "soft_cgt"),
        cell("sample_deep", "0", "tau", "0.7", "soft_cgt,tau=0.7"),
        cell("sample_deep", "0.7", "tau", "0.7", SAVED),
    ]
    all_of = renamed(frames())
    both = {
        name: pd.concat([frame, frame.replace({"method": {"soft_cgt": "soft_cgt,tau=0.7"}})])
        for name, frame in all_of.items()
    }
    both = {name: frame.drop_duplicates().reset_index(drop=True) for name, frame in both.items()}
    found = timing_effects(both, two)
    assert found["baseline"].tolist() == ["soft_cgt", "soft_cgt,tau=0.7", "soft_cgt,tau=0.7"]
    alone = timing_effects(both, two[2:])  # the study has no such form
    assert alone["baseline"].tolist() == ["soft_cgt"]


def test_times_do_not_enter_the_effects():
    slow = frames()
    slow["timings"]["seconds"] *= [1, 2, 3, 4, 5, 6]
    pd.testing.assert_frame_equal(effects(slow, CELLS), effects(frames(), CELLS))


def test_a_run_without_time_or_seed_is_named():
    all_of = renamed(frames())
    timings = all_of["timings"]
    with pytest.raises(ValueError, match=r"sample_deep=0\.7/3: this run is missing"):
        timing_effects({**all_of, "timings": timings.iloc[:-1]}, SAVING)
    with pytest.raises(ValueError, match="indian_pines/soft_cgt/1: its seconds are 0; they must"):
        timing_effects({**all_of, "timings": timings.assign(seconds=0.0)}, SAVING)


def test_time_stands_beside_area():
    rows = [line for line in timing_markdown(timed(frames())).splitlines() if "SoftCGT" in line]
    assert rows == [
        "| SoftCGT | as tuned | 1080 |  |  |  |  | 3 |",
        "| SoftCGT | chance of a deep sample = 0.7 | 3840 | as tuned | 0.25 (0.04 to 1.40) "
        "| **0.17 (0.03 to 0.94)** | +2.00 ± 2.48 | 3 |",
    ]


def test_a_time_is_bold_if_its_interval_leaves_out_1():
    steady = frames()
    steady["timings"].loc[3:, "seconds"] = [2.5, 2.5, 10.0]  # all ratios are 1/4
    assert "| **0.25 (0.25 to 0.25)** |" in timing_markdown(timed(steady))


def test_only_what_is_to_save_time_is_timed(tmp_path):
    for name, frame in renamed(frames()).items():
        both = pd.concat([frame, frames()[name]]).drop_duplicates()
        write_csv(both, tmp_path / f"{name}.csv")
    write_effects(tmp_path, [*CELLS, *SAVING], tmp_path / "effects")
    found = pd.read_csv(tmp_path / "effects/timing_effects.csv")
    assert found["row"].tolist() == ["sample_deep"] * 2
    assert len(pd.read_csv(tmp_path / "effects/effects.csv")) > 3 * len(CELLS)


@pytest.mark.parametrize("seeds", [3, 1])
def test_figures_and_tables_are_drawn_from_the_summary(tmp_path, seeds):
    for name, frame in frames(seeds).items():
        write_csv(frame, tmp_path / f"{name}.csv")
    write_effects(tmp_path, at(range(1, seeds + 1)), tmp_path / "effects")
    assert {path.name for path in (tmp_path / "effects").iterdir()} == {
        "effects.csv",
        "timing_effects.csv",
    }
    for name in ("areas", "exits"):
        shutil.copy(tmp_path / f"{name}.csv", tmp_path / "effects")
    contents = []
    for folder in ("first", "second"):
        draw_ablation(tmp_path / "effects", tmp_path / folder)
        files = sorted(path for path in (tmp_path / folder).rglob("*") if path.is_file())
        contents.append([path.read_bytes() for path in files])
    assert [path.name for path in files] == [
        *(f"ablation_indian_pines.{form}" for form in ("pdf", "png", "svg")),
        "ablation.md",
        "ablation_time.md",
        "ablation_words.md",
        "time_words.md",
    ]
    assert contents[0] == contents[1]
