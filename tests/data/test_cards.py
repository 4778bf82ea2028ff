"""Cards say what the builders do; both are found by the names of files alone."""

from pathlib import Path

import pytest

from cgt import data
from cgt.data.dataset import KINDS
from cgt.data.registry import builder_of, is_coded
from cgt.records.cards import cards

CARDS = cards("data")
OF_KINDS = cards("data/kinds")
KEYS = {"title", "kind", "raw", "files", "augmentation", "settings", "source"}


def fits(value, known):
    """Whether a value is what a setting of a card allows."""
    if "enum" in known:
        return value in known["enum"]
    assert known["type"] == "integer"
    return known["minimum"] <= value <= known.get("maximum", value)


def test_the_datasets_are_the_files_with_a_card():
    assert list(CARDS) == ["fashion_mnist", "indian_pines", "indian_pines_disjoint", "mnist1d"]
    assert set(OF_KINDS) == set(KINDS)


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_what_its_builder_says(name):
    card, builder = CARDS[name], builder_of(name)
    assert card.keys() == KEYS
    assert builder.name == name
    assert builder.card == card
    assert [file.name for file in builder.files] == card["files"]
    assert (card["raw"] is None) == (card["files"] == []) == (builder.mirror_format is None)
    assert builder.defaults.keys() == card["settings"].keys()
    assert card["title"]
    assert card["source"]


@pytest.mark.parametrize("kind", OF_KINDS)
def test_a_card_of_a_kind_is_what_its_builder_says(kind):
    builder = builder_of("mine", kind)
    assert OF_KINDS[kind].keys() == KEYS - {"title", "source"}
    assert builder.card == OF_KINDS[kind]
    assert (builder.name, builder.kind) == ("mine", kind)


@pytest.mark.parametrize("card", [*CARDS.values(), *OF_KINDS.values()])
def test_settings_and_choices_are_allowed_ones(card):
    assert card["kind"] in KINDS
    assert card["augmentation"] in ("none", "mirror", "dihedral")
    for known in card["settings"].values():
        assert fits(known["default"], known)
        assert known["meaning"]


def test_helpers_are_no_datasets():
    assert not is_coded("builder")
    assert not is_coded("kinds")
    assert len(list(Path(data.__file__).parent.glob("*.py"))) > len(CARDS)


def test_unknown_names_and_kinds_are_told_what_there_is():
    with pytest.raises(ValueError, match=r"unknown dataset 'pavia', allowed are: fashion_mnist, i"):
        builder_of("pavia")
    with pytest.raises(ValueError, match=r"needs its kind \(--kind images, scene, signals\)"):
        builder_of("builder")
    with pytest.raises(ValueError, match="kind is 'video', allowed are: images, scene, signals"):
        builder_of("mine", "video")
    with pytest.raises(ValueError, match=r"mnist1d is a dataset of its own \(cgt/data/mnist1d.py"):
        builder_of("mnist1d", "signals")
