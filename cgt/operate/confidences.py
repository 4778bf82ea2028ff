"""How sure an exit is: rules that turn logits [E, N, C] into confidences [E, N] in [0, 1].

The methods' own confidences stand in the predictions file; these are the alternatives.
"""

import numpy as np

from cgt.records.predictions import Predictions, SplitPredictions

_TOLERANCE = 1e-5  # float32 softmax, here and in torch
_WIDEST = np.log(20.0)  # temperatures from 1/20 to 20


def max_softmax(logits: np.ndarray, temperature: np.ndarray | float = 1.0) -> np.ndarray:
    """Largest softmax probability; one temperature for all exits, or one per exit [E]."""
    scale = np.reshape(temperature, (-1, 1, 1))
    return _confidence(_softmax(logits / scale).max(axis=2))


def entropy(logits: np.ndarray) -> np.ndarray:
    """1 - H / ln C, with H the entropy of the softmax probabilities: 0 if they are all equal."""
    from scipy.special import entr

    return _confidence(1 - entr(_softmax(logits)).sum(axis=2) / np.log(logits.shape[2]))


def margin(logits: np.ndarray) -> np.ndarray:
    """Largest softmax probability minus the second largest."""
    top = np.partition(_softmax(logits), -2, axis=2)
    return _confidence(top[..., -1] - top[..., -2])


def is_max_softmax(predictions: Predictions) -> bool:
    """Whether the logits are there and the confidences are their largest softmax probabilities.

    Only then do entropy, margin and temperature describe the same classifier.
    """
    return all(
        split.logits is not None
        and np.allclose(max_softmax(split.logits), split.confidence, rtol=0, atol=_TOLERANCE)
        for split in (predictions.val, predictions.test)
    )


def fit_temperatures(val: SplitPredictions) -> np.ndarray:
    """The temperature [E] of each exit that minimises its negative log-likelihood on validation.

    Between 1/20 and 20. Source: Guo et al., On calibration of modern neural networks, ICML 2017.
    """
    return np.array([_fit(logits.astype(float), val.target) for logits in val.logits])


def _fit(logits: np.ndarray, target: np.ndarray) -> float:
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    rows = np.arange(len(target))

    def loss(log_temperature: float) -> float:
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[rows, target].mean()

    return float(np.exp(minimize_scalar(loss, bounds=(-_WIDEST, _WIDEST), method="bounded").x))


def _softmax(logits: np.ndarray) -> np.ndarray:
    from scipy.special import softmax  # not at the top: a device has no scipy

    return softmax(logits.astype(float), axis=2)


def _confidence(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 1).astype(np.float32)
