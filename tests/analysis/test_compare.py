import shutil

import pandas as pd
import pytest

from cgt.analysis.claims import CLAIMS, methods_of
from cgt.analysis.compare import compare, compare_verdicts


@pytest.fixture(autouse=True)
def tables_that_contradict_each_other(monkeypatch):
    """Here one table is edited alone, which no summary of ours would look like."""
    monkeypatch.setattr("cgt.analysis.frames.check_together", lambda frames, where: None)


def change(summary_dir, out, edit, tables=("operating_points",)):
    shutil.copytree(summary_dir, out)
    for path in (out / f"{table}.csv" for table in tables):
        edit(pd.read_csv(path)).to_csv(path, index=False)
    return out


def test_a_run_agrees_with_itself(summary_dir):
    table = compare(summary_dir, summary_dir)
    assert set(table["verdict"]) == {"agrees"}
    assert (
        len(table.query("point != 'curve'")) == 3 * (7 * 5 + 4) * 3
    )  # datasets, methods by points and four that are scaled, metrics
    assert len(table.query("point == 'curve'")) == 3 * 6  # a single exit has no area
    assert (table["published"] == table["new"]).all()


def test_the_verdict_follows_the_published_interval(summary_dir, tmp_path):
    published = compare(summary_dir, summary_dir)
    rows = published.query(
        "method == 'soft_cgt' and point == 'one_se' and metric == 'accuracy' and "
        "published_ci_high > published"
    )
    row = rows.loc[(rows["published_ci_high"] - rows["published"]).idxmin()]
    half = row["published_ci_high"] - row["published"]

    def shifted(by):
        return change(
            summary_dir,
            tmp_path / str(by),
            lambda frame: frame.assign(
                accuracy=frame["accuracy"]
                + by
                * half
                * ((frame["method"] == "soft_cgt") & (frame["dataset"] == row["dataset"]))
            ),
        )

    def verdict(by):
        table = compare(shifted(by), summary_dir)
        return table.loc[
            (table[["dataset", "method", "point", "metric"]] == row.iloc[:4]).all(axis=1), "verdict"
        ].item()

    assert verdict(0.9) == "agrees"
    assert verdict(1.1) == "differs"
    assert verdict(-1.1) == "differs"


def test_verdicts_are_compared_claim_by_claim(summary_dir, tmp_path):
    same = compare_verdicts(summary_dir, summary_dir)
    assert set(same["verdict"]) == {"agrees"}
    assert len(same) == sum(
        len(claim.datasets) * len(methods_of(name)) for name, claim in CLAIMS.items()
    )
    sure = change(
        summary_dir,
        tmp_path / "sure",
        lambda frame: frame.assign(
            relative_cost=frame["relative_cost"].mask(frame["method"] == "classynet", 1e-6)
        ),
    )
    changed = compare_verdicts(sure, summary_dir).query("verdict == 'differs'")
    assert changed[["claim", "method", "dataset", "new"]].values.tolist() == [
        ["d", "classynet", "fashion_mnist", "not reproduced"]
    ]


def test_verdicts_of_what_one_side_did_not_run(summary_dir, tmp_path):
    tables = ("operating_points",)
    less = change(summary_dir, tmp_path / "less", lambda f: f[f["method"] != "classynet"], tables)
    table = compare_verdicts(less, summary_dir).set_index("claim")
    assert table.loc["d", ["new", "verdict"]].tolist() == ["", "differs"]


def test_what_one_side_lacks_is_named(summary_dir, tmp_path):
    tables = ("operating_points", "areas")
    less = change(summary_dir, tmp_path / "less", lambda f: f[f["method"] != "cascade"], tables)
    assert set(compare(less, summary_dir).query("method == 'cascade'")["verdict"]) == {
        "only published"
    }
    assert set(compare(summary_dir, less).query("method == 'cascade'")["verdict"]) == {"only new"}


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "agrees"), (1e-4, "differs")])
def test_one_published_seed_is_matched_by_the_same_number_only(
    summary_dir, tmp_path, shift, verdict
):
    one = change(summary_dir, tmp_path / "one", lambda f: f[f["seed"] == 1])
    new = change(one, tmp_path / "new", lambda f: f.assign(accuracy=f["accuracy"] + shift))
    table = compare(new, one).query("metric == 'accuracy'")
    assert set(table["verdict"]) == {verdict}


def test_areas_are_compared_too(summary_dir, tmp_path):
    other = change(
        summary_dir, tmp_path / "other", lambda f: f.assign(mean_budget_accuracy=0.1), ("areas",)
    )
    table = compare(other, summary_dir)
    assert set(table.query("metric == 'mean_budget_accuracy'")["verdict"]) == {"differs"}
    assert set(table.query("metric != 'mean_budget_accuracy'")["verdict"]) == {"agrees"}


@pytest.mark.parametrize("judge", [compare, compare_verdicts])
def test_without_a_run_it_is_said_what_to_do_first(judge, summary_dir, tmp_path):
    with pytest.raises(ValueError, match=r"new holds no summary; run `make` first"):
        judge(tmp_path / "new", summary_dir)
    with pytest.raises(ValueError, match=r"old holds no summary; get it back with git"):
        judge(summary_dir, tmp_path / "old")
