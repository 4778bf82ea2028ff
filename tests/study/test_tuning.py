"""Equal tuning: same number of trials for all, chosen in a way that can be repeated."""

import json
from pathlib import Path

import pytest
import yaml

from cgt.records.cards import cards
from cgt.study.config import load_config, merge
from cgt.study.design import Range
from cgt.study.listed import enlist
from cgt.study.show_tuning import publish_tuning, show_tuning
from cgt.study.space import MOST_OWN, as_choices, first_of, space_of
from cgt.study.tuning import pooled_error, read_table, select, taken_by, trials, write_table

FILES = [Path(__file__).parents[2] / f"config/{name}.yaml" for name in ("config", "next", "field")]
CONFIG = load_config(*FILES)
TUNING = CONFIG["tuning"]
SPACE = {"lr": Range(0.01, 1, log=True), "gate": ["a", "b"]}


def record(trial, score, lr=0.1, gate="a", seed=9):
    settings = {"lr": lr, "label_smoothing": 0.0, "gate": gate}
    return {"trial": trial, "seed": seed, "settings": settings, "score": score}


def with_trials(count, **changes):
    datasets = {name: {**of, "trials": count} for name, of in TUNING["datasets"].items()}
    return {**CONFIG, "tuning": {**TUNING, "datasets": datasets, **changes}}


@pytest.mark.parametrize("dataset", TUNING["datasets"])
@pytest.mark.parametrize("entry", CONFIG["methods"])
def test_every_entry_gets_the_same_number_of_different_trials(dataset, entry):
    drawn = trials(CONFIG, dataset, entry)
    assert len(drawn) == TUNING["datasets"][dataset]["trials"] == 16
    assert all(drawn.count(point) == 1 for point in drawn)
    lr = as_choices(TUNING["space"]["lr"])
    assert all(lr.low <= point["lr"] <= lr.high for point in drawn)
    assert drawn[0]["lr"] == TUNING["first"]["lr"]


def test_the_first_trial_is_the_published_default():
    assert trials(CONFIG, "mnist1d", "branchynet")[0] == {
        **{"lr": 0.1, "label_smoothing": 0.0},
        "exit_weights": "equal",
    }
    first = trials(CONFIG, "mnist1d", "hard_cgt")[0]
    assert first["label_smoothing"] == 0.1, "the authors' code has it"
    assert (first["tau"], first["leak"], first["normalize"]) == (0.5, 0.001, True)


def test_what_is_not_searched_is_the_entrys():
    for point in trials(CONFIG, "mnist1d", "hard_cgt"):
        assert point["exit_weights_start"] == "falling"


def test_of_the_published_entries_the_learning_rate_alone_is_searched():
    drawn = trials(CONFIG, "mnist1d", "soft_cgt_published")
    assert len({point["lr"] for point in drawn}) == 16
    assert len({json.dumps({**point, "lr": 0}) for point in drawn}) == 1
    assert drawn[0]["label_smoothing"] == 0.1


@pytest.mark.parametrize("name", cards("methods"))
def test_a_card_searches_few_settings_within_what_they_may_be_and_from_the_default(name):
    card = cards("methods")[name]
    assert len(card["space"]) <= MOST_OWN
    config = {**CONFIG, "methods": {name: {}}}
    first = first_of(config, name)
    for key, choices in space_of(config, name).items():
        setting = card["settings"].get(key, {})
        if isinstance(choices, Range):
            assert choices.low <= first[key] <= choices.high
            assert setting.get("minimum", -1e9) <= choices.low
            assert choices.high <= setting.get("maximum", 1e9)
        else:
            assert choices[0] == first[key]


def test_trials_are_the_same_again_and_differ_between_datasets():
    assert trials(CONFIG, "mnist1d", "soft_cgt") == trials(CONFIG, "mnist1d", "soft_cgt")
    assert trials(CONFIG, "mnist1d", "soft_cgt") != trials(CONFIG, "indian_pines", "soft_cgt")


