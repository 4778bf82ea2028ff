import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

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


# What torch's cross-entropy takes.

ALL = [JointLoss, HardCGTLoss, SoftCGTLoss]


def dense_batch(exits=3, batch=2, classes=5, inside=(4, 3)):
    generator = torch.Generator().manual_seed(exits)
    logits = [3 * torch.randn(batch, classes, *inside, generator=generator) for _ in range(exits)]
    return logits, torch.randint(classes, (batch, *inside), generator=generator)


def flattened(logits, targets):
    """Each position a sample of its own."""
    rows = [of.movedim(1, -1).reshape(-1, of.shape[1]) for of in logits]
    soft = targets.is_floating_point()
    return rows, targets.movedim(1, -1).reshape(-1, targets.shape[1]) if soft else targets.flatten()


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("inside", [(7,), (4, 3), (2, 3, 2)])
def test_dense_logits_are_positions_one_by_one(kind, inside):
    logits, targets = dense_batch(inside=inside)
    targets[0, 0] = -100
    rows, classes = flattened(logits, targets)
    loss = kind(label_smoothing=0.1)
    dense, flat = (
        loss.terms(logits, targets, [1, 0.5, 0.2]),
        loss.terms(rows, classes, [1, 0.5, 0.2]),
    )
    for found, expected in zip(dense[:3], flat[:3], strict=True):
        assert found.shape == (2, *inside, 3)
        torch.testing.assert_close(found.flatten(0, -2), expected)
    torch.testing.assert_close(dense.total(), flat.total())
    torch.testing.assert_close(dense.means(), flat.means())
    torch.testing.assert_close(loss(logits, targets, [1, 0.5, 0.2]), dense.total())


