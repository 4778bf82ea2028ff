"""How sure an exit is: rules that turn logits [E, N, C] into confidences [E, N] in [0, 1].

The methods' own confidences stand in the predictions file; these are the alternatives. All take
finite logits of any floating-point type, C >= 2, and give float32.
"""

import numpy as np

from cgt.records.extras import need
from cgt.records.predictions import Predictions

_TOLERANCE = 1e-5  # float32 softmax, here and in torch
_WIDEST = np.log(20.0)  # temperatures from 1/20 to 20


def max_softmax(logits: np.ndarray, temperature: np.ndarray | float = 1.0) -> np.ndarray:
    """Largest softmax probability; one temperature for all exits, or one per exit [E]."""
    logits = _checked(logits)
    scale = np.reshape(temperature, (-1, 1, 1))
    return _confidence(_softmax(logits / scale).max(axis=2))


def entropy(logits: np.ndarray) -> np.ndarray:
    """1 - H / ln C, with H the entropy of the softmax probabilities: 0 if they are all equal."""
    probabilities = _softmax(_checked(logits))
    # 0 ln 0 is 0.
    logs = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return _confidence(1 + (probabilities * logs).sum(axis=2) / np.log(logits.shape[2]))


def margin(logits: np.ndarray) -> np.ndarray:
    """Largest softmax probability minus the second largest."""
    top = np.partition(_softmax(_checked(logits)), -2, axis=2)
    return _confidence(top[..., -1] - top[..., -2])


def patience(logits: np.ndarray) -> np.ndarray:
    """How many exits in a row, right before this one, gave its answer, as a share of E - 1.

    Threshold p / (E - 1) lets a sample leave once p exits in a row have agreed with the one before
    them. With one exit it is 0. Source: Zhou et al., BERT loses patience, NeurIPS 2020.
    """
    answers = _checked(logits).argmax(axis=2)
    agreed = np.zeros(answers.shape)
    for exit in range(1, len(answers)):
        agreed[exit] = np.where(answers[exit] == answers[exit - 1], agreed[exit - 1] + 1, 0)
    return _confidence(agreed / max(len(answers) - 1, 1))


def is_max_softmax(predictions: Predictions) -> bool:
    """Whether the logits are there and the confidences are their largest softmax probabilities.

    Only then do entropy, margin and temperature describe the same classifier.
    """
    return all(
        split.logits is not None
        and np.allclose(max_softmax(split.logits), split.confidence, rtol=0, atol=_TOLERANCE)
        for split in (predictions.val, predictions.test)
    )


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float | np.ndarray:
    """The temperature that minimises the negative log-likelihood of softmax(logits / temperature).

    Between 1/20 and 20; `max_softmax` takes it. To be fitted on validation data. Source: Guo et
    al., On calibration of modern neural networks, ICML 2017. Needs scipy.

    Args:
        logits: [N, C], or [E, N, C] of several exits.
        targets: [N], classes from 0 to C-1.

    Returns:
        A number, or one for each exit, [E].

    Raises:
        ValueError: for other shapes or classes, or logits that are not finite.
    """
    logits, targets = np.asarray(logits), np.asarray(targets)
    exits = _checked(logits if logits.ndim == 3 else logits[None])
    samples, classes = exits.shape[1:]
    if targets.shape != (samples,) or not np.issubdtype(targets.dtype, np.integer):
        raise ValueError(
            f"targets are {targets.dtype} of shape {list(targets.shape)}; integers [{samples}] are "
            f"needed, a class for each sample"
        )
    if targets.min() < 0 or targets.max() >= classes:
        raise ValueError(
            f"targets hold classes from {targets.min()} to {targets.max()}; 0 to {classes - 1} are "
            f"allowed"
        )
    found = np.array([_fit(one.astype(float), targets) for one in exits])
    return found if logits.ndim == 3 else float(found[0])


def _fit(logits: np.ndarray, target: np.ndarray) -> float:
    need("scipy", "operate")  # not at the top: a device has no scipy
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    rows = np.arange(len(target))

    def loss(log_temperature: float) -> float:
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[rows, target].mean()

    return float(np.exp(minimize_scalar(loss, bounds=(-_WIDEST, _WIDEST), method="bounded").x))


def _checked(logits: np.ndarray) -> np.ndarray:
    logits = np.asarray(logits)
    if logits.ndim != 3 or logits.shape[1] < 1 or logits.shape[2] < 2:
        raise ValueError(
            f"logits have shape {list(logits.shape)}; [E, N, C] with N >= 1 and C >= 2 is needed"
        )
    if not np.isfinite(logits).all():
        raise ValueError("logits hold NaN or infinity; they must be finite")
    return logits


def _softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(float)
    powers = np.exp(shifted - shifted.max(axis=2, keepdims=True))
    return powers / powers.sum(axis=2, keepdims=True)


def _confidence(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 1).astype(np.float32)
