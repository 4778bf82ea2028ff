import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cgt import HardCGTLoss, JointLoss, SoftCGTLoss

LOSSES = [HardCGTLoss, SoftCGTLoss]


def logits_of(*probabilities):
    """One exit's logits whose softmax is the given rows."""
    return torch.tensor(probabilities).log()


def random_batch(exits, batch=6, classes=4):
    generator = torch.Generator().manual_seed(exits)
    logits = [3 * torch.randn(batch, classes, generator=generator) for _ in range(exits)]
    return logits, torch.randint(classes, (batch,), generator=generator)


# Right and sure, right and unsure, wrong and sure at exit 1; exit 2 does not gate.
FIRST = logits_of([0.9, 0.1], [0.6, 0.4], [0.05, 0.95])
SECOND = logits_of([0.5, 0.5], [0.5, 0.5], [0.5, 0.5])
TARGETS = torch.tensor([0, 0, 0])


def test_joint_training_is_a_weighted_sum_of_mean_cross_entropies():
    logits, targets = random_batch(exits=3)
    losses = [F.cross_entropy(of, targets, label_smoothing=0.1) for of in logits]
    expected = losses[0] + 0.5 * losses[1] + 0.25 * losses[2]
    found = JointLoss(label_smoothing=0.1)(logits, targets, [1.0, 0.5, 0.25])
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(JointLoss(label_smoothing=0.1)(logits, targets), sum(losses))


def test_joint_training_is_cgt_whose_gates_stay_open():
    logits, targets = random_batch(exits=3)
    unsure = [0.01 * of for of in logits]
    hard = HardCGTLoss(tau=0.99, leak=0.0, normalize=False)
    torch.testing.assert_close(JointLoss()(unsure, targets), hard(unsure, targets))


