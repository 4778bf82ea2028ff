import json
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny_dataset, tiny_settings

from cgt.methods import REGISTRY
from cgt.methods.branchynet import BranchyNet
from cgt.training.augment import Augmenter, dihedral_forms
from cgt.training.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from cgt.training.divergence import DivergedError
from cgt.training.job import Job, build_method
from cgt.training.loop import HISTORY_COLUMNS, Trainer, train_run
from cgt.training.optimizer import OneCycleSGD

SETTINGS = tiny_settings(epochs=4)


def job(**changes):
    values = {
        "dataset": "indian_pines",
        "method": "soft_cgt",
        "implementation": "soft_cgt",
        "seed": 1,
        "prepared": Path("prepared.npz"),
        "raw_dir": Path("raw"),
        "settings": {"network": "compact_scene", "epochs": 4, "batch_size": 32, "lr": 0.05},
        "hyperparameters": {"tau": 0.7},
    }
    return Job(**{**values, **changes})


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class Stopped(Exception):
    """Stands for a kill between two epochs."""


# All methods are stopped and resumed in tests/methods/test_hooks.py.
@pytest.mark.parametrize("name", ["soft_cgt", "cascade", "l2w", "zero_time_waste"])
@pytest.mark.parametrize(("stop_after", "every"), [(1, 1), (3, 1), (1, 2)])
def test_a_stopped_run_resumes_to_the_same_bytes(name, stop_after, every, tmp_path, monkeypatch):
    settings = replace(SETTINGS, validate_every=every)

    def trainer(folder):
        return Trainer(tiny_dataset(), REGISTRY[name](), 1, settings, tmp_path / folder / "c.pt")

    whole = trainer("whole")
    whole.run()
    whole.write(tmp_path / "whole" / "out")

    with monkeypatch.context() as patch:
        saved = []

        def save_then_stop(path, state):
            save_checkpoint(path, state)
            saved.append(path)
            if len(saved) == stop_after:
                raise Stopped

        patch.setattr("cgt.training.loop.save_checkpoint", save_then_stop)
        with pytest.raises(Stopped):
            trainer("stopped").run()
    torch.manual_seed(99)  # whatever ran in between must not matter
    resumed = trainer("stopped")
    resumed.run()
    resumed.write(tmp_path / "stopped" / "out")
    assert bytes_of(tmp_path / "stopped" / "out") == bytes_of(tmp_path / "whole" / "out")


def test_train_run_writes_the_run_and_removes_its_checkpoint(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("cgt.training.loop.load", lambda *_: tiny_dataset())
    train_run(job(), tmp_path / "out", tmp_path / "checkpoints")
    assert list(bytes_of(tmp_path / "out")) == [
        "gradients.csv",
        "history.csv",
        "model.safetensors",
        "predictions.npz",
    ]
    header, *rows = (tmp_path / "out" / "history.csv").read_text().splitlines()
    assert header == ",".join(HISTORY_COLUMNS)
    assert len(rows) == 4 * 3
    assert list((tmp_path / "checkpoints").iterdir()) == []
    assert "indian_pines/soft_cgt/1 epoch 4/4" in capsys.readouterr().err


def test_the_checkpoint_with_the_best_validation_accuracy_is_kept(tmp_path, monkeypatch):
    trainer = Trainer(tiny_dataset(), REGISTRY["branchynet"](), 1, SETTINGS, tmp_path / "c.pt")
    accuracies = iter([0.5, 0.9, 0.9, 0.6])
    states = []

    def validate(*_):
        states.append(deepcopy(trainer.network.state_dict()))
        accuracy = torch.full((3,), next(accuracies), dtype=torch.float64)
        return accuracy, torch.ones_like(accuracy)

    monkeypatch.setattr(trainer, "_validate", validate)
    trainer.run()
    # Of equals the later one, which has seen the smaller learning rate.
    kept = trainer.network.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in states[2].items())


def test_every_kth_epoch_and_every_one_of_the_last_third_is_validated():
    def validated(epochs, every):
        settings = tiny_settings(validate_every=every)
        return [done for done in range(1, epochs + 1) if settings.validates(done, epochs)]

    assert validated(10, 1) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert validated(12, 3) == [3, 6, 9, 10, 11, 12]
    assert validated(10, 4) == [4, 8, 9, 10]
    # A phase shorter than that is validated at its end.
    assert [validated(epochs, 5) for epochs in (1, 2, 3, 4)] == [[1], [2], [3], [4]]


def test_validate_every_must_be_a_count():
    with pytest.raises(ValueError, match="validate_every"):
        tiny_settings(validate_every=0)


