from dataclasses import replace

import numpy as np
import pytest
from synthetic import LABELS, make_predictions, make_reference

from cgt.analysis.evaluation import EVALUATED, evaluate, evaluate_file
from cgt.operate.sweep import POINTS, sweep_shared
from cgt.records.csv_columns import SCALED
from cgt.records.predictions import save_predictions
from cgt.records.reference import save_reference

REFERENCE = make_reference()
ROUTING_ONLY = ("exit_rules", "oracle", "overthinking", "calibration", "failure", "reliability")


def test_permuted_test_labels_move_no_threshold():
    predictions = make_predictions()
    target = np.random.default_rng(0).permutation(predictions.test.target)
    permuted = replace(predictions, test=replace(predictions.test, target=target))
    tables = [evaluate(given, "d", "m", 1, REFERENCE) for given in (predictions, permuted)]
    before, after = (table["operating_points"] for table in tables)
    assert before["threshold"].tolist() == after["threshold"].tolist()
    assert before["relative_cost"].tolist() == after["relative_cost"].tolist()
    assert (before["accuracy"] > after["accuracy"] + 0.3).all()
    before, after = (table["calibration"] for table in tables)
    assert before["temperature"].tolist() == after["temperature"].tolist()
    assert len(set(before["temperature"])) == 4  # 1, and one fitted to each exit
    assert (before["ece"] < after["ece"]).all()


def test_invariants_of_every_table():
    predictions = make_predictions()
    unsure = np.minimum(predictions.test.confidence, np.float32(0.9999999))
    predictions = replace(predictions, test=replace(predictions.test, confidence=unsure))
    tables = evaluate(predictions, "fashion_mnist", "soft_cgt", 3, REFERENCE)
    curve, exits = tables["curves"], tables["exits"]
    shares = ["exit_1", "exit_2", "exit_3"]
    assert np.allclose(curve[shares].sum(axis=1), 1)
    assert np.all(np.diff(curve["relative_cost"]) >= 0)
    for row, own in ((curve.iloc[0], exits.iloc[0]), (curve.iloc[-1], exits.iloc[-1])):
        assert row["accuracy"] == own["accuracy"]
        assert row["f1_macro"] == own["f1_macro"]
    assert curve["relative_cost"].iloc[-1] == 1
    points = tables["operating_points"]
    assert points["point"].tolist() == [*POINTS, SCALED]
    assert np.allclose(points[shares] @ predictions.macs, points["mean_macs"])
    assert (
        tables["exit_rules"].query("exit_rule == 'shared'")["mean_budget_accuracy"].item()
        == tables["areas"]["mean_budget_accuracy"].item()
    )
    failure = tables["failure"].set_index(["scaling", "exit"])
    for scaling in ("none", "temperature"):
        assert np.allclose(failure.loc[scaling, "risk"], 1 - exits["accuracy"])
    assert (failure["auroc"] > 0.8).all()  # the synthetic confidences are worth something
    summed = tables["reliability"].groupby(["exit", "scaling"])["share"].sum()
    assert summed.to_numpy() == pytest.approx(np.ones(6))
    for frame in tables.values():
        assert frame[["dataset", "method", "seed"]].drop_duplicates().values.tolist() == [
            ["fashion_mnist", "soft_cgt", 3]
        ]


def test_one_exit_gives_the_same_answer_everywhere():
    predictions = make_predictions(method="single_exit")
    accuracy = np.mean(predictions.test.prediction[0] == predictions.test.target)
    tables = evaluate(predictions, "d", "single_exit", 1, REFERENCE)
    assert len(tables["exits"]) == 1
    for name in ("operating_points", "curves"):
        frame = tables[name]
        assert (frame["accuracy"] == accuracy).all()
        assert (frame["relative_cost"] == 1).all()
        assert (frame["exit_1"] == 1).all()
        assert "exit_2" not in frame
    chosen = tables["operating_points"].set_index("point")["threshold"]
    assert chosen.to_dict() == dict.fromkeys(POINTS, 0.0) | {"threshold_0.9": 0.9}
    assert all(tables[name].empty for name in ("areas", *ROUTING_ONLY))