def test_more_trials_keep_the_earlier_ones():
    short, long = (trials(with_trials(n), "mnist1d", "soft_cgt") for n in (6, 10))
    assert long[:6] == short


def test_a_space_that_is_too_small_is_refused():
    lists = {"lr": [0.1, 0.2], "label_smoothing": [0.0]}
    with pytest.raises(ValueError, match="the space has only 2"):
        trials(with_trials(5, space=lists), "mnist1d", "single_exit")


def test_the_best_is_chosen_and_with_one_seed_nothing_is_tied():
    rows = select([record(2, 0.8), record(1, 0.9, lr=0.5), record(0, 0.7)], SPACE)
    assert [(row["trial"], row["tied"], row["chosen"]) for row in rows] == [
        (0, False, False),
        (1, True, True),
        (2, False, False),
    ]
    assert [row["se"] for row in rows] == [None] * 3


def at_two_seeds(scores, **settings):
    """Records of trials, each with its pair of scores."""
    return [
        record(trial, score, seed=seed, **settings.get(f"of_{trial}", {}))
        for trial, pair in enumerate(scores)
        for seed, score in enumerate(pair, start=1000)
    ]


def test_of_tied_trials_the_nearest_to_the_first_is_chosen():
    scores = [(0.80, 0.80), (0.90, 0.89), (0.89, 0.90), (0.70, 0.70)]
    near, far = {"lr": 0.2}, {"lr": 0.9, "gate": "b"}
    rows = select(at_two_seeds(scores, of_1=far, of_2=near), SPACE)
    assert [row["tied"] for row in rows] == [False, True, True, False]
    assert [row["trial"] for row in rows if row["chosen"]] == [2]
    rows = select(at_two_seeds(scores, of_1=near, of_2=far), SPACE)
    assert [row["trial"] for row in rows if row["chosen"]] == [1]


def test_a_lead_beyond_the_error_is_no_tie():
    scores = [(0.80, 0.80), (0.90, 0.90), (0.89, 0.89), (0.70, 0.70)]
    rows = select(at_two_seeds(scores, of_1={"lr": 1, "gate": "b"}), SPACE)
    assert [row["tied"] for row in rows] == [False, True, False, False]


def test_the_pooled_error_by_hand():
    """Two trials at two seeds: what is left of them are four quarters of one contrast."""
    a, b, c, d = 0.5, 0.75, 0.5, 0.25
    contrast = (a - b - c + d) / 4
    assert pooled_error([(a, b), (c, d)]) == pytest.approx((4 * contrast**2 / 2) ** 0.5)
    # A seed that is easy for all says nothing about which trial is better.
    assert pooled_error([(0.5, 0.75), (0.25, 0.5)]) == pytest.approx(0)
    # The worse half, trials that fail, does not count.
    assert pooled_error([(0.5, 0.75), (0.25, 0.5), (0.0, 0.2), (0.1, 0.0)]) == pytest.approx(0)
    assert pooled_error([(0.5,), (0.7,)]) == 0


def test_trials_at_different_seeds_are_refused():
    with pytest.raises(ValueError, match="all need the same"):
        select([record(0, 0.5), record(1, 0.5), record(1, 0.6, seed=10)], SPACE)
    with pytest.raises(ValueError, match="one the number 0"):
        select([record(1, 0.5)], SPACE)


SMALL = {
    "datasets": {"mnist1d": {}, "elsewhere": {}},
    "methods": {name: {"mnist1d": {}, "elsewhere": {}} for name in ("branchynet", "hard_cgt")},
    "tuning": {
        "datasets": {"mnist1d": {"trials": 3, "epochs": 1, "seeds": [8, 9]}},
        "taken_from": {"elsewhere": "mnist1d"},
        "space": {"lr": {"low": 0.01, "high": 1.0, "log": True}, "label_smoothing": [0.0, 0.1]},
        "first": {"lr": 0.1, "label_smoothing": 0.0},
    },
}


