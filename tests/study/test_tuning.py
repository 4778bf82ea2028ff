"""Equal tuning: same number of trials for all, drawn and chosen in a way that can be repeated."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from cgt.study.config import load_config
from cgt.study.tuning import select, trials, write_selection

CONFIG = load_config(Path(__file__).parents[2] / "config/config.yaml")
TUNING = CONFIG["tuning"]
SPACE = {
    "datasets": {"d": {"trials": 4}},
    "space": {"lr": [0.1, 0.2], "m": {"tau": [0.5, 0.7], "leak": [0]}},
}


def record(method, trial, score, dataset="d", lr=0.1, seed=9):
    settings = {"lr": lr, "tau": trial / 10}
    return {
        "dataset": dataset,
        "method": method,
        "trial": trial,
        "seed": seed,
        "settings": settings,
        "score": score,
    }


def drawn_of(tuning, dataset, method):
    return trials({**CONFIG, "tuning": tuning}, dataset, method)


def with_trials(tuning, **counts):
    datasets = {dataset: {"trials": count} for dataset, count in counts.items()}
    return {**tuning, "datasets": datasets}


@pytest.mark.parametrize("dataset", TUNING["datasets"])
@pytest.mark.parametrize("method", CONFIG["methods"])
def test_every_method_gets_the_same_number_of_different_trials(dataset, method):
    drawn = drawn_of(TUNING, dataset, method)
    assert len(drawn) == TUNING["datasets"][dataset]["trials"]
    assert all(drawn.count(point) == 1 for point in drawn)
    for point in drawn:
        assert point["lr"] in TUNING["space"]["lr"]
        assert set(point) == {"lr", *TUNING["space"][method]}


def test_first_trial_takes_the_first_entries():
    assert drawn_of(SPACE, "d", "m")[0] == {"lr": 0.1, "tau": 0.5, "leak": 0}


def test_a_small_space_is_covered_exactly():
    points = {(point["lr"], point["tau"]) for point in drawn_of(SPACE, "d", "m")}
    assert points == {(0.1, 0.5), (0.1, 0.7), (0.2, 0.5), (0.2, 0.7)}


def test_trials_are_the_same_again_and_differ_between_datasets():
    tuning = with_trials(TUNING, a=6, b=6)
    assert drawn_of(tuning, "a", "soft_cgt") == drawn_of(tuning, "a", "soft_cgt")
    assert drawn_of(tuning, "a", "soft_cgt") != drawn_of(tuning, "b", "soft_cgt")


def test_more_trials_keep_the_earlier_ones():
    short, long = (drawn_of(with_trials(TUNING, d=n), "d", "soft_cgt") for n in (6, 10))
    assert long[:6] == short


def test_without_a_space_in_the_configuration_the_card_has_one():
    tuning = {**with_trials(TUNING, d=3), "space": {"lr": [0.1]}}
    drawn = drawn_of(tuning, "d", "branchynet")
    weights = [point["exit_weights"] for point in drawn]
    assert weights[0] == "equal"
    assert set(weights) == {"equal", "rising", "falling"}


def test_a_space_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="the search space of m has only 4 points"):
        drawn_of(with_trials(SPACE, d=5), "d", "m")


def test_the_best_score_is_chosen_and_the_earlier_of_equals():
    records = [
        record("n", 1, 0.9),
        record("m", 2, 0.8),
        record("m", 1, 0.8),
        record("m", 0, 0.7),
        record("n", 0, 0.95),
    ]
    chosen = [(row["method"], row["trial"], row["chosen"]) for row in select(records)]
    assert chosen == [
        ("m", 0, False),
        ("m", 1, True),
        ("m", 2, False),
        ("n", 0, True),
        ("n", 1, False),
    ]


def test_a_trial_is_scored_by_its_mean_over_the_seeds():
    scores = {0: (0.5, 0.9), 1: (0.75, 0.75)}
    rows = select(
        record("m", trial, score, seed=seed)
        for seed in (0, 1)
        for trial, both in scores.items()
        for score in [both[seed]]
    )
    assert [(row["n"], row["score"], row["chosen"]) for row in rows] == [
        (2, 0.7, False),
        (2, 0.75, True),
    ]


def test_selection_files(tmp_path):
    records = [record("m", 0, 0.5), record("m", 1, 0.75, lr=0.2), record("m", 0, 0.5, dataset="e")]
    paths = [tmp_path / f"{number}.json" for number in range(3)]
    for path, one in zip(paths, records, strict=True):
        path.write_text(json.dumps(one))
    write_selection(paths, tmp_path)
    rows = list(csv.DictReader((tmp_path / "tuning.csv").open()))
    assert rows[1] == {
        "dataset": "d",
        "method": "m",
        "trial": "1",
        "lr": "0.2",
        "hyperparameters": '{"tau": 0.1}',
        "n": "1",
        "score": "0.750000",
        "chosen": "1",
    }
    assert [row["chosen"] for row in rows] == ["0", "1", "1"]
    best = yaml.safe_load((tmp_path / "best.yaml").read_text())
    assert best == {"methods": {"m": {"d": {"lr": 0.2, "tau": 0.1}, "e": {"lr": 0.1, "tau": 0.0}}}}
