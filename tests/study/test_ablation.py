from pathlib import Path

import pytest

from cgt.study.ablation import Variant, cells, runs, text, variants
from cgt.study.config import ConfigError, known_defaults, load_config

ROOT = Path(__file__).parents[2]

DEFAULTS = {"soft_cgt": {"use_labels": True}}
CONFIG = {
    "datasets": {
        "a": {"network": "compact_scene", "label_smoothing": 0.0},
        "b": {"network": "compact_scene", "label_smoothing": 0.1},
    },
    "methods": {
        "soft_cgt": {"a": {"lr": 0.1, "tau": 0.5}, "b": {"lr": 0.2, "tau": 0.9}},
        "hard_cgt": {"a": {"lr": 0.3, "tau": 0.7}},
    },
    "ablation": {
        "seeds": {"a": [1, 2], "b": [7]},
        "studies": [
            {
                "methods": ["soft_cgt"],
                "datasets": ["a", "b"],
                "vary": {"tau": [0.5, 0.9], "use_labels": [True, False]},
            },
            {"methods": ["soft_cgt"], "datasets": ["a"], "vary": {"label_smoothing": [0.0, 0.1]}},
            {"methods": ["hard_cgt"], "datasets": ["a"], "vary": {"tau": [0.9]}},
        ],
    },
}


def test_cells_are_all_combinations_named_by_what_is_not_as_tuned():
    found = cells(CONFIG, DEFAULTS)
    assert [cell.variant for cell in found] == [
        *(
            "soft_cgt",
            "soft_cgt,use_labels=false",
            "soft_cgt,tau=0.9",
            "soft_cgt,tau=0.9,use_labels=false",
        ),
        *(
            "soft_cgt,tau=0.5",
            "soft_cgt,tau=0.5,use_labels=false",
            "soft_cgt",
            "soft_cgt,use_labels=false",
        ),
        *("soft_cgt", "soft_cgt,label_smoothing=0.1"),
        "hard_cgt,tau=0.9",
    ]
    labels = ("tau", "0.5", "use_labels", "false", "soft_cgt,use_labels=false")
    assert found[1] == ("a", "soft_cgt", *labels, [1, 2])
    assert found[-1] == ("a", "hard_cgt", "tau", "0.9", "", "", "hard_cgt,tau=0.9", [1, 2])


def test_variants_change_the_varied_keys_only():
    found = variants(CONFIG, DEFAULTS)
    assert found["a", "soft_cgt"] == Variant("soft_cgt", 0.0, {"lr": 0.1, "tau": 0.5})
    assert found["a", "soft_cgt,tau=0.9"] == Variant("soft_cgt", 0.0, {"lr": 0.1, "tau": 0.9})
    assert found["b", "soft_cgt,use_labels=false"] == Variant(
        "soft_cgt", 0.1, {"lr": 0.2, "tau": 0.9, "use_labels": False}
    )
    smoothed = found["a", "soft_cgt,label_smoothing=0.1"]
    assert smoothed == Variant("soft_cgt", 0.1, {"lr": 0.1, "tau": 0.5})


def test_the_tuned_method_is_run_though_no_study_meets_it():
    assert ("a", "hard_cgt") in variants(CONFIG, DEFAULTS)


def test_studies_that_meet_share_their_runs():
    found = runs(CONFIG, DEFAULTS)
    assert len(set(found)) == len(found)
    assert found.count(("a", "soft_cgt", 1)) == 1
    assert {seed for dataset, _, seed in found if dataset == "b"} == {7}


def test_a_study_at_all_seeds_shares_runs_with_one_at_few():
    few = {"methods": ["hard_cgt"], "datasets": ["a"], "vary": {"tau": [0.7, 0.9]}}
    both = {
        "methods": ["hard_cgt"],
        "datasets": ["a"],
        "all_seeds": True,
        "vary": {"leak": [0.0, 0.1]},
    }
    ablation = {**CONFIG["ablation"], "studies": [few, both]}
    config = {**CONFIG, "seeds": {"a": [1, 2, 3], "b": [1]}, "ablation": ablation}
    found = cells(config, DEFAULTS)
    assert [cell.seeds for cell in found] == [[1, 2], [1, 2], [1, 2, 3], [1, 2, 3]]
    at = {}
    for _, name, seed in runs(config, DEFAULTS):
        at.setdefault(name, []).append(seed)
    assert at == {
        "hard_cgt": [1, 2, 3],
        "hard_cgt,tau=0.9": [1, 2],
        "hard_cgt,leak=0": [1, 2, 3],
        "hard_cgt,leak=0.1": [1, 2, 3],
    }


