"""What is said twice is said alike: registry, schema, rules and configuration."""

import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

import yaml
from checkout import ROOT

from cgt.methods import REGISTRY
from cgt.records.cards import cards
from cgt.study.ablation import runs
from cgt.study.config import PHASES, known_defaults, load_config, load_schema

SCHEMAS = ROOT / "workflow/schemas"
METHODS = yaml.safe_load((SCHEMAS / "methods.schema.yaml").read_text())
DATASETS = yaml.safe_load((SCHEMAS / "config.schema.yaml").read_text())["properties"]["datasets"]
CONFIG = load_config(ROOT / "config/config.yaml")
RULES = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))


def test_schema_has_the_methods_of_the_registry_in_its_order():
    assert list(METHODS) == list(REGISTRY)


def test_schema_has_the_hyperparameters_of_each_method():
    taken = {
        name: {field.name for field in fields(method) if field.init}
        for name, method in REGISTRY.items()
    }
    assert {name: set(known or {}) for name, known in METHODS.items()} == taken


def test_schema_has_the_defaults_of_the_methods():
    known = known_defaults(load_schema(SCHEMAS))
    assert known["soft_cgt"] == {"use_labels": True, "gate_on_unaugmented": False, "sample_deep": 0}
    for name, method in REGISTRY.items():
        taken = {field.name: field.default for field in fields(method)}
        assert {key: taken[key] for key in known[name]} == known[name]


def test_configuration_knows_how_many_phases_a_method_has():
    taken = {name: len(method().phases(10, 3)) for name, method in REGISTRY.items()}
    assert {name: PHASES.get(name, 1) for name in REGISTRY} == taken


def test_every_method_has_a_rule_and_a_file():
    assert re.findall(r"use rule train as train_(\w+) with", RULES) == list(REGISTRY)
    constraints = re.findall(r'with:\n    wildcard_constraints:\n        method="(\w+)"', RULES)
    assert constraints == list(REGISTRY)
    assert all((ROOT / f"cgt/methods/{name}.py").is_file() for name in REGISTRY)


def test_the_paper_uses_every_method_and_dataset():
    assert [*CONFIG["methods"], *CONFIG["ablation"]["methods"]] == list(REGISTRY)
    assert list(CONFIG["tuning"]["space"]) == ["lr", *CONFIG["methods"]]
    assert list(CONFIG["datasets"]) == list(DATASETS["properties"])
    assert set(CONFIG["datasets"]) <= set(cards("data"))


def test_rules_name_the_raw_files_of_each_dataset():
    for card in cards("data").values():
        named = ",".join(f'"{name}"' for name in card["files"])
        assert named in re.sub(r"\s+", "", RULES)


def test_every_key_is_explained():
    text = (ROOT / "config/README.md").read_text()
    keys = {key for settings in DATASETS["properties"].values() for key in settings["properties"]}
    keys |= {name for known in METHODS.values() for name in known} | set(METHODS) | {"lr"}
    assert not [key for key in keys if f"`{key}`" not in text]


def test_the_ablations_runs_are_counted():
    found = Counter(dataset for dataset, *_ in runs(CONFIG, known_defaults(load_schema(SCHEMAS))))
    epochs = CONFIG["ablation"]["epochs"]
    text = (ROOT / "config/README.md").read_text()
    said = (
        f"{found['indian_pines']} runs on Indian Pines, {epochs['indian_pines']} epochs each, and "
        f"{found['fashion_mnist']} on Fashion-MNIST, {epochs['fashion_mnist']} epochs each"
    )
    assert said in text


def test_every_stage_is_included():
    included = re.findall(r'include: "(.+)"', (ROOT / "Snakefile").read_text())
    files = {path.relative_to(ROOT).as_posix() for path in Path(ROOT, "workflow/rules").iterdir()}
    assert set(included) == files
