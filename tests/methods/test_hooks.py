"""What a method can do without a change outside its own file, each shown by a small one."""

import numpy as np
import pytest
import torch
from small_methods import (
    CARRYING,
    SMALL,
    Adapted,
    Boosted,
    FrozenTrunk,
    Joint,
    LearnedWeights,
    OwnTeacher,
    ScaledBranches,
    SmallFeatures,
    SummedGradients,
    WithheldTemperatures,
)
from tiny import tiny_dataset, tiny_settings

from cgt.deploy.export import write_network
from cgt.deploy.export_run import chosen_network
from cgt.deploy.runtime import Deployed
from cgt.methods import REGISTRY
from cgt.methods.static import SideBySide
from cgt.nn.cost import cumulative_macs
from cgt.nn.exits import MaxSoftmax
from cgt.operate.routing import exit_index, select
from cgt.records.predictions import load_predictions
from cgt.training.loop import Trainer
from cgt.training.model_io import load_run


class Stopped(Exception):
    """A training job is killed."""


def trainer_of(method, folder, **changes):
    settings = tiny_settings(**{"epochs": 4, **changes})
    return Trainer(tiny_dataset(val=90, test=90), method, 1, settings, folder / "checkpoint.pt")


def state_of(trainer):
    return {name: value.clone() for name, value in trainer.network.state_dict().items()}


EVERY = [*REGISTRY, *(kind.__name__ for kind in SMALL)]


def make(name):
    small = {kind.__name__: kind for kind in SMALL}
    return small[name]() if name in small else REGISTRY[name]()


@pytest.fixture(scope="module", params=EVERY)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def run(name, tmp_path_factory):
    """A trained run of every method: its trainer, its predictions and its folder."""
    folder = tmp_path_factory.mktemp(name)
    trainer = trainer_of(make(name), folder)
    trainer.run()
    trainer.write(folder / "run")
    return trainer, load_predictions(folder / "run/predictions.npz"), folder / "run"


THRESHOLDS = (0.35, 0.55, 0.8, 0.95)


def expected(test, threshold):
    """Exit and class by the run's own file, and whether rounding cannot change them."""
    index = exit_index(test.confidence, threshold)
    clear = (np.abs(test.confidence[:-1] - threshold) > 1e-5).all(axis=0)
    return index, select(test.prediction, index), clear


@pytest.mark.parametrize("batch", [1, 64])
def test_inference_gives_the_exits_and_classes_of_the_predictions(run, batch):
    trainer, predictions, _ = run
    network, rule = trainer.network, trainer.method.rule(trainer.network.num_exits)
    x = torch.from_numpy(trainer.data.test.x).contiguous(memory_format=torch.channels_last)
    for threshold in THRESHOLDS:
        index, answer, clear = expected(predictions.test, threshold)
        if isinstance(network, SideBySide):
            chosen = chosen_network(network, threshold)
            found = (index, torch.cat([chosen.infer(part, 0.0)[1] for part in x.split(batch)]))
        else:
            parts = [network.infer(part, threshold, rule) for part in x.split(batch)]
            found = [torch.cat(column) for column in zip(*parts, strict=True)]
        assert np.array_equal(np.asarray(found[0])[clear], index[clear])
        assert np.array_equal(np.asarray(found[1])[clear], answer[clear])