@pytest.mark.parametrize("name", ["branchynet", "cascade", "classynet"])
def test_what_is_not_validated_trains_alike_and_counts_in_the_means(name, tmp_path):
    """Phases of 9, or 3 and 3 and 3, or 3 and 6 epochs; a look every second, and in the end."""
    runs = []
    for every in (1, 2):
        settings = tiny_settings(epochs=9, validate_every=every)
        path = tmp_path / f"{every}.pt"
        runs.append(Trainer(tiny_dataset(), REGISTRY[name](), 1, settings, path))
        # So that both go on to the next phase from the same weights.
        runs[-1]._validate = last_is_best(runs[-1]._validate)
        runs[-1].run()
    all_rows, rows = ({tuple(row[:2]): row[2:] for row in run.history} for run in runs)
    seen = {"branchynet": [2, 4, 6, 7, 8, 9], "cascade": [2, 3, 5, 6, 8, 9]}
    seen["classynet"] = [2, 3, 5, 7, 8, 9]
    assert sorted({epoch for epoch, _ in rows}) == seen[name]
    before = dict(zip(seen[name], [0, *seen[name]], strict=False))
    for (epoch, number), (loss, _, weight, eligibility, norm, val) in rows.items():
        since = [all_rows[e, number] for e in range(before[epoch] + 1, epoch + 1)]
        means = np.mean([[of[0], of[2], of[3]] for of in since], axis=0)
        assert [loss, weight, eligibility] == pytest.approx(means.tolist(), rel=1e-5)
        assert (norm, val) == (all_rows[epoch, number][4], all_rows[epoch, number][5])
    assert runs[1].gradients == [row for row in runs[0].gradients if row[0] in seen[name]]


def last_is_best(validate):
    """The same eligibility; accuracy rises from look to look."""
    looks = iter(range(1, 100))

    def rising(*arguments):
        accuracy, active = validate(*arguments)
        return torch.full_like(accuracy, next(looks) / 100), active

    return rising


def test_a_diverging_run_stops_and_says_where(tmp_path):
    settings = replace(SETTINGS, lr=1e30)
    trainer = Trainer(tiny_dataset(), REGISTRY["branchynet"](), 1, settings, tmp_path / "c.pt")
    with pytest.raises(
        DivergedError, match=r"diverged at epoch 1, step \d+.*smaller lr than 1e\+30"
    ):
        trainer.run()


@pytest.mark.parametrize("name", ["hard_cgt", "soft_cgt"])
def test_a_gate_on_unaugmented_sees_the_samples_as_at_inference(name, tmp_path, monkeypatch):
    trainer = Trainer(
        tiny_dataset(), REGISTRY[name](gate_on_unaugmented=True), 1, SETTINGS, tmp_path / "c.pt"
    )
    chosen = [torch.arange(32), torch.arange(32, 64)]
    augmented = [(-trainer.train_x[indices], indices) for indices in chosen]
    monkeypatch.setattr(trainer, "_batches", lambda epoch: iter(augmented))
    terms, seen = trainer.method.terms, []

    def spy(found, targets, moment):
        gate_logits = found.gate_logits
        if gate_logits is not None:
            assert trainer.network.training
            state = trainer.network.state_dict()
            expected = trainer.network.eval()(trainer.train_x[chosen[len(seen) % 2]])
            trainer.network.train()
            assert all(torch.equal(a, b) for a, b in zip(gate_logits, expected, strict=True))
            assert not any(of_exit.requires_grad for of_exit in gate_logits)
            assert all(torch.equal(v, trainer.network.state_dict()[k]) for k, v in state.items())
            seen.append(gate_logits)
        return terms(found, targets, moment)

    monkeypatch.setattr(trainer.method, "terms", spy)
    trainer.run()
    assert len(seen) == 2 * SETTINGS.epochs


def test_batches_are_training_samples_turned_and_mirrored(tmp_path):
    trainer = Trainer(tiny_dataset(), REGISTRY["soft_cgt"](), 1, SETTINGS, tmp_path / "c.pt")
    x, chosen = next(trainer._batches(0))
    clean = trainer.train_x[chosen]
    assert not torch.equal(x, clean)
    assert x.is_contiguous(memory_format=torch.channels_last)
    # Turning and mirroring a patch moves its pixels and changes none.
    assert torch.equal(x.flatten(2).sort().values, clean.flatten(2).sort().values)


def test_a_batch_larger_than_the_data_is_cut_to_it(tmp_path):
    settings = replace(SETTINGS, epochs=1, batch_size=4096)
    trainer = Trainer(tiny_dataset(), REGISTRY["branchynet"](), 1, settings, tmp_path / "c.pt")
    assert [len(chosen) for _, chosen in trainer._batches(0)] == [128]