def test_networks_side_by_side_have_an_area_but_do_not_route():
    predictions = make_predictions(method="static")
    tables = evaluate(predictions, "d", "static", 1, REFERENCE)
    curve = tables["curves"].set_index("threshold")
    assert curve.loc[[0.33, 0.34, 0.67], ["exit_1", "exit_2", "exit_3"]].to_numpy().tolist() == (
        np.eye(3).tolist()
    )
    own = np.mean(predictions.test.prediction == predictions.test.target, axis=1)
    assert curve.loc[[0.33, 0.34, 0.67], "accuracy"].tolist() == own.tolist()
    assert min(own) <= tables["areas"]["mean_budget_accuracy"].item() <= max(own)
    assert all(tables[name].empty for name in ROUTING_ONLY)


def test_the_oracle_is_a_bound_and_says_where_it_left():
    predictions = make_predictions()
    tables = evaluate(predictions, "d", "m", 1, REFERENCE)
    oracle = tables["oracle"].iloc[0]
    assert oracle["accuracy"] >= tables["curves"]["accuracy"].max()
    assert oracle["accuracy"] > tables["exits"]["accuracy"].max()
    right = predictions.test.prediction == predictions.test.target
    assert oracle["exit_1"] == right[0].mean()
    assert oracle["exit_2"] == (right[1] & ~right[0]).mean()
    assert oracle["exit_3"] == pytest.approx(1 - oracle["exit_1"] - oracle["exit_2"])


def test_without_logits_only_the_rules_that_need_none_are_compared():
    tables = evaluate(make_predictions(method="classynet"), "d", "classynet", 1, REFERENCE)
    assert tables["exit_rules"]["exit_rule"].tolist() == ["shared", "per_exit"]
    assert set(tables["calibration"]["scaling"]) == {"none"}
    tables = evaluate(make_predictions(), "d", "soft_cgt", 1, REFERENCE)
    assert len(tables["exit_rules"]) == 5
    assert set(tables["calibration"]["scaling"]) == {"none", "temperature"}


def test_overthinking_is_told_at_every_point_and_at_the_last_exit():
    predictions = make_predictions()
    table = evaluate(predictions, "d", "m", 1, REFERENCE)["overthinking"].set_index("point")
    assert table.index.tolist() == [*POINTS, SCALED, "full"]
    assert (table["wasteful"] <= table.loc["full", "wasteful"]).all()
    right = predictions.test.prediction == predictions.test.target
    assert table.loc["full", "wasteful"] == right[:2].any(axis=0).mean()
    assert table.loc["full", "destructive"] == (right[:2].any(axis=0) & ~right[2]).mean()


def test_the_mean_over_classes_is_the_macro_score():
    tables = evaluate(make_predictions("indian_pines_disjoint"), "d", "m", 1, REFERENCE)
    points = tables["operating_points"].set_index("point")
    classes = tables["classes"].groupby("point")
    assert set(classes.groups) == {"threshold_0.9", "one_se"}
    for point, part in classes:
        assert part["class"].tolist() == LABELS["indian_pines_disjoint"].tolist()
        assert part["support"].sum() == 400
        for score in ("precision", "recall"):
            assert part[score].mean() == pytest.approx(points.loc[point, f"{score}_macro"])


def test_files_are_the_same_twice(tmp_path):
    save_predictions(tmp_path / "p.npz", make_predictions())
    save_reference(tmp_path / "r.json", REFERENCE)
    for name in ("a", "b"):
        where = (tmp_path / name, tmp_path / "r.json")
        evaluate_file(tmp_path / "p.npz", "fashion_mnist", "soft_cgt", 1, *where)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(f"{name}.csv" for name in EVALUATED)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    header = (tmp_path / "a" / "operating_points.csv").read_text().splitlines()[0]
    assert header == (
        "dataset,method,seed,point,threshold,accuracy,f1_macro,precision_macro,recall_macro,"
        "mean_macs,relative_cost,met,exit_1,exit_2,exit_3"
    )


