"""Gradients by stage and pair of exits: which rows belong together."""

import pandas as pd
import pytest

from cgt.records.csv_schema import check

RUN = {"dataset": "toy", "method": "mine", "seed": 1, "epoch": 1, "norm": 0.5}


def table(*rows):
    named = ("stage", "exit", "other")
    return pd.DataFrame(
        [
            {**RUN, **dict(zip(named, row, strict=True)), "cosine": float(row[1] == row[2])}
            for row in rows
        ],
        columns=["dataset", "method", "seed", "epoch", *named, "norm", "cosine"],
    )


JOINT = [(1, 1, 1), (1, 1, 2), (1, 2, 2), (2, 2, 2)]


def test_all_exits_of_joint_training():
    check(table(*JOINT), "gradients", "here")


def test_a_loss_behind_a_frozen_stage_reaches_the_stages_before():
    """As where an exit is added and deeper ones are to keep their answers."""
    check(table(*JOINT[:3]), "gradients", "here")


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_lost_pair_is_found(lost):
    left = [row for number, row in enumerate(JOINT) if number != lost]
    with pytest.raises(ValueError, match="a row of another stage or exit is missing"):
        check(table(*left), "gradients", "here")
