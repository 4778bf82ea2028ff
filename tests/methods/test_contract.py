"""What every registered method must keep, whatever it does."""

import dataclasses
import inspect

import pytest
import torch
from tiny import tiny_dataset, tiny_settings

from cgt.methods import REGISTRY
from cgt.records.cards import FAMILIES, cards
from cgt.records.predictions import load_predictions
from cgt.records.settings import defaults
from cgt.training.loop import Trainer

SETTINGS = tiny_settings(epochs=6)


def trainer_of(name, folder, seed=1):
    return Trainer(tiny_dataset(), REGISTRY[name](), seed, SETTINGS, folder / "checkpoint.pt")


@pytest.fixture(scope="module", params=list(REGISTRY))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def run(name, tmp_path_factory):
    """A trained run, shared by the tests: its trainer, its initial state and its folder."""
    folder = tmp_path_factory.mktemp(name)
    trainer = trainer_of(name, folder)
    before = {key: value.clone() for key, value in trainer.network.state_dict().items()}
    trainer.run()
    trainer.write(folder / "run")
    return trainer, before, folder / "run"


def test_the_registry_finds_a_class_in_each_file(name):
    assert REGISTRY[name].__module__ == f"cgt.methods.{name}"


def test_the_card_holds_what_is_read_without_running_the_file(name):
    card = cards("methods")[name]
    assert {"title", "short", "family", "trains", "source", "phases", "settings", "space"} <= set(
        card
    )
    assert card["family"] in FAMILIES
    fields = {of.name: of.default for of in dataclasses.fields(REGISTRY[name]) if of.init}
    assert defaults(card) == fields
    assert all(setting["meaning"] for setting in card["settings"].values())
    assert set(card["space"]) <= set(card["settings"])


def test_no_two_methods_look_alike():
    looks = [tuple(card["look"].values()) for card in cards("methods").values() if "look" in card]
    assert len({color for color, _ in looks}) == len({marker for _, marker in looks}) == len(looks)


def test_the_card_tells_idea_formula_and_source(name):
    card = inspect.getmodule(REGISTRY[name]).__doc__
    for part in ("Idea:", "Formula:", "Source:"):
        assert part in card
    if name in ("cascade", "classynet"):
        assert "Reading: ours" in card


def test_losses_fall(run):
    trainer, _, _ = run
    losses = {}
    for _, number, loss, *_ in trainer.history:
        losses.setdefault(number, []).append(loss)
    assert sorted(losses) == list(range(1, trainer.network.num_exits + 1))
    for of_exit in losses.values():
        assert of_exit[-1] < 0.9 * of_exit[0]


def test_predictions_keep_the_contract_and_beat_chance(run):
    trainer, _, folder = run
    predictions = load_predictions(folder / "predictions.npz")
    exits = trainer.network.num_exits
    assert len(predictions.macs) == exits
    for split in (predictions.val, predictions.test):
        assert split.prediction.shape == split.confidence.shape == (exits, 60)
        assert split.prediction.max() < 3
        assert split.logits.shape == (exits, 60, 3)
    right = (predictions.test.prediction == predictions.test.target).mean(axis=1)
    assert right.max() > 0.8


def test_history_has_a_row_per_epoch_and_computed_exit(run):
    trainer, _, _ = run
    depths = [phase.exits for phase in trainer.phases for _ in range(phase.epochs)]
    expected = [[epoch, e] for epoch, d in enumerate(depths, start=1) for e in range(1, d + 1)]
    assert [row[:2] for row in trainer.history] == expected
    assert sum(phase.epochs for phase in trainer.phases) == SETTINGS.epochs
    for *_, accuracy, weight, active, norm, val_active in trainer.history:
        assert 0 <= accuracy <= 1 and weight >= 0 and 0 <= active <= 1 and 0 <= val_active <= 1
        assert (norm > 0) == (weight > 0)


def test_all_weights_that_should_train_do(run):
    trainer, before, _ = run
    after = trainer.network.state_dict()
    unmoved = [
        key for key, _ in trainer.network.named_parameters() if torch.equal(before[key], after[key])
    ]
    assert unmoved == []


def _learns_all(trainer, phase):
    everything = tuple(range(trainer.network.num_exits))
    return phase.stages == phase.heads == everything and phase.others


def test_frozen_stages_stay_frozen_statistics_included(name, tmp_path):
    trainer = trainer_of(name, tmp_path)
    if all(_learns_all(trainer, phase) for phase in trainer.phases):
        return  # nothing is ever frozen
    for number, phase in enumerate(trainer.phases):
        before = {key: value.clone() for key, value in trainer.network.state_dict().items()}
        trainer._run_phase(number, phase, saved=None)
        after = trainer.network.state_dict()
        for key, value in before.items():
            part, number = key.split(".")[:2]
            learning = {"stages": phase.stages, "heads": phase.heads}.get(part)
            learns = phase.others if learning is None else int(number) in learning
            if not learns:
                assert torch.equal(value, after[key]), key


def test_the_same_seed_twice_gives_the_same_bytes(run, name, tmp_path):
    trainer = trainer_of(name, tmp_path)
    trainer.run()
    trainer.write(tmp_path / "again")
    for file in ("predictions.npz", "history.csv", "gradients.csv", "model.safetensors"):
        assert (tmp_path / "again" / file).read_bytes() == (run[2] / file).read_bytes(), file


def test_all_methods_start_alike_and_see_the_same_batches(name, tmp_path):
    """Paired by seed: initial weights, data order and augmentation do not depend on the method."""
    ours, method = trainer_of(name, tmp_path), REGISTRY["branchynet"]()
    method.withhold = ours.method.withhold  # who keeps samples back sees fewer
    reference = Trainer(tiny_dataset(), method, 1, SETTINGS, tmp_path / "reference.pt")
    for mine, theirs in zip(ours._batches(3), reference._batches(3), strict=True):
        assert torch.equal(mine[0], theirs[0]) and torch.equal(mine[1], theirs[1])
    whole = reference.network
    same = {"single_exit": whole.backbone(), "static": REGISTRY["static"]().network(whole)}
    backbone = same.get(name, whole)
    # Modules that a method adds draw their weights after those that all methods have.
    for part in ("stages", "heads"):
        own, shared = (getattr(of, part).parameters() for of in (ours.network, backbone))
        for mine, theirs in zip(own, shared, strict=True):
            assert torch.equal(mine, theirs)


def test_gradients_are_told_for_every_epoch_and_stage_that_learns(run):
    trainer, _, _ = run
    phases = [phase for phase in trainer.phases for _ in range(phase.epochs)]
    learning = {
        (epoch, stage + 1) for epoch, phase in enumerate(phases, start=1) for stage in phase.stages
    }
    assert {(epoch, stage) for epoch, stage, *_ in trainer.gradients} == learning
    for _, stage, first, other, norm, cosine in trainer.gradients:
        assert stage <= first <= other
        assert norm >= 0 and -1 <= cosine <= 1
