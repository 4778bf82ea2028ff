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
    classes = max(target.max(), answer.max()) + 1
    support = np.bincount(target, minlength=classes)
    answered = np.bincount(answer, minlength=classes)
    right = np.bincount(target[answer == target], minlength=classes)
    present = support > 0
    right, answered, support = right[present], answered[present], support[present]
    return {
        "accuracy": accuracy(target, answer),
        "f1_macro": float(np.mean(2 * right / (answered + support))),
        "precision_macro": float(np.mean(right / np.maximum(answered, 1))),
        "recall_macro": float(np.mean(right / support)),
    }
