import numpy as np
import pytest
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from cgt.analysis.metrics import class_scores, scores


def test_by_hand():
    # Class 0: 2 of 2 answers right, 2 of 3 found. Class 1: 1 of 2 right, 1 of 1 found.
    result = scores(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    assert result["accuracy"] == 0.75
    assert result["precision_macro"] == pytest.approx((1 + 1 / 2) / 2)
    assert result["recall_macro"] == pytest.approx((2 / 3 + 1) / 2)
    assert result["f1_macro"] == pytest.approx((4 / 5 + 2 / 3) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_scikit_learn_also_with_absent_classes(seed):
    rng = np.random.default_rng(seed)
    target = rng.choice([0, 2, 3, 7], 40)  # 1 and 9 never occur, but are answered
    answer = np.where(rng.random(40) < 0.5, target, rng.choice([0, 1, 2, 9], 40))
    precision, recall, f1, _ = precision_recall_fscore_support(
        target, answer, labels=np.unique(target), average="macro", zero_division=0
    )
    assert scores(target, answer) == pytest.approx(
        {
            "accuracy": accuracy_score(target, answer),
            "f1_macro": f1,
            "precision_macro": precision,
            "recall_macro": recall,
        },
        abs=1e-12,
    )


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    target = rng.choice([0, 2, 3, 7], 40)
    answer = np.where(rng.random(40) < 0.5, target, rng.choice([0, 1, 2, 9], 40))
    classes = np.unique(target)
    precision, recall, _, support = precision_recall_fscore_support(
        target, answer, labels=classes, zero_division=0
    )
    found = class_scores(target, answer)
    assert [row["class"] for row in found] == classes.tolist()
    assert [row["support"] for row in found] == support.tolist()
    assert [row["precision"] for row in found] == pytest.approx(precision)
    assert [row["recall"] for row in found] == pytest.approx(recall)