@pytest.mark.parametrize("kind", ALL)
def test_more_logits_than_are_joined_give_the_same(kind, monkeypatch):
    logits, targets = dense_batch()
    targets[1, 2] = -100
    joined = kind(weight=[1, 2, 3, 4, 5.0]).terms(logits, targets)
    monkeypatch.setattr("cgt.nn.cross_entropy.SMALL", 0)
    one_by_one = kind(weight=[1, 2, 3, 4, 5.0]).terms(logits, targets)
    for found, expected in zip(one_by_one, joined, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("exits", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("kind", ALL)
def test_a_loss_has_the_bits_of_its_terms(kind, exits):
    logits, targets = random_batch(exits, batch=13)
    loss = kind(validate="shapes")
    assert loss(logits, targets) == loss.terms(logits, targets).total()
    terms = loss.terms(logits, targets)
    assert terms.total() == (terms.weights * terms.losses).sum(dim=1).mean()
    assert kind()(logits, targets) == loss(logits, targets)


WEIGHT = torch.tensor([0.5, 1.0, 0.0, 2.0])


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("validate", ["full", "shapes", "none"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ignore_index": 1},
        {"weight": WEIGHT},
        {"weight": WEIGHT, "ignore_index": 0, "label_smoothing": 0.2},
    ],
)
def test_one_exit_is_torchs_cross_entropy(kind, reduction, validate, settings):
    logits, targets = random_batch(1, batch=12)
    assert {0, 1} < set(targets.tolist())
    for aims in (targets, torch.rand(12, 4).softmax(1)):
        if aims.is_floating_point() and "ignore_index" in settings:
            continue  # torch refuses it
        ours, theirs = (x.clone().requires_grad_() for x in (logits[0], logits[0]))
        found = kind(**settings, reduction=reduction, validate=validate)([ours], aims)
        expected = F.cross_entropy(theirs, aims, **settings, reduction=reduction)
        torch.testing.assert_close(found, expected)
        found.sum().backward()
        expected.sum().backward()
        torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("kind", ALL)
def test_what_is_ignored_might_as_well_not_be_there(kind):
    logits, targets = random_batch(3, batch=8)
    ignored = targets.clone()
    ignored[[1, 6]] = -100
    kept = ignored >= 0
    fewer = kind().terms([of[kept] for of in logits], targets[kept], [1.0, 0.5, 0.3])
    for validate in ("full", "shapes"):
        loss = kind(validate=validate)
        terms = loss.terms(logits, ignored, [1.0, 0.5, 0.3])
        torch.testing.assert_close(terms.total(), fewer.total())
        torch.testing.assert_close(terms.means(), fewer.means())
        torch.testing.assert_close(terms.weights[kept], fewer.weights)
        assert (terms.losses[~kept] == 0).all()
        everyone = torch.ones(8, 3)
        torch.testing.assert_close(terms.means(everyone), fewer.means(everyone[kept]))
        each = kind(validate=validate, reduction="none")(logits, ignored)
        assert each.shape == (8,) and (each[~kept] == 0).all()
        assert kind(validate=validate)(logits, torch.full_like(ignored, -100)).isnan()


def test_means_weigh_samples_by_their_class():
    """By hand: class weights 1 and 3; eligibility 0.1 and 0.4 at exit 2."""
    loss = SoftCGTLoss(leak=0.0, normalize=False, gate="residual", weight=[1.0, 3.0])
    logits = [logits_of([0.9, 0.1], [0.6, 0.4]), logits_of([0.5, 0.5], [0.5, 0.5])]
    found = loss.terms(logits, torch.tensor([0, 1])).means()
    expected = [
        [-(math.log(0.9) + 3 * math.log(0.4)) / 4, math.log(2)],
        [1.0, (0.1 + 3 * 0.6) / 4],
        [1.0, (0.1 + 3 * 0.6) / 4],
    ]
    torch.testing.assert_close(found, torch.tensor(expected))


@pytest.mark.parametrize("kind", ALL)
def test_soft_targets_that_are_sure_are_classes(kind):
    logits, targets = dense_batch()
    soft = F.one_hot(targets, 5).movedim(-1, 1).float()
    for found, expected in zip(
        kind().terms(logits, soft)[:3], kind().terms(logits, targets)[:3], strict=True
    ):
        torch.testing.assert_close(found, expected)
    for found, expected in zip(
        kind().terms(logits, soft)[:3], kind().terms(*flattened(logits, soft))[:3], strict=True
    ):
        torch.testing.assert_close(found.flatten(0, -2), expected)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("soft", [False, True])
def test_a_masked_class_might_as_well_not_be_there(kind, soft):
    """Values and gradients are those of the other classes; the masked one gets no gradient."""
    logits, _ = random_batch(3)
    targets = torch.tensor([0, 1, 2, 2, 1, 0])
    fewer = [of[:, :3].clone().requires_grad_() for of in logits]
    masked = [of.clone() for of in logits]
    for of in masked:
        of[:, 3] = -math.inf
        of.requires_grad_()
    aims = F.one_hot(targets, 4).float() * 0.7 + torch.tensor([0.1, 0.1, 0.1, 0.0])
    loss = kind()
    found = loss(masked, aims if soft else targets)
    expected = loss(fewer, aims[:, :3] if soft else targets)
    torch.testing.assert_close(found, expected)
    found.backward()
    expected.backward()
    for one, other in zip(masked, fewer, strict=True):
        torch.testing.assert_close(one.grad[:, :3], other.grad)
        assert (one.grad[:, 3] == 0).all()
    assert loss.terms(masked, targets).total().isfinite()


@pytest.mark.parametrize("kind", ALL)
def test_values_that_give_no_softmax_or_no_loss_are_named(kind):
    logits, targets = random_batch(2)
    targets[4] = 3
    masked = [of.clone() for of in logits]
    masked[1][4, 3] = -math.inf
    with pytest.raises(ValueError, match=r"loss of exit 2 is infinite in sample 4.*is the target"):
        kind()(masked, targets)
    with pytest.raises(ValueError, match=r"label_smoothing must be 0 with masked classes"):
        kind(label_smoothing=0.1)(masked, targets - targets)
    for value in (math.nan, math.inf):
        wrong = [of.clone() for of in logits]
        wrong[1][2, 1] = value
        with pytest.raises(ValueError, match="logits of exit 2 hold NaN or infinity in sample 2"):
            kind()(wrong, targets)
        ignored = targets.clone()
        ignored[2] = -100  # its gradient would still be NaN
        with pytest.raises(ValueError, match="logits of exit 2 hold NaN or infinity in sample 2"):
            kind()(wrong, ignored)
    masked[0][3] = -math.inf
    with pytest.raises(ValueError, match="logits of exit 1 hold NaN or infinity in sample 3"):
        kind()(masked, targets)
    dense, classes = dense_batch()
    dense[2][1, 0, 3, 2] = math.nan
    with pytest.raises(ValueError, match=r"exit 3 hold NaN or infinity in sample 1 at \[3, 2\]"):
        kind()(dense, classes)
    assert kind(validate="shapes")(dense, classes).isnan()


def test_large_losses_are_not_infinite():
    logits = [torch.tensor([[0.0, 3e38], [0.0, 3e38]])]
    assert JointLoss(reduction="none")(logits, torch.tensor([0, 0])).isfinite().all()


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    "dtype", [torch.int32, torch.uint8, torch.int16, torch.int8, torch.int64], ids=str
)
def test_classes_are_integers_of_any_kind(kind, dtype):
    logits, targets = random_batch(3)
    assert kind()(logits, targets.to(dtype)) == kind()(logits, targets)


def test_255_is_often_what_is_ignored_in_images():
    logits, targets = dense_batch()
    targets[0, 0] = 255
    images = SoftCGTLoss(ignore_index=255)(logits, targets.to(torch.uint8))
    targets[0, 0] = -100
    torch.testing.assert_close(images, SoftCGTLoss()(logits, targets))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("validate", ["full", "shapes", "none"])
def test_of_nothing_the_sum_is_zero_and_the_mean_is_not_a_number(kind, validate):
    logits, targets = [torch.zeros(0, 4, requires_grad=True)] * 3, torch.zeros(0, dtype=torch.long)
    total = kind(reduction="sum", validate=validate)(logits, targets)
    assert total == 0
    total.backward()
    assert kind(reduction="none", validate=validate)(logits, targets).shape == (0,)
    loss = kind(validate=validate)
    assert loss(logits, targets).isnan() and loss.terms(logits, targets).total().isnan()
    assert loss.terms(logits, targets).losses.shape == (0, 3)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_other_precisions_stay(kind, dtype):
    logits, targets = random_batch(3)
    of_dtype = [of.to(dtype) for of in logits]
    for validate in ("full", "shapes"):
        loss = kind(validate=validate, weight=WEIGHT + 1)
        found = loss(of_dtype, targets)
        assert found.dtype == dtype
        torch.testing.assert_close(found.float(), loss(logits, targets), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("validate", ["full", "shapes"])
@pytest.mark.parametrize(
    ("logits", "targets", "message"),
    [
        ([np.zeros((2, 3))], CLASSES, "logits of exit 1 are a ndarray; a floating-point tensor"),
        (np.zeros((1, 2, 3)), CLASSES, "non-empty sequence .* this one is a ndarray"),
        ({"exit 1": GOOD}, CLASSES, "non-empty sequence .* this one is a dict"),
        ([(GOOD, GOOD)], CLASSES, "logits of exit 1 are a tuple"),
        ([GOOD, [[0.0, 1.0, 2.0]] * 2], CLASSES, "logits of exit 2 are a list"),
        ([GOOD.long()], CLASSES, r"logits of exit 1 are a tensor of torch\.int64"),
        ([GOOD * 1j], CLASSES, r"logits of exit 1 are a tensor of torch\.complex64"),
        ([GOOD[:, :1]], CLASSES, r"exit 1 have shape \[2, 1\]; .* with C >= 2 is needed"),
        ([GOOD], [0, 2], "targets are a list; a tensor is needed"),
        ([GOOD], CLASSES.numpy(), "targets are a ndarray"),
        ([GOOD], CLASSES > 0, r"targets have dtype torch\.bool; an integer type is needed"),
        ([GOOD], CLASSES * 1j, r"targets have dtype torch\.complex64"),
        ([GOOD], CLASSES.float(), r"probabilities .* shape \[2\]; that of the logits, \[2, 3\]"),
        ([GOOD], torch.zeros(2, 3).long(), r"targets have shape \[2, 3\]; \[2\] is needed"),
        ([GOOD[..., None]], CLASSES, r"targets have shape \[2\]; \[2, 1\] is needed"),
    ],
)
def test_wrong_types_are_refused(kind, validate, logits, targets, message):
    with pytest.raises(ValueError, match=message):
        kind(validate=validate)(logits, targets)


@pytest.mark.parametrize("kind", ALL)
def test_wrong_settings_and_values_of_what_torch_takes(kind):
    for weight in ([1.0, -1.0], [0.0, 0.0], [math.nan, 1.0], 1.0, "ab", [[1.0, 1.0]]):
        with pytest.raises(ValueError, match=r"weight is .*; it must be a number for each class"):
            kind(weight=weight)
    with pytest.raises(ValueError, match="reduction is 'avg'; it must be one of mean, sum, none"):
        kind(reduction="avg")
    with pytest.raises(ValueError, match=r"ignore_index is 1\.5; it must be a whole number"):
        kind(ignore_index=1.5)
    with pytest.raises(ValueError, match="weight has 2 classes and the logits have 3"):
        kind(weight=[1, 2])([GOOD], CLASSES)
    with pytest.raises(ValueError, match="class 7; classes run from 0 to 2, and 255 is ignored"):
        kind(ignore_index=255)([GOOD], torch.tensor([255, 7]))
    for wrong in (GOOD, GOOD + 1, GOOD * math.nan, torch.tensor([[2.0, -1.0, 0.0]] * 2)):
        with pytest.raises(ValueError, match="probabilities and some of them are negative, NaN"):
            kind()([GOOD], wrong)
    with pytest.raises(ValueError, match="exit_weights are 'ab'; a number for each of 1 exits"):
        kind()([GOOD], CLASSES, "ab")


@pytest.mark.parametrize("kind", LOSSES)
def test_wrong_gate_logits_and_inclusion(kind):
    logits, targets = random_batch(2)
    nan = [of * math.nan for of in logits]
    with pytest.raises(ValueError, match="gate_logits of exit 1 hold NaN or infinity"):
        kind().terms(logits, targets, gate_logits=nan)
    kind(validate="shapes").terms(logits, targets, gate_logits=nan)  # nobody looks
    with pytest.raises(ValueError, match=r"inclusion has shape \[6\]; \[6, 2\] is needed"):
        kind(validate="shapes").terms(logits, targets, inclusion=torch.ones(6))
    dense, classes = dense_batch(exits=2)
    terms = kind().terms(dense, classes, inclusion=torch.full((2, 4, 3, 2), 0.5))
    assert terms.weights.shape == (2, 4, 3, 2)


def test_class_weights_move_with_the_module():
    loss = HardCGTLoss(weight=[1, 2, 3])
    assert loss.state_dict()["weight"].tolist() == [1.0, 2.0, 3.0]
    assert loss.double().weight.dtype == torch.float64
    assert HardCGTLoss().state_dict() == {}


WAITS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal"}
"""Operations whose answer the program needs before it can go on."""


class CountWaits(TorchDispatchMode):
    """How often a GPU would have to be waited for."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.count += operation._schema.name in WAITS
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", ALL)
def test_without_a_look_at_values_no_device_waits(kind):
    (logits, targets), lambdas = random_batch(3), torch.ones(3)
    gated = {} if kind is JointLoss else {"gate_logits": logits}
    counts = {}
    for validate in ("full", "shapes", "none"):
        loss = kind(validate=validate, weight=WEIGHT)
        with CountWaits() as waits:
            for aims in (targets, targets.int(), logits[0].softmax(dim=1)):
                loss([of.clone().requires_grad_() for of in logits], aims, lambdas).backward()
                loss.terms(logits, aims, [1.0, 0.5, 0.0], **gated).means()
        counts[validate] = waits.count
    assert counts["shapes"] == counts["none"] == 0 < counts["full"]


def test_graphs_do_not_break():
    """Slow: dynamo traces; without code generation, which finds no further breaks."""
    logits, targets = random_batch(3)
    for loss in (JointLoss(validate="shapes"), SoftCGTLoss(validate="none", weight=WEIGHT)):
        leaves = [of.clone().requires_grad_() for of in logits]
        compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
        found = compiled(leaves, targets, [1.0, 0.5, 0.2])
        torch.testing.assert_close(found, loss(logits, targets, [1.0, 0.5, 0.2]))
        found.backward()
    hard = torch.compile(HardCGTLoss(validate="shapes"), fullgraph=True, backend="eager")
    soft = logits[0].softmax(dim=1)
    torch.testing.assert_close(hard(logits, soft), HardCGTLoss()(logits, soft))
