"""The overlay of what comes next: networks with room and the third dataset, in smoke size."""

import pytest
import yaml
from checkout import ROOT, copy_of_repository

from cgt.analysis.claims.statements import SAME_SCHEDULE
from cgt.analysis.frames import read_summary
from cgt.records.reference import load_reference
from cgt.study.config import check_config, load_config
from cgt.study.plan import prepare_options, training_settings
from cgt.study.schema import implementation_of

SMALL = {
    "results": "results/tiny",
    "data": {"prepared": "data/prepared/tiny"},
    "seeds": [1],
    "datasets": {
        "fashion_mnist": None,
        "indian_pines_disjoint": None,
        "indian_pines": {"epochs": 2, "limit": 300},
        "mnist1d": {"epochs": 2, "limit": 300, "exits": 5},
    },
    "methods": {
        name: None
        for name in (
            *("static", "branchynet", "cascade", "classynet", "hard_cgt"),
            *("branchynet_hard_schedule", "branchynet_soft_schedule"),
        )
    },
    "pictures": {"scene_step": 6},
    "ablation": None,
    "tuning": {"like": None},
}


def test_the_overlay_is_valid_as_it_is():
    config = load_config(ROOT / "config/config.yaml", ROOT / "config/next.yaml")
    check_config(config, ROOT / "workflow/schemas/config.schema.yaml")
    assert {name: of["network"] for name, of in config["datasets"].items()} == {
        "fashion_mnist": "roomy_images",
        "indian_pines": "roomy_scene",
        "indian_pines_disjoint": "roomy_scene",
        "mnist1d": "roomy_signals",
    }
    assert "--guard=pairwise" in prepare_options(config, "indian_pines_disjoint")
    assert training_settings(config, "indian_pines_disjoint")["validate_every"] == 5


def test_what_the_gates_are_compared_with_has_their_schedule_and_takes_their_tuning():
    config = load_config(ROOT / "config/config.yaml", ROOT / "config/next.yaml")
    for gated, joint in SAME_SCHEDULE.items():
        assert implementation_of(config, joint) == "branchynet"
        for dataset in config["datasets"]:
            own, other = config["methods"][gated][dataset], config["methods"][joint][dataset]
            assert other["exit_weights"] == own["exit_weights_start"]
            assert other["exit_weights_end"] == own["exit_weights_end"]
        assert config["tuning"]["like"][joint] == gated


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    checkout = copy_of_repository(tmp_path_factory.mktemp("next"))
    small = checkout.folder / "small.yaml"
    small.write_text(yaml.safe_dump(SMALL))
    layers = [ROOT / "config/config.yaml", ROOT / "config/next.yaml", small]
    checkout.configure(load_config(*layers))
    run = checkout.snakemake()
    assert run.returncode == 0, run.stdout
    return checkout.folder / "results/tiny"


def test_removed_entries_are_not_run(results):
    runs = {path.relative_to(results / "runs").as_posix() for path in results.glob("runs/*/*")}
    assert runs == {
        f"{dataset}/{method}"
        for dataset in ("indian_pines", "mnist1d")
        for method in ("single_exit", "soft_cgt")
    }


def test_costs_are_shares_of_the_datasets_single_exit_network(results):
    exits = read_summary(results / "summary")["exits"]
    for dataset in ("indian_pines", "mnist1d"):
        reference = load_reference(results / f"reference/{dataset}.json", dataset)
        of = exits[exits["dataset"] == dataset]
        alone = of[of["method"] == "single_exit"]
        assert alone["macs"].tolist() == [reference.macs]
        assert alone["relative_cost"].tolist() == [1.0]
        joint = of[of["method"] == "soft_cgt"]
        assert joint["macs"].iloc[0] == reference.first_exit
        assert joint["relative_cost"].iloc[-1] > 1  # its early heads come on top


def test_the_third_dataset_is_drawn(results):
    drawn = {path.stem for path in (results / "figures").glob("*.svg")}
    assert {"gallery_mnist1d", "confusion_mnist1d", "scene_indian_pines"} <= drawn
