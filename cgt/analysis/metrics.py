"""Scores of one vector of answers, in percent nowhere: all lie in [0, 1]."""

import numpy as np


def accuracy(target: np.ndarray, answer: np.ndarray) -> float:
    """Share of right answers; target and answer [N] int."""
    return float(np.mean(answer == target))


def scores(target: np.ndarray, answer: np.ndarray) -> dict[str, float]:
    """Accuracy and macro-averaged F1, precision and recall; target and answer [N] int >= 0.

    The average runs over the classes that occur in `target`: a class without samples has no recall.
    A class that is never answered has precision 0. Same values as scikit-learn's
    `precision_recall_fscore_support(labels=np.unique(target), zero_division=0)`, some hundred times
    faster, which a sweep over all thresholds needs.
    """
    _, support, answered, right = _counts(target, answer)
    return {
        "accuracy": accuracy(target, answer),
        "f1_macro": float(np.mean(2 * right / (answered + support))),
        "precision_macro": float(np.mean(right / np.maximum(answered, 1))),
        "recall_macro": float(np.mean(right / support)),
    }


def class_scores(target: np.ndarray, answer: np.ndarray) -> list[dict[str, int | float]]:
    """Each class that occurs in `target`: its samples, and precision and recall as in `scores`."""
    classes, support, answered, right = _counts(target, answer)
    columns = {
        "class": classes,
        "support": support,
        "precision": right / np.maximum(answered, 1),
        "recall": right / support,
    }
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


def _counts(target: np.ndarray, answer: np.ndarray) -> tuple[np.ndarray, ...]:
    """Classes that occur in `target`, and of each how many there are, are answered, are right."""
    size = max(target.max(), answer.max()) + 1
    support = np.bincount(target, minlength=size)
    answered = np.bincount(answer, minlength=size)
    right = np.bincount(target[answer == target], minlength=size)
    (classes,) = np.nonzero(support)
    return classes, support[classes], answered[classes], right[classes]
