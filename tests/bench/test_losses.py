"""The losses' cost is measured beside the plain sum of cross-entropies."""

import torch

from cgt import JointLoss
from cgt.bench.losses import SIZES, Size, batch, plain, table

TINY = Size(samples=8, classes=3, exits=2, times=1)


def test_every_loss_is_measured_with_and_without_a_look_at_values():
    rows = list(table([TINY], rounds=2))
    found = {(row["loss"], row["validate"]) for row in rows}
    assert found == {(k, v) for k in ("joint", "hard", "soft") for v in ("full", "shapes")}
    assert len(rows) == 6
    for row in rows:
        assert (row["samples"], row["classes"], row["exits"]) == (8, 3, 2)
        assert row["microseconds"] > 0
        assert 0 < row["relative_time_low"] <= row["relative_time"] <= row["relative_time_high"]


def test_the_goals_are_set_for_these_sizes():
    assert [size[:3] for size in SIZES] == [(128, 10, 3), (512, 1000, 4)]


def test_the_plain_sum_is_joint_training():
    logits, targets = batch(TINY)
    torch.testing.assert_close(plain(logits, targets), JointLoss()(logits, targets))
