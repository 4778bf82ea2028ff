"""A cascade of three exits, two of them without a network: an example of a method from elsewhere.

1. Logistic regression on pooled features: means over the four quarters of an image or a patch, or
   over eight pieces of a signal, of every channel.
2. Gradient boosting (scikit-learn's HistGradientBoostingClassifier) on the same features.
3. The dataset's network with its last exit alone, as `single_exit` has trained it.

The confidence of an exit is its largest probability.

Costs in multiply-accumulates of one sample, each exit with all before it:

- pooling adds and does not multiply; every value is counted as one multiply-accumulate, to be fair;
- logistic regression: features x classes;
- boosting does not multiply either: a tree takes one comparison a level and one addition. Counted
  are trees x (the mean depth of its leaves + 1), each as one multiply-accumulate;
- the network: what `single_exit` says.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from cgt.data import Dataset, Split, load
from cgt.records.predictions import (
    Predictions,
    SplitPredictions,
    load_predictions,
    save_predictions,
)

Models = tuple[Pipeline, HistGradientBoostingClassifier]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--prepared", type=Path, required=True, help="prepared file (.npz)")
    parser.add_argument("--raw", type=Path, help="folder of the raw files, or the .npz file")
    parser.add_argument("--last", type=Path, required=True, help="predictions of single_exit")
    parser.add_argument("--out", type=Path, required=True, help="predictions (.npz)")
    parser.add_argument("--trees", type=int, default=30, help="rounds of boosting")
    asked = parser.parse_args()
    data = load(asked.dataset, asked.prepared, asked.raw, asked.seed)
    last = load_predictions(asked.last)
    models = fit(data.train, asked.trees, asked.seed)
    predictions = Predictions(
        val=answers(models, data.val, last.val, data.num_classes),
        test=answers(models, data.test, last.test, data.num_classes),
        macs=costs(models, data, int(last.macs[-1])),
    )
    save_predictions(asked.out, predictions)


def pooled(x: np.ndarray) -> np.ndarray:
    """Means [N, 4C] over quarters of [N, C, H, W], or [N, 8C] over pieces of [N, C, L]."""
    if x.ndim == 3:
        parts = np.array_split(x, 8, axis=2)
        return np.concatenate([part.mean(axis=2) for part in parts], axis=1)
    parts = [part for half in np.array_split(x, 2, axis=2) for part in np.array_split(half, 2, 3)]
    return np.concatenate([part.mean(axis=(2, 3)) for part in parts], axis=1)


def fit(train: Split, trees: int, seed: int) -> Models:
    """Both models, on the training split alone."""
    x = pooled(train.x)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    # Its own early stopping would hold samples back that other methods learn from.
    boosted = HistGradientBoostingClassifier(
        max_iter=trees, max_leaf_nodes=15, early_stopping=False, random_state=seed
    )
    return linear.fit(x, train.y), boosted.fit(x, train.y)


def answers(models: Models, split: Split, last: SplitPredictions, classes: int) -> SplitPredictions:
    """What the three exits say of the samples of a split."""
    if not np.array_equal(last.index, split.index):
        raise ValueError("the last exit's predictions are of other samples")
    x = pooled(split.x)
    probabilities = np.zeros((2, len(x), classes))
    for exit, model in enumerate(models):
        # Classes that no training sample has are never answered.
        probabilities[exit][:, model.classes_] = model.predict_proba(x)
    return SplitPredictions(
        prediction=np.stack([*probabilities.argmax(axis=2), last.prediction[-1]]),
        confidence=np.stack([*probabilities.max(axis=2), last.confidence[-1]]).astype(np.float32),
        target=split.y,
        index=split.index,
    )


def costs(models: Models, data: Dataset, network: int) -> np.ndarray:
    """Multiply-accumulates up to and including each exit; see the top of this file."""
    shape = data.train.x.shape[1:]
    features = pooled(data.train.x[:1]).shape[1]
    # Scaling the features is part of the linear model.
    linear = int(np.prod(shape)) + features + features * data.num_classes
    trees = [tree for per_class in models[1]._predictors for tree in per_class]
    boosted = sum(1 + mean_depth(tree.nodes) for tree in trees)
    return np.cumsum([linear, int(np.ceil(boosted)), network]).astype(np.int64)


def mean_depth(nodes: np.ndarray) -> float:
    """Comparisons until a leaf, mean over the training samples."""
    leaves = nodes[nodes["is_leaf"].astype(bool)]
    return float(np.average(leaves["depth"], weights=leaves["count"]))


if __name__ == "__main__":
    main()
