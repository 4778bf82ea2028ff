"""Checks of what users hand in. Each raises ValueError: what is wrong and what is allowed."""

import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor

VALIDATE = ("full", "shapes", "none")
"""What a loss checks of its arguments: values too, shapes alone, nothing."""


def check_probability(name: str, value: float) -> float:
    """A number in [0, 1]."""
    if not (isinstance(value, Real) and 0.0 <= value <= 1.0):
        raise ValueError(f"{name} is {value!r}; it must be a number in [0, 1]")
    return float(value)


def check_non_negative(name: str, value: float) -> float:
    """A finite number ≥ 0."""
    if not (isinstance(value, Real) and math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is {value!r}; it must be a finite number >= 0")
    return float(value)


def check_positive(name: str, value: float) -> float:
    """A finite number > 0."""
    if not (isinstance(value, Real) and math.isfinite(value) and value > 0):
        raise ValueError(f"{name} is {value!r}; it must be a finite number > 0")
    return float(value)


def check_count(name: str, value: int) -> int:
    """A whole number ≥ 1."""
    if not (isinstance(value, Integral) and not isinstance(value, bool) and value >= 1):
        raise ValueError(f"{name} is {value!r}; it must be a whole number >= 1")
    return int(value)


def check_logits(logits: Sequence[Tensor], finite: bool = True) -> None:
    """A non-empty sequence of equally shaped ``[B, C]`` tensors, shallow to deep.

    ``finite``: their values are looked at, too, for which a device has to be waited for.
    """
    if isinstance(logits, Tensor) or len(logits) == 0:
        raise ValueError("logits must be a non-empty sequence of [B, C] tensors, one per exit")
    shape = logits[0].shape
    if len(shape) != 2 or shape[0] < 1 or shape[1] < 2:
        raise ValueError(f"logits of exit 1 have shape {list(shape)}; [B >= 1, C >= 2] is needed")
    for number, exit_logits in enumerate(logits, start=1):
        if exit_logits.shape != shape:
            raise ValueError(
                f"logits of exit {number} have shape {list(exit_logits.shape)}; "
                f"all exits must agree with exit 1, {list(shape)}"
            )
        if finite and not torch.isfinite(exit_logits).all():
            raise ValueError(f"logits of exit {number} hold NaN or infinity; they must be finite")


def check_same_shape(name: str, logits: Sequence[Tensor], like: Sequence[Tensor]) -> None:
    """Logits as in :func:`check_logits`, for as many exits, samples and classes as ``like``."""
    check_logits(logits)
    shapes = [[len(those), *those[0].shape] for those in (logits, like)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{name} have shape {shapes[0]}; that of the logits, {shapes[1]}, is needed"
        )


def check_targets(targets: Tensor, batch: int, num_classes: int, values: bool = True) -> None:
    """Class numbers ``[B]``, int64; in 0 … C−1, if their ``values`` are looked at."""
    if targets.shape != (batch,):
        raise ValueError(f"targets have shape {list(targets.shape)}; [{batch}] is needed")
    if targets.dtype != torch.int64:
        raise ValueError(f"targets have dtype {targets.dtype}; torch.int64 is needed")
    if not values:
        return
    low, high = int(targets.min()), int(targets.max())
    if low < 0 or high >= num_classes:
        wrong = low if low < 0 else high
        raise ValueError(f"targets hold class {wrong}; classes run from 0 to {num_classes - 1}")


def check_validate(value: str) -> str:
    """How much a loss looks at: `full`, `shapes` or `none`."""
    if value not in VALIDATE:
        raise ValueError(f"validate is {value!r}; it must be one of {', '.join(VALIDATE)}")
    return value


def check_inclusion(inclusion: Tensor, batch: int, exits: int) -> None:
    """Probabilities ``[B, E]``."""
    if inclusion.shape != (batch, exits):
        raise ValueError(f"inclusion has shape {list(inclusion.shape)}; {[batch, exits]} is needed")
    if not ((inclusion >= 0) & (inclusion <= 1)).all():
        raise ValueError("inclusion holds values outside [0, 1]; it must be probabilities")


def as_exit_weights(values: Sequence[float] | Tensor | None, like: Tensor, exits: int) -> Tensor:
    """λ as an ``[E]`` tensor of finite numbers ≥ 0, not all zero; ones when ``None``."""
    if values is None:
        return like.new_ones(exits)
    # Looked at as Python numbers: with tensors, a device would have to be waited for.
    given = np.asarray(values.tolist() if isinstance(values, Tensor) else values, dtype=float)
    if given.shape != (exits,):
        raise ValueError(f"exit_weights have shape {list(given.shape)}; [{exits}] is needed")
    if not np.isfinite(given).all() or (given < 0).any() or not given.any():
        raise ValueError(
            f"exit_weights are {given.tolist()}; they must be finite, >= 0 and not all zero"
        )
    return torch.tensor(given.tolist(), dtype=like.dtype, device=like.device)


def as_thresholds(threshold: float | Sequence[float] | Tensor, exits: int) -> list[float]:
    """One threshold for each of the first E−1 exits, in [0, 1]; a scalar serves them all."""
    # Not with torch, nor usually with numpy: inference on one sample would spend more time here
    # than on deciding.
    if isinstance(threshold, float):
        check_probability("threshold", threshold)
        return [threshold] * (exits - 1)
    plain = threshold.tolist() if isinstance(threshold, Tensor) else threshold
    given = np.asarray(plain, dtype=np.float64)
    if given.shape not in ((), (exits - 1,)):
        raise ValueError(
            f"threshold has shape {list(given.shape)}; a scalar or {exits - 1} values, one for "
            f"each exit but the last, are allowed"
        )
    values = given.tolist() if given.ndim else [given.item()] * (exits - 1)
    for value in values if given.ndim else [given.item()]:
        check_probability("threshold", value)
    return values
