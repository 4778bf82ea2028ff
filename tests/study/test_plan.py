"""What jobs are given: the dataset's settings, and those that a method's entry says otherwise."""

import csv
from pathlib import Path

import pytest

from cgt.analysis.claims.statements import SAME_SCHEDULE
from cgt.records.settings import per_exit
from cgt.study import plan
from cgt.study.config import ConfigError, check_config, load_config, merge
from cgt.study.schema import implementation_of
from cgt.study.tuning import trials

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
CONFIG = load_config(ROOT / "config/config.yaml")
SMOOTHED = merge(
    CONFIG,
    {
        "methods": {
            "published": {
                "method": "soft_cgt",
                "fashion_mnist": {"lr": 0.1, "tau": 0.9, "label_smoothing": 0.1},
                "indian_pines": {"lr": 0.1, "label_smoothing": 0},
                "indian_pines_disjoint": {"lr": 0.1},
            }
        },
        "datasets": {"indian_pines_disjoint": {"label_smoothing": 0.3}},
    },
)


def test_an_entry_may_have_a_label_smoothing_of_its_own():
    check_config(SMOOTHED, SCHEMA)
    found = {
        (dataset, method): plan.job_settings(SMOOTHED, dataset, method)["label_smoothing"]
        for dataset in SMOOTHED["datasets"]
        for method in ("published", "soft_cgt")
    }
    assert found == {
        ("fashion_mnist", "published"): 0.1,
        ("fashion_mnist", "soft_cgt"): 0.0,
        ("indian_pines", "published"): 0,
        ("indian_pines", "soft_cgt"): 0.0,
        ("indian_pines_disjoint", "published"): 0.3,
        ("indian_pines_disjoint", "soft_cgt"): 0.3,
    }


def test_it_is_no_hyperparameter_of_the_method():
    assert plan.hyperparameters(SMOOTHED, "fashion_mnist", "published") == {"tau": 0.9}
    job = plan.full_job(SMOOTHED, "fashion_mnist", "published")
    assert job["settings"]["label_smoothing"] == 0.1
    assert "label_smoothing" not in job["hyperparameters"] and job["settings"]["lr"] == 0.1


def test_jobs_of_who_says_nothing_are_as_they_were():
    """A setting more would train every published run anew."""
    for dataset, settings in CONFIG["datasets"].items():
        for method, entry in CONFIG["methods"].items():
            lr = entry[dataset]["lr"]
            expected = plan.training_settings(CONFIG, dataset, lr=lr)
            found = plan.job_settings(CONFIG, dataset, method)
            assert found == expected and found["label_smoothing"] == settings["label_smoothing"]


def test_trials_have_it_where_it_is_not_searched():
    config = merge(SMOOTHED, {"tuning": {"only": {"published": ["lr"]}}})
    drawn = trials(config, "fashion_mnist", "published")
    assert {point["label_smoothing"] for point in drawn} == {0.1}
    changed = plan.job_settings(SMOOTHED, "fashion_mnist", "published", epochs=4, lr=0.2)
    assert (changed["epochs"], changed["lr"], changed["label_smoothing"]) == (4, 0.2, 0.1)


@pytest.mark.parametrize(
    ("value", "words"), [(1.0, "less than 1"), (-0.1, "at least 0"), ("0.1", "write 0.1")]
)
def test_a_wrong_one_is_named(value, words):
    change = {"methods": {"published": {"fashion_mnist": {"label_smoothing": value}}}}
    with pytest.raises(ConfigError) as error:
        check_config(merge(SMOOTHED, change), SCHEMA)
    assert "methods.published.fashion_mnist.label_smoothing" in str(error.value)
    assert words in str(error.value)


FIELD = load_config(ROOT / "config/field.yaml")["methods"]
NEXT = [ROOT / "config" / name for name in ("config.yaml", "next.yaml", "field.yaml")]


def test_the_overlay_of_the_field_names_its_methods():
    assert set(FIELD) == {
        *("mixed", "two_stage", "sdn", "gradient_equilibrium", "pcgrad", "boosted"),
        *("self_distillation", "zero_time_waste", "dfs", "l2w", "lwf"),
        *("hard_cgt_published", "soft_cgt_published"),
        *("pcgrad_equal_time", "l2w_equal_time"),
    }