def search(folder, entry, scores):
    """Write the table of a search of `SMALL` with these scores, trial by trial at two seeds."""
    paths = []
    for trial, settings in enumerate(trials(SMALL, "mnist1d", entry)):
        for seed, score in zip((8, 9), scores[trial], strict=True):
            paths.append(folder / f"{entry}-{trial}-{seed}.json")
            record = {"trial": trial, "seed": seed, "settings": settings, "score": score}
            paths[-1].write_text(json.dumps(record))
    write_table(SMALL, "mnist1d", entry, paths, folder / f"mnist1d/{entry}.csv")


def test_the_table_of_a_search(tmp_path):
    search(tmp_path, "branchynet", [(0.5, 0.625), (0.75, 0.8), (0.25, 0.25)])
    lines = (tmp_path / "mnist1d/branchynet.csv").read_text().splitlines()
    assert lines[0].split(",")[:5] == ["dataset", "method", "trial", "lr", "label_smoothing"]
    table = read_table(tmp_path / "mnist1d/branchynet.csv")
    first = table.iloc[0]
    assert (first["lr"], first["label_smoothing"]) == (0.1, 0.0)
    assert json.loads(first["hyperparameters"]) == {"exit_weights": "equal"}
    assert (first["n"], first["score"], first["se"]) == (2, 0.5625, 0.0625)
    assert first["scores"] == "0.500000 0.625000"
    assert table["chosen"].tolist() == [0, 1, 0]


def test_searches_are_published_one_by_one_and_all_shown(tmp_path):
    made, out = tmp_path / "made", tmp_path / "out"
    made.mkdir()
    search(made, "branchynet", [(0.5, 0.6), (0.7, 0.8), (0.2, 0.2)])
    assert publish_tuning(made, SMALL, out) == ["mnist1d/branchynet"]
    (made / "mnist1d/branchynet.csv").unlink()
    (out / "pilot.csv").write_text("trials\n")
    enlist(out, ["pilot.csv"])
    search(made, "hard_cgt", [(0.5, 0.6), (0.3, 0.3), (0.7, 0.9)])
    assert publish_tuning(made, SMALL, out) == ["mnist1d/hard_cgt"]
    assert (out / "pilot.csv").read_text() == "trials\n"
    assert len((out / "tuning.csv").read_text().splitlines()) == 1 + 3 + 3
    chosen = yaml.safe_load((out / "tuned.yaml").read_text())["methods"]
    assert chosen["branchynet"]["mnist1d"] == chosen["branchynet"]["elsewhere"]
    tried = trials(SMALL, "mnist1d", "hard_cgt")[2]
    assert chosen["hard_cgt"]["mnist1d"] == tried
    page = (out / "tuning.md").read_text()
    assert "BranchyNet" in page and "HardCGT" in page
    assert (out / "best_of_mnist1d.svg").is_file()
    listed = (out / "published.sha256").read_text()
    assert "mnist1d/branchynet.csv" in listed and "tuning.md" in listed and ".pdf" not in listed


def test_an_entry_of_another_method_takes_what_all_methods_have():
    config = merge(SMALL, {"methods": {"scheduled": {"method": "branchynet", "mnist1d": {}}}})
    config["tuning"]["like"] = {"scheduled": "hard_cgt"}
    chosen = {"lr": 0.2, "label_smoothing": 0.1, "tau": 0.5}
    assert taken_by(config, "scheduled", "hard_cgt", chosen) == {"lr": 0.2, "label_smoothing": 0.1}
    assert taken_by(config, "hard_cgt", "hard_cgt", chosen) == chosen


def test_no_search_is_said(tmp_path):
    with pytest.raises(ValueError, match="holds no finished search"):
        show_tuning(tmp_path, SMALL, tmp_path)


def test_a_table_of_the_first_search_is_refused(tmp_path):
    path = tmp_path / "old.csv"
    path.write_text("dataset,method,trial,lr,hyperparameters,n,score,chosen\n")
    with pytest.raises(ValueError, match="label_smoothing, se, scores, tied missing"):
        read_table(path)