def test_joint_training_refuses_what_does_not_fit():
    logits, targets = random_batch(exits=2)
    with pytest.raises(ValueError, match=r"exit_weights have shape \[3\]; \[2\] is needed"):
        JointLoss()(logits, targets, [1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="targets hold class 4; classes run from 0 to 3"):
        JointLoss()(logits, targets + 4 - targets)
    with pytest.raises(ValueError, match="logits of exit 2 hold NaN"):
        JointLoss()([logits[0], logits[1] * float("nan")], targets)
    with pytest.raises(ValueError, match="label_smoothing is 2"):
        JointLoss(label_smoothing=2)


def test_hard_weights_by_hand():
    loss = HardCGTLoss(tau=0.8, leak=0.1, normalize=False)
    weights = loss.weights([FIRST, SECOND], TARGETS, [1.0, 0.5])
    assert weights.flatten().tolist() == pytest.approx([1.1, 0.1, 1.1, 0.6, 1.1, 0.6])


def test_hard_weights_normalised_by_hand():
    weights = HardCGTLoss(tau=0.8, leak=0.1).weights([FIRST, SECOND], TARGETS, [1.0, 0.5])
    expected = [1.1 / 1.2, 0.1 / 1.2, 1.1 / 1.7, 0.6 / 1.7, 1.1 / 1.7, 0.6 / 1.7]
    assert weights.flatten().tolist() == pytest.approx(expected)


def test_soft_weights_by_hand():
    loss = SoftCGTLoss(tau=0.6, scale=10.0, leak=0.0, normalize=False)
    gates = [1 - 1 / (1 + math.exp(-10 * (p - 0.6))) for p in (0.9, 0.6, 0.05)]
    weights = loss.weights([FIRST, SECOND], TARGETS)
    assert weights[:, 0].tolist() == [1.0] * 3
    assert weights[:, 1].tolist() == pytest.approx(gates, abs=1e-6)


def test_soft_weights_with_the_plain_residual():
    loss = SoftCGTLoss(leak=0.0, normalize=False, gate="residual")
    assert loss.weights([FIRST, SECOND], TARGETS)[:, 1].tolist() == pytest.approx([0.1, 0.4, 0.95])


def test_hard_weights_without_labels_by_hand():
    """The third sample is wrong and sure: confidence alone closes the gate to it."""
    loss = HardCGTLoss(tau=0.8, leak=0.1, normalize=False, use_labels=False)
    weights = loss.weights([FIRST, SECOND], TARGETS, [1.0, 0.5])
    assert weights.flatten().tolist() == pytest.approx([1.1, 0.1, 1.1, 0.6, 1.1, 0.1])


def test_soft_weights_without_labels_by_hand():
    sigmoid = SoftCGTLoss(tau=0.6, scale=10.0, leak=0.0, normalize=False, use_labels=False)
    gates = [1 - 1 / (1 + math.exp(-10 * (p - 0.6))) for p in (0.9, 0.6, 0.95)]
    found = sigmoid.weights([FIRST, SECOND], TARGETS)[:, 1].tolist()
    assert found == pytest.approx(gates, abs=1e-6)
    residual = SoftCGTLoss(leak=0.0, normalize=False, gate="residual", use_labels=False)
    found = residual.weights([FIRST, SECOND], TARGETS)[:, 1].tolist()
    assert found == pytest.approx([0.1, 0.4, 0.05])


@pytest.mark.parametrize("kind", LOSSES)
def test_gates_look_at_their_own_logits_where_these_are_given(kind):
    """Weights are those of the gates' logits, losses those of the trained ones."""
    (logits, targets), (seen, _) = random_batch(3), random_batch(3)
    seen = [exit_logits.flip(0) for exit_logits in seen]
    terms = kind(tau=0.7).terms(logits, targets, gate_logits=seen)
    assert torch.equal(terms.weights, kind(tau=0.7).weights(seen, targets))
    assert torch.equal(terms.losses, kind().terms(logits, targets).losses)
    assert kind(tau=0.7)(logits, targets, gate_logits=seen) == terms.total()
    with pytest.raises(ValueError, match=r"gate_logits have shape \[2, 6, 4\].*\[3, 6, 4\]"):
        kind().terms(logits, targets, gate_logits=seen[:2])


def test_loss_by_hand():
    """Two samples at two exits: mean over the batch of Σ w · CE."""
    loss = HardCGTLoss(tau=0.8, leak=0.0, normalize=False)
    value = loss([FIRST[:2], SECOND[:2]], TARGETS[:2], [1.0, 0.5])
    solved = -math.log(0.9)
    unsolved = -math.log(0.6) - 0.5 * math.log(0.5)
    assert value.item() == pytest.approx((solved + unsolved) / 2, rel=1e-6)


@pytest.mark.parametrize(
    "loss", [HardCGTLoss(label_smoothing=0.1), SoftCGTLoss(label_smoothing=0.1)]
)
def test_value_and_gradient_match_the_published_formula(loss):
    """Written out anew, step by step, as the authors' code does it; float32 to 1e-6."""
    logits, targets = random_batch(3)
    ours = [x.clone().requires_grad_() for x in logits]
    loss(ours, targets, [1.0, 0.6, 0.2]).backward()

    theirs = [x.clone().requires_grad_() for x in logits]
    eligible, columns = torch.ones(len(targets)), []
    for weight, exit_logits in zip([1.0, 0.6, 0.2], theirs, strict=True):
        columns.append(weight * eligible + 1e-3)
        p = exit_logits.detach().softmax(1)
        p_true = p[torch.arange(len(targets)), targets]
        if isinstance(loss, HardCGTLoss):
            solved = (p.max(1).values >= 0.5) & (p.argmax(1) == targets)
            eligible = eligible * (1 - solved.float())
        else:
            eligible = eligible * (1 - torch.sigmoid((p_true - 0.9) * 1.0))
    rows = torch.stack(columns, 1)
    rows = rows / rows.sum(1, keepdim=True)
    total = sum(
        (rows[:, e] * F.cross_entropy(x, targets, reduction="none", label_smoothing=0.1)).mean()
        for e, x in enumerate(theirs)
    )
    total.backward()
    assert loss(logits, targets, [1.0, 0.6, 0.2]).item() == pytest.approx(total.item(), abs=1e-6)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", LOSSES)
def test_no_gradient_flows_through_the_weights(kind):
    """The gradient is that of the cross-entropies with the weights held constant."""
    logits, targets = random_batch(3)
    leaves = [x.clone().requires_grad_() for x in logits]
    weights = kind(tau=0.7).weights(leaves, targets)
    assert not weights.requires_grad
    kind(tau=0.7)(leaves, targets).backward()
    for e, leaf in enumerate(leaves):
        residual = leaf.detach().softmax(1) - F.one_hot(targets, 4)
        torch.testing.assert_close(leaf.grad, weights[:, e : e + 1] * residual / len(targets))


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("exits", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("batch", [1, 6])
def test_any_number_of_exits_and_a_batch_of_one(kind, exits, batch):
    logits, targets = random_batch(exits, batch)
    weights = kind().weights(logits, targets)
    assert weights.shape == (batch, exits)
    assert (weights > 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(batch))
    assert kind()(logits, targets).isfinite()


@pytest.mark.parametrize("kind", LOSSES)
def test_one_exit_is_plain_cross_entropy(kind):
    logits, targets = random_batch(1)
    assert kind()(logits, targets).item() == pytest.approx(
        F.cross_entropy(logits[0], targets).item(), rel=1e-6
    )


def test_a_sample_without_any_weight_stays_finite():
    """λ_1 = 0, no leak, solved at exit 1: nothing to normalise by."""
    loss = HardCGTLoss(tau=0.8, leak=0.0)
    weights = loss.weights([FIRST, SECOND], TARGETS, [0.0, 1.0])
    assert weights.tolist() == [[0.0, 0.0], [0.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tau": 1.5}, r"tau is 1\.5; it must be a number in \[0, 1\]"),
        ({"tau": -0.1}, r"tau is -0\.1"),
        ({"tau": math.nan}, "tau is nan"),
        ({"leak": -1.0}, r"leak is -1\.0; it must be a finite number >= 0"),
        ({"label_smoothing": 2.0}, "label_smoothing is 2"),
    ],
)
def test_bad_settings_are_refused(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)


def test_numbers_of_other_libraries_are_numbers():
    assert HardCGTLoss(tau=np.float32(0.5)).tau == 0.5


def test_bad_soft_settings_are_refused():
    with pytest.raises(ValueError, match="scale is inf"):
        SoftCGTLoss(scale=math.inf)
    with pytest.raises(ValueError, match="gate is 'hard'; it must be 'sigmoid' or 'residual'"):
        SoftCGTLoss(gate="hard")


GOOD = torch.zeros(2, 3)
CLASSES = torch.tensor([0, 2])


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize(
    ("logits", "targets", "exit_weights", "message"),
    [
        ([], CLASSES, None, "non-empty sequence"),
        (GOOD, CLASSES, None, "non-empty sequence"),
        ([torch.zeros(2)], CLASSES, None, r"exit 1 have shape \[2\]"),
        ([GOOD, torch.zeros(2, 4)], CLASSES, None, r"exit 2 have shape \[2, 4\].*\[2, 3\]"),
        ([GOOD, GOOD / 0], CLASSES, None, "exit 2 hold NaN or infinity"),
        ([GOOD], torch.tensor([0]), None, r"targets have shape \[1\]; \[2\] is needed"),
        ([GOOD], CLASSES.int(), None, r"torch\.int32; torch\.int64 is needed"),
        ([GOOD], torch.tensor([0, 3]), None, "class 3; classes run from 0 to 2"),
        ([GOOD], torch.tensor([-1, 0]), None, "class -1; classes run from 0 to 2"),
        ([GOOD], CLASSES, [1.0, 1.0], r"exit_weights have shape \[2\]; \[1\] is needed"),
        ([GOOD, GOOD], CLASSES, [1.0, -1.0], "finite, >= 0 and not all zero"),
        ([GOOD, GOOD], CLASSES, [0.0, 0.0], "not all zero"),
    ],
)
def test_bad_batches_are_refused(kind, logits, targets, exit_weights, message):
    with pytest.raises(ValueError, match=message):
        kind()(logits, targets, exit_weights)
    with pytest.raises(ValueError, match=message):
        kind().weights(logits, targets, exit_weights)