def test_the_overlay_of_the_field_is_valid():
    config = load_config(*NEXT)
    check_config(config, SCHEMA)
    for name in FIELD:
        assert set(config["methods"][name]) - {"method"} == set(config["datasets"]), name


def test_the_trial_changes_learning_rates_alone():
    config, trial = load_config(*NEXT), load_config(*NEXT, ROOT / "config/trial.yaml")
    check_config(trial, SCHEMA)
    beside = {*config["tuning"]["like"], *SAME_SCHEDULE.values()}
    assert set(trial["methods"]) == set(config["methods"]) - beside
    for name, entry in trial["methods"].items():
        for dataset in trial["datasets"]:
            given, before = dict(entry[dataset]), dict(config["methods"][name][dataset])
            assert given.pop("lr") in (0.05, 0.1, 0.2) and before.pop("lr")
            assert given == before, (name, dataset)


@pytest.mark.parametrize(
    ("name", "own"),
    [("hard_cgt", {"tau": 0.5}), ("soft_cgt", {"tau": 0.9, "scale": 1.0})],
)
def test_the_published_entries_are_the_papers(name, own):
    config = load_config(*NEXT)
    for dataset in config["datasets"]:
        assert implementation_of(config, f"{name}_published") == name
        assert plan.job_settings(config, dataset, f"{name}_published")["label_smoothing"] == 0.1
        assert plan.job_settings(config, dataset, name)["label_smoothing"] == 0.0
        assert plan.hyperparameters(config, dataset, f"{name}_published") == {
            **own,
            "leak": 0.001,
            "normalize": True,
            "exit_weights_start": "falling",
            "exit_weights_end": "rising",
        }


def test_the_shapes_are_near_the_weights_of_the_authors_code():
    """Within 0.15 of each on four exits; the comment in the overlay says by how much."""
    pairs = {"falling": (1.0, 0.7, 0.4, 0.1), "rising": (0.2, 0.5, 0.8, 1.0)}
    for shape, published in pairs.items():
        assert per_exit("exit_weights", shape, 4) == pytest.approx(published, abs=0.151)
    assert per_exit("exit_weights", "falling", 4) == [1.0, 0.75, 0.5, 0.25]
    assert per_exit("exit_weights", "rising", 4) == [0.25, 0.5, 0.75, 1.0]


ENTRIES = load_config(*NEXT)
EQUAL_TIME = {
    entry: of for entry, of in ENTRIES["tuning"]["like"].items() if entry == f"{of}_equal_time"
}


@pytest.mark.parametrize("dataset", ["indian_pines", "mnist1d"])
@pytest.mark.parametrize("entry", EQUAL_TIME)
def test_equal_time_is_what_was_measured(dataset, entry):
    """As many whole epochs as take no longer than the dataset's of BranchyNet."""
    with (ROOT / f"results/published/benchmarks/entries_{dataset}.csv").open() as stream:
        factors = {row["method"]: float(row["epoch_factor"]) for row in csv.DictReader(stream)}
    factor = factors[EQUAL_TIME[entry]]
    settings = plan.job_settings(ENTRIES, dataset, entry)
    assert settings["epochs"] == int(ENTRIES["datasets"][dataset]["epochs"] / factor)
    assert factor > 1.25


def test_every_entry_that_costs_more_has_one_of_equal_time():
    for dataset in ("indian_pines", "mnist1d"):
        with (ROOT / f"results/published/benchmarks/entries_{dataset}.csv").open() as stream:
            rows = list(csv.DictReader(stream))
        dear = {row["method"] for row in rows if float(row["epoch_factor"]) > 1.25}
        # Static networks are no way to train one network, and stand as what prefixes can do.
        assert dear - {"static"} == set(EQUAL_TIME.values())


def test_an_entrys_epochs_are_no_setting_of_its_method_and_not_those_of_trials():
    entry = "l2w_equal_time"
    assert "epochs" not in plan.hyperparameters(ENTRIES, "mnist1d", entry)
    assert all("epochs" not in point for point in trials(ENTRIES, "mnist1d", entry))