def test_test_labels_have_no_influence_on_training(tmp_path):
    """Only the `test_target` that is passed on may differ."""
    written = []
    for number, shift in enumerate((0, 1)):
        data = tiny_dataset()
        data = replace(data, test=replace(data.test, y=(data.test.y + shift) % 3))
        out = tmp_path / str(number)
        trainer = Trainer(data, REGISTRY["classynet"](), 1, SETTINGS, out / "c.pt")
        trainer.run()
        trainer.write(out / "run")
        written.append(np.load(out / "run" / "predictions.npz", allow_pickle=False))
    differ = [key for key in written[0] if not np.array_equal(written[0][key], written[1][key])]
    assert differ == ["test_target"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"implementation": "softcgt"}, "method is 'softcgt'; allowed are single_exit, static"),
        (
            {"hyperparameters": {"tua": 1}},
            "hyperparameters of soft_cgt: unknown 'tua'; allowed are tau",
        ),
    ],
)
def test_unknown_methods_and_hyperparameters_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        build_method(job(**changes))


def test_unknown_settings_are_named(tmp_path):
    wrong = job(settings={"network": "compact_scene", "epochs": 1, "batchsize": 2, "lr": 0.1})
    with pytest.raises(
        ValueError, match="settings: unknown 'batchsize'; allowed are network, epochs, batch"
    ):
        train_run(wrong, tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 1, "batch_size": 2}, "settings: lr is missing; it has no default"),
        ({"epochs": 0, "batch_size": 2, "lr": 0.1}, "epochs is 0; it must be a whole number >= 1"),
        ({"epochs": 1, "batch_size": 2.0, "lr": 0.1}, "batch_size is 2.0; .* whole number >= 1"),
        ({"epochs": 1, "batch_size": 2, "lr": 0}, "lr is 0; it must be a finite number > 0"),
        ({"epochs": 1, "batch_size": 2, "lr": 1, "momentum": 2}, "momentum is 2; .* in .0, 1."),
    ],
)
def test_unfit_settings_are_named(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        train_run(job(settings={"network": "compact_scene", **settings}), tmp_path, tmp_path)


@pytest.mark.parametrize("weights", [[2.0], [1.0, 0.3], [1.0, -1.0, 1.0]])
@pytest.mark.parametrize("method", ["branchynet", "cgt_plus"])
def test_weights_that_do_not_fit_the_exits_are_refused(method, weights, tmp_path, monkeypatch):
    monkeypatch.setattr("cgt.training.loop.load", lambda *_: tiny_dataset())
    unfit = job(implementation=method, hyperparameters={"exit_weights": weights})
    with pytest.raises(ValueError, match=r"exit_weights (is|are)"):
        train_run(unfit, tmp_path, tmp_path)


def test_the_time_of_a_stopped_run_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("cgt.training.loop.load", lambda *_: tiny_dataset())

    def save_as_after_an_hour_then_stop(path, state):
        save_checkpoint(path, {**state, "seconds": state["seconds"] + 3600})
        raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr("cgt.training.loop.save_checkpoint", save_as_after_an_hour_then_stop)
        train_run(job(), tmp_path, tmp_path)
    spent = []
    for _ in range(2):
        train_run(job(), tmp_path, tmp_path, lambda data, earlier: spent.append(earlier))
    assert 3600 < spent[0] < 3700
    assert spent[1] == 0


@pytest.mark.parametrize(
    ("target", "value"),
    [(None, None), ("cgt.training.loop.digest_of", lambda _: "x"), ("torch.__version__", "0.0")],
)
def test_other_code_or_another_torch_starts_over(target, value, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("cgt.training.loop.load", lambda *_: tiny_dataset())

    def save_then_stop(path, state):
        save_checkpoint(path, state)
        raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr("cgt.training.loop.save_checkpoint", save_then_stop)
        train_run(job(), tmp_path / "out", tmp_path / "checkpoints")
    capsys.readouterr()
    if target:
        monkeypatch.setattr(target, value)
    train_run(job(), tmp_path / "out", tmp_path / "checkpoints")
    assert ("epoch 1/4" in capsys.readouterr().err) == (target is not None)


def test_settings_and_progress_reach_the_optimiser_and_the_method(tmp_path, monkeypatch):
    monkeypatch.setattr("cgt.training.loop.load", lambda *_: tiny_dataset())
    asked, progress, smoothing = [], [], set()

    class Spy(OneCycleSGD):
        def __init__(self, parameters, **options):
            asked.append(options)
            super().__init__(parameters, **options)

    terms = BranchyNet.terms

    def spy(self, found, targets, moment):
        progress.append(moment.progress)
        smoothing.add(self.label_smoothing)
        return terms(self, found, targets, moment)

    monkeypatch.setattr("cgt.training.loop.OneCycleSGD", Spy)
    monkeypatch.setattr(BranchyNet, "terms", spy)
    settings = {"network": "compact_scene", "epochs": 3, "batch_size": 32, "lr": 0.05}
    settings |= {"momentum": 0.8, "weight_decay": 0.01, "label_smoothing": 0.1}
    train_run(
        job(implementation="branchynet", settings=settings, hyperparameters={}), tmp_path, tmp_path
    )
    assert asked == [{"peak": 0.05, "steps": 3 * 4, "momentum": 0.8, "weight_decay": 0.01}]
    assert smoothing == {0.1}
    # Four steps, the probe and the validation of each of three epochs.
    steps = [now for start in (0, 6, 12) for now in progress[start : start + 4]]
    assert steps == pytest.approx([step / 12 for step in range(12)])
    assert torch.are_deterministic_algorithms_enabled()


def test_numbers_that_only_inference_finds_infinite_are_a_divergence(tmp_path, monkeypatch):
    trainer = Trainer(tiny_dataset(), REGISTRY["soft_cgt"](), 1, SETTINGS, tmp_path / "c.pt")
    run_epoch = trainer._run_epoch

    def blow_up(network, *rest):
        found = run_epoch(network, *rest)
        with torch.no_grad():
            network.heads[1][-1].weight.fill_(3e38)
        return found

    monkeypatch.setattr(trainer, "_run_epoch", blow_up)
    with pytest.raises(DivergedError, match=r"diverged at epoch 1.*NaN or infinity in the probed"):
        trainer.run()


def test_another_job_never_resumes_from_a_checkpoint(tmp_path):
    paths = {
        checkpoint_path(tmp_path, one.identity("digest"))
        for one in (job(), job(seed=2), job(hyperparameters={"tau": 0.8}))
    }
    assert len(paths) == 3
    assert checkpoint_path(tmp_path, job(prepared=Path("elsewhere")).identity("digest")) in paths
    assert checkpoint_path(tmp_path, job().identity("other data")) not in paths


def test_a_checkpoint_is_read_back(tmp_path):
    path = tmp_path / "c.pt"
    assert load_checkpoint(path) is None
    save_checkpoint(path, {"done": 1, "tensor": torch.arange(3)})
    assert load_checkpoint(path)["tensor"].tolist() == [0, 1, 2]


def augmented(image, kind, times):
    x = image.repeat(times, 1, 1, 1).contiguous(memory_format=torch.channels_last)
    return Augmenter(x, kind).batch(torch.arange(times), torch.Generator().manual_seed(0))


def test_flip_mirrors_about_half_of_the_images():
    x = torch.arange(2 * 2 * 3, dtype=torch.float32).reshape(1, 2, 2, 3)
    flipped = augmented(x, "mirror", 1000)
    mirrored = (flipped == x.flip(3)).flatten(1).all(dim=1)
    untouched = (flipped == x).flatten(1).all(dim=1)
    assert (mirrored ^ untouched).all()
    assert 400 < mirrored.sum() < 600


def test_dihedral_gives_all_eight_forms_and_keeps_the_centre():
    x = torch.arange(9, dtype=torch.float32).reshape(1, 1, 3, 3)
    forms = augmented(x, "dihedral", 800)
    assert (forms[:, 0, 1, 1] == 4).all()
    counts = torch.unique(forms.flatten(1), dim=0, return_counts=True)[1]
    assert len(counts) == 8
    assert counts.min() > 60


def test_only_squares_can_be_turned():
    with pytest.raises(ValueError, match="2 × 3; only square"):
        dihedral_forms(2, 3)


def test_seeds_depend_on_every_part():
    from cgt.records.seeding import derive_seed

    seeds = {
        derive_seed(*parts) for parts in [("a", 1, "x"), ("a", 2, "x"), ("b", 1, "x"), ("a", 1)]
    }
    assert len(seeds) == 4
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_importing_the_package_does_not_import_torch():
    code = "import sys, cgt, json; print(json.dumps('torch' in sys.modules)); cgt.route"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) is False


def test_an_unknown_name_says_what_the_package_offers():
    import cgt

    with pytest.raises(AttributeError, match=r"no attribute 'rout'; it offers .*'route'"):
        cgt.rout  # noqa: B018
    assert set(cgt.__all__) <= set(dir(cgt))
