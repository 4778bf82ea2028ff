"""Cascade, frozen trunk and ensembles of ZTW, against the formulas written out here."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from tiny import tiny_dataset, tiny_settings
from torch import nn

from cgt.methods import REGISTRY
from cgt.methods.base import Moment
from cgt.nn.cost import cumulative_macs
from cgt.nn.network import EarlyExitNetwork
from cgt.records.predictions import load_predictions
from cgt.training.loop import Trainer

ZTW = REGISTRY["zero_time_waste"]
CLASSES = 3
X = torch.randn(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
Y = torch.tensor([0, 1, 2, 2, 1, 0, 1])


def small(exits=3):
    """Linear stages and heads, and a cascade that is not zero; double precision."""
    torch.manual_seed(5)
    stages = [nn.Sequential(nn.Linear(2, 2), nn.Tanh()) for _ in range(exits)]
    backbone = EarlyExitNetwork(stages, [nn.Linear(2, CLASSES) for _ in range(exits)])
    backbone.num_classes = CLASSES
    network = ZTW().network(backbone).double()
    for cascade in network.cascade:
        nn.init.normal_(cascade.weight)
    return network


def heads_by_hand(network, x):
    """Logits of the heads, by the formula."""
    found = []
    for exit, (stage, head) in enumerate(zip(network.stages, network.heads, strict=True)):
        x = stage(x)
        logits = x @ head.weight.T + head.bias
        if 0 < exit < network.num_exits - 1:
            before = found[-1].detach()
            centred = before - before.mean(dim=1, keepdim=True)
            spread = (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
            logits = logits + (centred / spread) @ network.cascade[exit - 1].weight.T
        found.append(logits)
    return found


def trainer_of(folder, **changes):
    settings = tiny_settings(**{"epochs": 4, **changes})
    return Trainer(tiny_dataset(), ZTW(), 1, settings, folder / "checkpoint.pt")


@pytest.mark.parametrize("exits", [2, 3, 6])
def test_before_the_fit_an_exit_answers_as_its_head(exits):
    network = small(exits)
    for found, head in zip(network(X), heads_by_hand(network, X), strict=True):
        torch.testing.assert_close(found.softmax(dim=1), head.softmax(dim=1))


def test_a_cascade_is_a_head_that_takes_earlier_logits_besides_its_features():
    network = small()
    features = network.stages[1](network.stages[0](X))
    before = F.layer_norm(heads_by_hand(network, X)[0], [CLASSES])
    joined = torch.cat([network.heads[1].weight, network.cascade[0].weight], dim=1)
    expected = torch.cat([features, before], dim=1) @ joined.T + network.heads[1].bias
    torch.testing.assert_close(network(X)[1].softmax(dim=1), expected.softmax(dim=1))


def test_a_cascade_adds_nothing_at_first(tmp_path):
    network = trainer_of(tmp_path).network.eval()
    x = torch.randn(5, 4, 5, 5)
    plain = [
        head(step.features) for step, head in zip(network.steps(x), network.heads, strict=True)
    ]
    for found, head in zip(network(x), plain, strict=True):
        torch.testing.assert_close(found.softmax(dim=1), head.softmax(dim=1))


@pytest.mark.parametrize("phase", [0, 1])
def test_gradients_of_a_step_are_those_of_the_phases_loss(phase):
    network, reference = small(), small()
    method = ZTW()
    found = method.forward(network, X, Y, Moment(0.0, phase))
    method.terms(found, Y, Moment(0.0, phase)).total().backward()
    heads = heads_by_hand(reference, X)
    counted = heads[-1:] if phase == 0 else heads[:-1]
    sum(F.cross_entropy(logits, Y) for logits in counted).backward()
    for (name, ours), theirs in zip(
        network.named_parameters(), reference.parameters(), strict=True
    ):
        expected = torch.zeros_like(theirs) if theirs.grad is None else theirs.grad
        torch.testing.assert_close(ours.grad, expected, rtol=1e-9, atol=1e-12, msg=name)


def test_no_gradient_goes_back_through_the_cascade():
    network = small()
    F.cross_entropy(network(X)[1], Y).backward()
    assert network.cascade[0].weight.grad.abs().min() > 0
    assert network.heads[0].weight.grad is None or not network.heads[0].weight.grad.any()


def test_label_smoothing_reaches_the_heads():
    network, method = small(), ZTW()
    method.label_smoothing = 0.2
    terms = method.terms(method.forward(network, X, Y, Moment(1.0, 1)), Y, Moment(1.0, 1))
    expected = sum(
        F.cross_entropy(logits, Y, label_smoothing=0.2) for logits in heads_by_hand(network, X)[:-1]
    )
    torch.testing.assert_close(terms.total(), expected)


def test_each_phase_leaves_the_others_parts_alone(tmp_path):
    trainer = trainer_of(tmp_path)
    moved = []
    for number, phase in enumerate(trainer.phases):
        before = copy.deepcopy(trainer.network.state_dict())
        trainer._run_phase(number, phase, None)
        after = trainer.network.state_dict()
        moved.append({name for name in before if not torch.equal(before[name], after[name])})
    names = set(trainer.network.state_dict())
    early = {name for name in names if name.startswith(("heads.0", "heads.1", "cascade"))}
    fitted = {name for name in names if name.startswith("ensembles")}
    # Means and variances of batch norms are among the names.
    assert any("running_mean" in name for name in moved[0])
    assert moved == [names - early - fitted, early]


def ensemble_by_hand(heads, weight, bias):
    """q of the formula, from log-probabilities of the heads and exp(w) / e."""
    return (sum(w * head for w, head in zip(weight, heads, strict=True)) + bias).softmax(dim=1)


def test_the_fitted_answer_is_the_weighted_product_of_the_heads():
    network = small()
    for exit, ensemble in enumerate(network.ensembles):
        ensemble.weight.copy_(torch.linspace(0.3, 1.1, exit + 1).unsqueeze(0))
        ensemble.bias.copy_(torch.tensor([0.2, -0.1, 0.4]))
    found, heads = network(X), [z.log_softmax(dim=1) for z in heads_by_hand(network, X)]
    for exit, weight in enumerate([[0.3], [0.3, 1.1]]):
        expected = ensemble_by_hand(heads[: exit + 1], weight, torch.tensor([0.2, -0.1, 0.4]))
        torch.testing.assert_close(found[exit].softmax(dim=1), expected)
    torch.testing.assert_close(found[2].softmax(dim=1), heads[2].exp())  # the last has none


def test_ensembles_are_fitted_to_the_optimum_of_the_formula():
    generator = torch.Generator().manual_seed(1)
    targets = torch.randint(CLASSES, (60,), generator=generator)
    signal = F.one_hot(targets, CLASSES).double()
    heads = [
        (strength * signal + torch.randn(60, CLASSES, generator=generator)).log_softmax(dim=1)
        for strength in (0.5, 1.0)
    ]
    ensemble = small().ensembles[1]
    ensemble.fit(torch.stack(heads, dim=2), targets)

    known, y = [head.numpy() for head in heads], targets.numpy()

    def objective(point):
        w, b = point[:2], point[2:]
        scores = sum(np.exp(wi) * head for wi, head in zip(w, known, strict=True)) / 2 + b
        log_q = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return -log_q[np.arange(60), y].mean() + (point**2).sum() / (2 * 60)

    best = minimize(objective, np.zeros(5), method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(ensemble.weight[0], np.exp(best.x[:2]) / 2, rtol=1e-4)
    np.testing.assert_allclose(ensemble.bias, best.x[2:], atol=1e-4)


def test_separable_samples_leave_the_fit_finite():
    sure = torch.full((9, CLASSES, 1), -8.0)
    targets = torch.arange(9) % CLASSES
    sure[torch.arange(9), targets] = -1e-3
    ensemble = copy.deepcopy(small().ensembles[0])
    ensemble.fit(sure, targets)
    assert ensemble.weight.isfinite().all() and ensemble.weight.item() < 100


def test_ensembles_know_the_withheld_samples_alone(tmp_path, monkeypatch):
    """Neither what heads were trained on nor validation nor test has a say."""
    trainer = trainer_of(tmp_path)
    fitted = []
    kind = type(trainer.network.ensembles[0])
    monkeypatch.setattr(kind, "fit", lambda self, known, y: fitted.append((known, y)))
    trainer.run()
    held, trained = set(trainer.withheld.tolist()), set(trainer.trained.tolist())
    assert len(held) == 12 and not held & trained
    network, x = trainer.network.eval(), trainer.train_x[trainer.withheld]
    with torch.no_grad():
        expected = [logits.log_softmax(dim=1) for logits in network(x)]
    assert len(fitted) == trainer.network.num_exits - 1
    for exit, (known, y) in enumerate(fitted):
        torch.testing.assert_close(known, torch.stack(expected[: exit + 1], dim=2))
        assert torch.equal(y, trainer.train_y[trainer.withheld])


def test_after_training_every_ensemble_is_fitted(tmp_path):
    trainer = trainer_of(tmp_path)
    trainer.run()
    for ensemble in trainer.network.ensembles:
        assert not torch.equal(ensemble.weight, torch.eye(ensemble.weight.shape[1])[-1:])
        assert ensemble.bias.abs().max() > 0


def test_a_run_that_was_stopped_before_the_fit_ends_alike(tmp_path, monkeypatch):
    whole = trainer_of(tmp_path / "whole")
    whole.run()
    whole.write(tmp_path / "whole")

    class Stopped(Exception):
        """A training job is killed."""

    def stop(self, start):
        raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(ZTW, "finish", stop)
        trainer_of(tmp_path / "again").run()
    again = trainer_of(tmp_path / "again")
    again.run()
    again.write(tmp_path / "again")
    one, other = (load_predictions(tmp_path / of / "predictions.npz") for of in ("whole", "again"))
    assert np.array_equal(one.test.logits, other.test.logits)


def test_cascade_and_ensembles_cost(tmp_path):
    network = trainer_of(tmp_path).network
    plain = EarlyExitNetwork(list(network.stages), list(network.heads))
    more = np.subtract(cumulative_macs(network, (4, 5, 5)), cumulative_macs(plain, (4, 5, 5)))
    # C = 3: the ensemble of one head; cascade and the ensemble of two; nothing at the last exit.
    assert more.tolist() == [3, 3 + 9 + 6, 3 + 9 + 6]


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(ValueError, match="trunk_share is 1; it must lie between 0 and 1"):
        ZTW(trunk_share=1)
    with pytest.raises(ValueError, match="withhold is 0; it must lie between 0 and 1"):
        ZTW(withhold=0)
    with pytest.raises(ValueError, match=r"needs the length .* set network\.num_classes"):
        ZTW().network(EarlyExitNetwork([nn.Identity()], [nn.Linear(2, 2)]))
    trainer = Trainer(tiny_dataset(), ZTW(withhold=1e-3), 1, tiny_settings(epochs=2), tmp_path)
    with pytest.raises(ValueError, match=r"withhold is 0\.001 and leaves no training sample"):
        trainer.method.finish(trainer._start(trainer.network))
