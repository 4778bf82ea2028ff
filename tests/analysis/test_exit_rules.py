from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic import make_reference

from cgt.analysis.exit_rules import rule_areas
from cgt.analysis.gains import gains
from cgt.operate.confidences import fit_temperature, max_softmax
from cgt.records.predictions import Predictions, SplitPredictions

MACS = np.array([200, 550, 1000])
REFERENCE = make_reference()


def make_binary(seed, samples=300):
    """Two classes, three exits that get better."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 2, samples)
    signal = np.where(target == 1, 1.0, -1.0) * np.array([[0.7], [1.1], [1.5]])
    half = signal + rng.normal(0, 1, signal.shape)
    logits = np.stack([-half, half], axis=2).astype(np.float32)
    return SplitPredictions(
        logits.argmax(axis=2), max_softmax(logits), target, np.arange(samples), logits
    )


def areas(predictions):
    temperatures = fit_temperature(predictions.val.logits, predictions.val.target)
    rows = rule_areas(predictions, temperatures, REFERENCE)
    return {row["exit_rule"]: row["mean_budget_accuracy"] for row in rows}


def test_no_rule_looks_at_test_labels_to_choose():
    predictions = Predictions(make_binary(0), make_binary(1), MACS)
    # With the other of two classes true, every right answer is wrong and the reverse: if the same
    # thresholds are used, accuracies add up to 1.
    flipped = replace(predictions.test, target=1 - predictions.test.target)
    before, after = areas(predictions), areas(replace(predictions, test=flipped))
    assert list(before) == ["shared", "per_exit", "entropy", "margin", "temperature"]
    assert {rule: before[rule] + after[rule] for rule in before} == pytest.approx(
        dict.fromkeys(before, 1.0)
    )
    assert min(before.values()) > 0.7


def test_of_two_classes_all_confidences_rank_alike():
    # Each is an increasing function of the other, so one exit's samples leave in the same order.
    # With one early exit the rules can differ only by the fineness of the grid.
    splits = [
        SplitPredictions(s.prediction[1:], s.confidence[1:], s.target, s.index, s.logits[1:])
        for s in (make_binary(0, 2000), make_binary(1, 2000))
    ]
    found = areas(Predictions(*splits, MACS[1:]))
    assert max(found.values()) - min(found.values()) < 0.005
    assert found["shared"] == found["per_exit"]


def test_gains_are_paired_by_seed():
    rows = [
        ("d", "m", seed, rule, area)
        for seed, usual in ((1, 0.8), (2, 0.9))
        for rule, area in (("shared", usual), ("margin", usual + 0.01 * seed))
    ]
    table = gains(
        pd.DataFrame(
            rows, columns=["dataset", "method", "seed", "exit_rule", "mean_budget_accuracy"]
        )
    )
    assert len(table) == 1
    row = table.iloc[0]
    assert (row["exit_rule"], row["n"]) == ("margin", 2)
    # Differences .01 and .02; the t quantile for n = 2 is 12.706, the standard error .005.
    assert row["mean"] == pytest.approx(0.015)
    assert row["ci_high"] == pytest.approx(0.015 + 12.7062 * 0.005, rel=1e-4)