def test_what_a_study_is_given_holds_at_all_its_points():
    study = {
        "methods": ["soft_cgt"],
        "datasets": ["a"],
        "given": {"gate": "sigmoid"},
        "vary": {"tau": [0.5, 0.9]},
    }
    config = {**CONFIG, "ablation": {**CONFIG["ablation"], "studies": [study]}}
    names = ["soft_cgt,gate=sigmoid", "soft_cgt,gate=sigmoid,tau=0.9"]
    assert [cell.variant for cell in cells(config, DEFAULTS)] == names
    found = variants(config, DEFAULTS)["a", names[1]]
    assert found.hyperparameters == {"lr": 0.1, "tau": 0.9, "gate": "sigmoid"}


def test_a_method_of_the_ablation_alone_starts_from_what_is_given_there():
    start = {"method": "cgt_plus", "a": {"lr": 0.5, "gradient_scale": 1.0}}
    given = {"methods": {"own": start}}
    study = {"methods": ["own"], "datasets": ["a"], "vary": {"gradient_scale": [1.0, 0.3]}}
    config = {**CONFIG, "ablation": {**CONFIG["ablation"], **given, "studies": [study]}}
    found = variants(config, DEFAULTS)
    assert [*found] == [("a", "own"), ("a", "own,gradient_scale=0.3")]
    assert found["a", "own,gradient_scale=0.3"] == Variant(
        "own", 0.0, {"lr": 0.5, "gradient_scale": 0.3}
    )


def test_a_label_smoothing_of_the_entry_is_what_a_study_starts_from():
    entry = {"method": "soft_cgt", "a": {"lr": 0.1, "label_smoothing": 0.1}, "b": {"lr": 0.1}}
    methods = {**CONFIG["methods"], "published": entry}
    smoothed = {"label_smoothing": [0.0, 0.1]}
    studies = [
        {"methods": ["published"], "datasets": ["a"], "vary": smoothed},
        {"methods": ["published"], "datasets": ["a", "b"], "vary": {"tau": [0.3]}},
    ]
    ablation = {**CONFIG["ablation"], "studies": studies}
    found = variants({**CONFIG, "methods": methods, "ablation": ablation}, DEFAULTS)
    assert found == {
        ("a", "published"): Variant("published", 0.1, {"lr": 0.1}),
        ("a", "published,label_smoothing=0"): Variant("published", 0.0, {"lr": 0.1}),
        ("a", "published,tau=0.3"): Variant("published", 0.1, {"lr": 0.1, "tau": 0.3}),
        ("b", "published"): Variant("published", 0.1, {"lr": 0.1}),
        ("b", "published,tau=0.3"): Variant("published", 0.1, {"lr": 0.1, "tau": 0.3}),
    }


def study_of(**study):
    return {**CONFIG, "ablation": {**CONFIG["ablation"], "studies": [study]}}


def test_variants_that_would_share_a_name_are_refused():
    close = study_of(methods=["hard_cgt"], datasets=["a"], vary={"tau": [0.1234561, 0.1234564]})
    with pytest.raises(ConfigError, match=r"two variants on a would be called hard_cgt,tau=0\.12"):
        variants(close, DEFAULTS)


def test_variants_that_cannot_be_trained_are_refused():
    drawn = study_of(methods=["soft_cgt"], datasets=["a"], vary={"sample_deep": [0.5]})
    with pytest.raises(ConfigError, match=r"on a\.sample_deep: 0\.5 is not allowed"):
        variants(drawn, DEFAULTS)


def test_without_the_section_there_is_nothing_to_run():
    config = {key: value for key, value in CONFIG.items() if key != "ablation"}
    assert cells(config, DEFAULTS) == [] and runs(config, DEFAULTS) == []


def test_values_as_text():
    values = (True, 1.0, 0.05, "residual", [1.0, 0.6])
    assert [text(value) for value in values] == ["true", "1", "0.05", "residual", "1-0.6"]


def test_the_studies_of_the_paper_know_what_is_tuned():
    """Each has the tuned method among its points, so figures can show what it is compared to.

    A study that is given other values has not.
    """
    config = load_config(ROOT / "config/config.yaml")
    plain = [study for study in config["ablation"]["studies"] if "given" not in study]
    config["ablation"]["studies"] = plain
    with_reference, studies = set(), set()
    for cell in cells(config, known_defaults(config)):
        study = (cell.dataset, cell.method, cell.row, cell.column)
        studies.add(study)
        if cell.variant == cell.method:
            with_reference.add(study)
    assert studies == with_reference
    varied = {key for _, _, *keys in studies for key in keys}
    assert {"tau", "gate", "leak", "normalize", "label_smoothing", "use_labels"} < varied
    assert {"exit_weights_start", "gate_on_unaugmented"} < varied