def test_a_device_gives_the_exits_and_classes_of_the_predictions(run, tmp_path):
    trainer, predictions, _ = run
    network, rule = trainer.network, trainer.method.rule(trainer.network.num_exits)
    x, how = trainer.data.test.x, {"input_shape": (4, 5, 5), "about": {}}
    side_by_side = isinstance(network, SideBySide)
    if not side_by_side:
        write_network(tmp_path, network, rule, THRESHOLDS[0], **how)
    for threshold in THRESHOLDS:
        index, answer, clear = expected(predictions.test, threshold)
        if side_by_side:
            write_network(tmp_path, chosen_network(network, threshold), MaxSoftmax(), 0.0, **how)
        deployed = Deployed(tmp_path)
        # Batches go through a file for each stage, single samples through the one of all.
        singles = [
            deployed.infer(one, threshold if not side_by_side else None) for one in x[:, None]
        ]
        in_one = deployed.infer(x, threshold if not side_by_side else None)
        for found in (in_one, np.concatenate(singles, axis=1)):
            assert np.array_equal(found[1][clear], answer[clear])
            assert side_by_side or np.array_equal(found[0][clear], index[clear])


def test_a_saved_run_answers_as_it_was_trained(run):
    trainer, predictions, folder = run
    method = type(trainer.method)()
    network = load_run(folder / "model.safetensors", trainer.data, method, trainer.settings.network)
    with torch.inference_mode():
        logits = torch.stack(network(trainer.val_x))
    confidence, prediction = method.decide(logits)
    assert np.array_equal(prediction.numpy(), predictions.val.prediction)
    np.testing.assert_allclose(confidence, predictions.val.confidence, rtol=1e-5)


@pytest.mark.parametrize("writes", [1, 3])
def test_a_stopped_run_goes_on_to_the_same_result(run, name, writes, tmp_path, monkeypatch):
    from cgt.training import loop

    kept, seen = loop.save_checkpoint, []

    def stop_after(path, state):
        kept(path, state)
        seen.append(path)
        if len(seen) == writes:
            raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr("cgt.training.loop.save_checkpoint", stop_after)
        trainer_of(make(name), tmp_path / "again").run()
    again = trainer_of(make(name), tmp_path / "again")
    again.run()
    again.write(tmp_path / "again/run")
    for file in ("predictions.npz", "history.csv", "gradients.csv", "model.safetensors"):
        assert (tmp_path / "again/run" / file).read_bytes() == (run[2] / file).read_bytes(), file


@pytest.mark.parametrize("kind", CARRYING)
def test_carried_values_are_really_there(kind, tmp_path):
    network = trainer_of(kind(), tmp_path).network.eval()
    first, second = list(network.steps(torch.randn(6, 4, 5, 5)))[:2]
    assert first.carried is not None and second.carried is not None
    nothing = {"logits": first.logits * 0} if isinstance(first.carried, dict) else first.logits * 0
    without = network.step(1, first.features, nothing).logits
    assert not torch.allclose(second.logits, without, atol=1e-3)


def test_boosted_logits_by_hand(tmp_path):
    network = trainer_of(Boosted(), tmp_path).network.eval()
    x = torch.randn(3, 4, 5, 5)
    plain = [head(f) for head, f in zip(network.heads, features(network, x), strict=True)]
    first = plain[0]
    second = plain[1] + 0.5 * first
    torch.testing.assert_close(network(x), [first, second, plain[2] + 0.5 * second])


def features(network, x):
    return [step.features for step in network.steps(x)]


def test_a_frozen_trunk_does_not_move_and_early_heads_are_judged_alone(tmp_path):
    trainer = trainer_of(FrozenTrunk(), tmp_path)
    first, second = trainer.phases
    trainer._run_phase(0, first, None)
    before = state_of(trainer)
    trainer._run_phase(1, second, None)
    after = state_of(trainer)
    last = f"heads.{trainer.network.num_exits - 1}."
    for name, value in before.items():
        frozen = name.startswith("stages") or name.startswith(last)
        assert torch.equal(value, after[name]) == frozen, name


def test_gradients_combined_by_a_method_can_be_the_totals(tmp_path):
    runs = []
    for method in (Joint(), SummedGradients()):
        trainer = trainer_of(method, tmp_path / type(method).__name__, epochs=2)
        trainer.run()
        runs.append(state_of(trainer))
    for name, value in runs[0].items():
        torch.testing.assert_close(value, runs[1][name], rtol=1e-4, atol=1e-5)