def test_relative_costs_are_shares_of_the_single_exit_network():
    """An external cascade far cheaper than the dataset's network, and a network with heads."""
    predictions = make_predictions()
    cascade = replace(predictions, macs=predictions.macs // 100)
    heads = replace(predictions, macs=predictions.macs + np.array([0, 10, 20]))
    for run, last in ((cascade, 0.01), (heads, 1.02)):
        tables = evaluate(run, "d", "m", 1, REFERENCE)
        exits, points = tables["exits"], tables["operating_points"]
        assert exits["relative_cost"].tolist() == (run.macs / 1000).tolist()
        assert exits["relative_cost"].iloc[-1] == last
        assert points["relative_cost"].tolist() == (points["mean_macs"] / 1000).tolist()
        assert tables["curves"]["relative_cost"].max() <= last


def test_both_are_measured_over_one_interval_of_budgets():
    """The cheap cascade can use its best threshold within every budget, the network cannot."""
    predictions = make_predictions()
    cascade = replace(predictions, macs=predictions.macs // 100)
    network, cheap = (evaluate(run, "d", "m", 1, REFERENCE) for run in (predictions, cascade))
    val, test = predictions.val, predictions.test
    best = sweep_shared(val, predictions.macs).accuracy.argmax()
    reached = sweep_shared(test, predictions.macs).accuracy[best]
    assert cheap["areas"]["mean_budget_accuracy"].item() == pytest.approx(reached)
    assert network["areas"]["mean_budget_accuracy"].item() < reached


def test_a_point_whose_budget_cannot_be_met_takes_the_cheapest_threshold():
    dear = replace(make_predictions(), macs=np.array([600, 800, 1000]))
    points = evaluate(dear, "d", "m", 1, REFERENCE)["operating_points"].set_index("point")
    assert points.loc["budget_50", ["threshold", "relative_cost"]].tolist() == [0.0, 0.6]
    met = points["met"].to_dict()
    assert [point for point in met if not met[point]] == ["budget_10", "budget_25", "budget_50"]
    dear = replace(dear, macs=np.array([500, 800, 1000]))
    points = evaluate(dear, "d", "m", 1, REFERENCE)["operating_points"].set_index("point")
    assert points["met"].to_dict() == met | {"budget_50": 1}


def test_the_scaled_point_is_the_same_threshold_on_other_confidences():
    """One threshold on confidences at the fitted temperatures, all of it worked out anew."""
    predictions = make_predictions()
    tables = evaluate(predictions, "d", "m", 1, REFERENCE)
    points = tables["operating_points"].set_index("point")
    fitted = tables["calibration"].query("scaling == 'temperature'")["temperature"].to_numpy()
    test = predictions.test
    powers = np.exp(test.logits.astype(float) / fitted[:, None, None])
    sure = (powers / powers.sum(axis=2, keepdims=True)).max(axis=2) >= 0.9
    first, second = sure[0], ~sure[0] & sure[1]
    shares = points.loc[SCALED, ["exit_1", "exit_2"]].tolist()
    assert shares == pytest.approx([first.mean(), second.mean()])
    assert shares != points.loc["threshold_0.9", ["exit_1", "exit_2"]].tolist()
    right = test.prediction == test.target
    answered = np.where(first, right[0], np.where(second, right[1], right[2]))
    assert points.loc[SCALED, "accuracy"] == answered.mean()
    assert points.loc[SCALED, ["threshold", "met"]].tolist() == [0.9, 1]
    wasteful = (second & right[0]) | (~first & ~second & right[:2].any(axis=0))
    overthought = tables["overthinking"].set_index("point")
    assert overthought.loc[SCALED, "wasteful"] == wasteful.mean()


@pytest.mark.parametrize("method", ["classynet", "static"])
def test_without_logits_there_is_no_scaled_point(method):
    tables = evaluate(make_predictions(method=method), "d", method, 1, REFERENCE)
    assert tables["operating_points"]["point"].tolist() == list(POINTS)
    assert SCALED not in set(tables["overthinking"]["point"])


def test_failure_is_measured_on_the_confidences_of_the_table_beside_it():
    tables = evaluate(make_predictions(), "d", "m", 1, REFERENCE)
    key = ["exit", "scaling"]
    assert tables["failure"][key].values.tolist() == tables["calibration"][key].values.tolist()
    flat = make_predictions()
    flat = replace(
        flat, test=replace(flat.test, confidence=np.full_like(flat.test.confidence, 0.6))
    )
    failure = evaluate(flat, "d", "m", 1, REFERENCE)["failure"]
    assert failure["scaling"].unique().tolist() == ["none"]  # no largest softmax probabilities
    assert (failure["auroc"] == 0.5).all()
    assert failure["aurc"].tolist() == pytest.approx(failure["risk"].tolist())


def test_another_datasets_reference_is_refused(tmp_path):
    save_predictions(tmp_path / "p.npz", make_predictions())
    save_reference(tmp_path / "r.json", REFERENCE)
    with pytest.raises(ValueError, match="reference of fashion_mnist; that of indian_pines is"):
        evaluate_file(tmp_path / "p.npz", "indian_pines", "m", 1, tmp_path, tmp_path / "r.json")
