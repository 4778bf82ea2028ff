"""What is said twice is said alike: cards, classes, configuration and its page."""

import re
from collections import Counter
from pathlib import Path

from checkout import ROOT

from cgt.methods import REGISTRY
from cgt.networks import build
from cgt.records.cards import cards
from cgt.study.ablation import runs
from cgt.study.config import known_defaults, load_config

CONFIG = load_config(ROOT / "config/config.yaml")
PAGE = (ROOT / "config/README.md").read_text(encoding="utf-8")
SHAPES = {"images": (1, 28, 28), "scene": (30, 11, 11), "signals": (1, 40)}


def test_cards_know_how_many_phases_a_method_has():
    for name, card in cards("methods").items():
        for exits in (2, 3, 4):
            said = exits if card["phases"] == "exits" else card["phases"]
            assert len(REGISTRY[name]().phases(10, exits)) == said, name


def test_cards_know_how_many_exits_a_network_can_have():
    for name, card in cards("networks").items():
        assert card["default_exits"] in card["exits"]
        for exits in card["exits"]:
            assert build(name, SHAPES[card["inputs"]], 5, exits).num_exits == exits


def test_every_setting_of_a_card_is_explained():
    keys = {key for card in cards("methods").values() for key in card["settings"]}
    keys |= {key for card in cards("data").values() for key in card["settings"]}
    keys |= {"lr", *cards("methods"), *cards("networks"), *cards("data")}
    assert not [key for key in keys if f"`{key}`" not in PAGE]


def test_the_ablations_runs_are_counted():
    found = Counter(dataset for dataset, *_ in runs(CONFIG, known_defaults(CONFIG)))
    epochs = CONFIG["ablation"]["epochs"]
    said = (
        f"{found['indian_pines']} runs on Indian Pines, {epochs['indian_pines']} epochs each, and "
        f"{found['fashion_mnist']} on Fashion-MNIST, {epochs['fashion_mnist']} epochs each"
    )
    assert said in PAGE


def test_every_stage_is_included():
    included = re.findall(r'include: "(.+)"', (ROOT / "Snakefile").read_text())
    rules = Path(ROOT, "workflow/rules").rglob("*.smk")
    files = {path.relative_to(ROOT).as_posix() for path in rules}
    assert set(included) == files