def test_the_probe_logs_the_gradients_that_train(tmp_path):
    """A method that scales gradients was logged as if it did not."""
    norms = []
    for scale in (1.0, 1 / 3):
        trainer = trainer_of(ScaledBranches(scale), tmp_path / str(scale))
        gradients = trainer._probe_gradients(trainer.network, 0, 1)
        norms.append({(p.stage, p.exit): p.norm for p in gradients.pairs() if p.exit == p.other})
    assert norms[1][1, 1] == pytest.approx(norms[0][1, 1] / 3, rel=1e-4)
    assert norms[1][1, 3] == pytest.approx(norms[0][1, 3], rel=1e-4)


def test_a_method_may_take_the_whole_step(tmp_path):
    trainer = trainer_of(LearnedWeights(), tmp_path)
    trainer.run()
    learned = trainer.method.learned
    assert learned.shape == (3,) and learned.abs().max() > 0


def test_a_method_may_keep_a_frozen_copy_of_an_earlier_phase(tmp_path):
    trainer = trainer_of(OwnTeacher(), tmp_path)
    trainer.run()
    teacher = trainer.method.teacher
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    pairs = zip(teacher.parameters(), trainer.network.parameters(), strict=True)
    assert any(not torch.equal(old, new) for old, new in pairs)


def test_withheld_samples_are_never_trained_on(tmp_path):
    trainer = trainer_of(WithheldTemperatures(), tmp_path)
    assert len(trainer.withheld) == 32 and len(trainer.trained) == 96
    seen = {int(i) for epoch in range(4) for _, chosen in trainer._batches(epoch) for i in chosen}
    assert not seen & set(trainer.withheld.tolist())
    trainer.run()
    assert trainer.method.temperatures.shape == (3,)
    same = trainer_of(WithheldTemperatures(), tmp_path / "again")
    assert torch.equal(same.withheld, trainer.withheld)


def test_extra_modules_learn_freeze_are_saved_and_cost(tmp_path):
    trainer = trainer_of(Adapted(), tmp_path)
    names = [name for name in trainer.network.state_dict() if name.startswith("adapter")]
    start = state_of(trainer)
    trainer._run_phase(0, trainer.phases[0], None)
    middle = state_of(trainer)
    trainer._run_phase(1, trainer.phases[1], None)
    end = state_of(trainer)
    assert any(not torch.equal(start[name], middle[name]) for name in names)
    assert all(torch.equal(middle[name], end[name]) for name in names)
    plain = trainer_of(Joint(), tmp_path / "plain").network
    more = cumulative_macs(trainer.network, (4, 5, 5))
    for exit, (with_it, without) in enumerate(
        zip(more, cumulative_macs(plain, (4, 5, 5)), strict=True), start=1
    ):
        assert with_it - without == 9 * exit


def test_a_loss_may_look_at_features(tmp_path):
    sizes = []
    for method in (Joint(), SmallFeatures()):
        trainer = trainer_of(method, tmp_path / type(method).__name__)
        found = method.forward(trainer.network, trainer.val_x[:8], trainer.val_y[:8], None)
        sizes.append("sizes" in found.extra)
    assert sizes == [False, True]


def test_what_a_method_has_learned_comes_back_with_the_best_epoch(tmp_path, monkeypatch):
    trainer = trainer_of(LearnedWeights(), tmp_path)
    states, accuracies = [], iter([0.5, 0.9, 0.3, 0.2])
    validate = trainer._validate

    def judged(*arguments):
        accuracy, eligibility = validate(*arguments)
        states.append(trainer.method.learned.clone())
        return torch.full_like(accuracy, next(accuracies)), eligibility

    monkeypatch.setattr(trainer, "_validate", judged)
    trainer.run()
    assert torch.equal(trainer.method.learned, states[1])
    assert not torch.equal(states[1], states[-1])
