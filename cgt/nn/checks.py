"""Checks of what users hand in. Each raises ValueError: what is wrong and what is allowed."""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import NoReturn

import numpy as np
import torch
from torch import Tensor

VALIDATE = ("full", "shapes", "none")
"""What a loss checks of its arguments: values too, shapes alone, nothing."""
REDUCTIONS = ("mean", "sum", "none")
"""What a loss returns, as torch's losses do."""
CLASS_TYPES = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
"""Types of targets that are classes."""


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
    _check_tensors("logits", logits, "[B, C]")
    shape = logits[0].shape
    if len(shape) != 2 or shape[0] < 1 or shape[1] < 2:
        raise ValueError(f"logits of exit 1 have shape {list(shape)}; [B >= 1, C >= 2] is needed")
    for number, exit_logits in enumerate(logits, start=1):
        if exit_logits.shape != shape:
            _refuse_shape("logits", number, exit_logits, shape)
        if finite and not torch.isfinite(exit_logits).all():
            raise ValueError(f"logits of exit {number} hold NaN or infinity; they must be finite")


def check_loss_logits(name: str, logits: Sequence[Tensor]) -> None:
    """A non-empty sequence of equally shaped ``[B, C]`` or ``[B, C, *]`` floating-point tensors.

    C ≥ 2; B may be 0. Their values are left to :func:`check_softmax`.
    """
    _check_tensors(name, logits, "[B, C] or [B, C, *]")
    shape = logits[0].shape
    if len(shape) < 2 or shape[1] < 2:
        raise ValueError(
            f"{name} of exit 1 have shape {list(shape)}; [B, C] or [B, C, *] with C >= 2 is needed"
        )
    for number, exit_logits in enumerate(logits, start=1):
        if exit_logits.shape != shape:
            _refuse_shape(name, number, exit_logits, shape)


def check_softmax(name: str, logits: Sequence[Tensor]) -> None:
    """Every position ``[B, C, *]`` has a softmax: no NaN, no +inf, −inf for some classes at most.

    A device has to be waited for, once if all is finite.
    """
    with torch.no_grad():
        # A sum takes a fraction of the time of a look at every number; only where it is not
        # finite can there be something to find.
        if torch.stack([one.sum() for one in logits]).isfinite().all():
            return
        for number, exit_logits in enumerate(logits, start=1):
            without = ~exit_logits.logsumexp(dim=1).isfinite()
            if without.any():
                sample = without.nonzero()[0].tolist()
                raise ValueError(
                    f"{name} of exit {number} hold NaN or infinity {_at(sample)}; they must be "
                    f"finite, or -inf for some of the classes, which masks these"
                )


def check_values(
    losses: Tensor, logits: Sequence[Tensor], label_smoothing: float, dim: int = -1
) -> None:
    """Cross-entropies, exits along ``dim``, are finite; if not, it is said what is to blame.

    They are NaN where logits have no softmax and infinite where a target's class is masked, so
    that logits are looked at only to name what is wrong. A device has to be waited for.
    """
    if losses.sum().isfinite():
        return
    check_softmax("logits", logits)
    wrong = losses.isinf().movedim(dim, -1)
    if wrong.any() and any(torch.isneginf(one).any() for one in logits):
        *sample, number = wrong.nonzero()[0].tolist()
        raise ValueError(
            f"the loss of exit {number + 1} is infinite {_at(sample)}: a class whose logit is -inf "
            + (
                "gets its share of label smoothing; label_smoothing must be 0 with masked classes"
                if label_smoothing > 0
                else "is the target; a masked class must not be"
            )
        )


def _check_tensors(name: str, logits: Sequence[Tensor], shape: str) -> None:
    """A list or tuple of floating-point tensors, not empty."""
    if not isinstance(logits, Sequence) or len(logits) == 0:
        what = "is empty" if isinstance(logits, Sequence) else f"is a {_kind(logits)}"
        raise ValueError(
            f"{name} must be a non-empty sequence of {shape} tensors, one per exit; this one {what}"
        )
    for number, exit_logits in enumerate(logits, start=1):
        if not (isinstance(exit_logits, Tensor) and exit_logits.is_floating_point()):
            raise ValueError(
                f"{name} of exit {number} are a {_kind(exit_logits)}; a floating-point tensor "
                f"{shape} is needed"
            )


def _refuse_shape(name: str, number: int, exit_logits: Tensor, shape: torch.Size) -> NoReturn:
    raise ValueError(
        f"{name} of exit {number} have shape {list(exit_logits.shape)}; "
        f"all exits must agree with exit 1, {list(shape)}"
    )


def _kind(value: object) -> str:
    """What it is, for messages."""
    if isinstance(value, Tensor):
        return f"tensor of {value.dtype}"
    return type(value).__name__


def _at(position: Sequence[int]) -> str:
    """A position ``[B, *]``, for messages."""
    sample, *inside = position
    return f"in sample {sample}" + (f" at {inside}" if inside else "")


def check_same_shape(name: str, logits: Sequence[Tensor], like: Sequence[Tensor]) -> None:
    """Logits as in :func:`check_loss_logits`, as many exits, samples and classes as ``like``."""
    check_loss_logits(name, logits)
    shapes = [[len(those), *those[0].shape] for those in (logits, like)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{name} have shape {shapes[0]}; that of the logits, {shapes[1]}, is needed"
        )


def check_targets(targets: Tensor, shape: Sequence[int]) -> None:
    """Classes ``[B, *]`` of any integer type, or probabilities, for logits ``[B, C, *]``.

    ``shape`` is that of the logits. Values are left to :func:`check_classes` and
    :func:`check_soft_targets`.
    """
    if not isinstance(targets, Tensor):
        raise ValueError(f"targets are a {_kind(targets)}; a tensor is needed")
    classes = [shape[0], *shape[2:]]
    if targets.is_floating_point():
        if targets.shape != shape:
            raise ValueError(
                f"targets are probabilities ({targets.dtype}) and have shape "
                f"{list(targets.shape)}; that of the logits, {list(shape)}, is needed, or classes "
                f"as integers, {classes}"
            )
        return
    if targets.dtype not in CLASS_TYPES:
        raise ValueError(
            f"targets have dtype {targets.dtype}; an integer type is needed for classes, a "
            f"floating-point type for probabilities"
        )
    if list(targets.shape) != classes:
        raise ValueError(f"targets have shape {list(targets.shape)}; {classes} is needed")


def check_classes(targets: Tensor, num_classes: int, ignore_index: int) -> bool:
    """Classes from 0 to C−1, or ``ignore_index``; whether the latter can occur among them.

    A device has to be waited for.
    """
    if targets.numel() == 0:
        return False
    low, high = torch.stack(targets.aminmax()).tolist()
    if low >= 0 and high < num_classes:
        return low <= ignore_index <= high
    kept = targets[targets != ignore_index]
    wrong = kept[(kept < 0) | (kept >= num_classes)]
    if len(wrong) > 0:
        raise ValueError(
            f"targets hold class {wrong[0].item()}; classes run from 0 to {num_classes - 1}, and "
            f"{ignore_index} is ignored"
        )
    return True


def check_soft_targets(targets: Tensor) -> None:
    """Probabilities ``[B, C, *]``: ≥ 0, with sums over the classes of 1, to 1 %."""
    sums = targets.sum(dim=1)
    if not ((targets >= 0).all() & ((sums - 1).abs() <= 0.01).all()):
        raise ValueError(
            "targets are probabilities and some of them are negative, NaN, or do not add up to 1 "
            "over the classes"
        )


def check_reduction(value: str) -> str:
    """What a loss returns: `mean`, `sum` or `none`."""
    if value not in REDUCTIONS:
        raise ValueError(f"reduction is {value!r}; it must be one of {', '.join(REDUCTIONS)}")
    return value


def check_ignore_index(value: int) -> int:
    """A whole number."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ValueError(f"ignore_index is {value!r}; it must be a whole number")
    return int(value)


def as_class_weight(values: Sequence[float] | Tensor | None) -> Tensor | None:
    """Weights of the classes as a ``[C]`` tensor of finite numbers ≥ 0, not all zero."""
    if values is None:
        return None
    try:
        weight = torch.as_tensor(values).detach()
        weight = weight if weight.is_floating_point() else weight.to(torch.get_default_dtype())
        right = weight.ndim == 1 and bool(weight.isfinite().all() & (weight >= 0).all())
    except (TypeError, ValueError, RuntimeError):
        right = False
    if not (right and weight.any()):
        raise ValueError(
            f"weight is {values!r}; it must be a number for each class, [C], finite, >= 0 and not "
            f"all zero"
        )
    return weight


def check_class_weight(weight: Tensor | None, num_classes: int) -> None:
    """One for each class."""
    if weight is not None and len(weight) != num_classes:
        raise ValueError(f"weight has {len(weight)} classes and the logits have {num_classes}")


def check_validate(value: str) -> str:
    """How much a loss looks at: `full`, `shapes` or `none`."""
    if value not in VALIDATE:
        raise ValueError(f"validate is {value!r}; it must be one of {', '.join(VALIDATE)}")
    return value


def check_inclusion(inclusion: Tensor, shape: Sequence[int], values: bool = True) -> None:
    """Probabilities of the given shape, ``[B, *, E]``; ``values``: these are looked at, too."""
    if not isinstance(inclusion, Tensor) or not inclusion.is_floating_point():
        raise ValueError(f"inclusion is a {_kind(inclusion)}; a floating-point tensor is needed")
    if list(inclusion.shape) != list(shape):
        raise ValueError(f"inclusion has shape {list(inclusion.shape)}; {list(shape)} is needed")
    if values and not ((inclusion >= 0) & (inclusion <= 1)).all():
        raise ValueError("inclusion holds values outside [0, 1]; it must be probabilities")


def as_exit_weights(
    values: Sequence[float] | Tensor | None, like: Tensor, exits: int, look: bool = True
) -> Tensor:
    """λ as an ``[E]`` tensor of finite numbers ≥ 0, not all zero; ones when ``None``.

    ``look``: numbers in a tensor are looked at, too, for which a device has to be waited for.
    Other numbers always are.
    """
    if values is None:
        return like.new_ones(exits)
    if isinstance(values, Tensor) and not look:
        _check_exits(list(values.shape), exits)
        return values.detach().to(like)
    try:
        plain = values.tolist() if isinstance(values, Tensor | np.ndarray) else values
        given = [float(value) for value in plain]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"exit_weights are {values!r}; a number for each of {exits} exits is needed"
        ) from error
    _check_exits([len(given)], exits)
    if not all(0 <= value < math.inf for value in given) or not any(given):
        raise ValueError(f"exit_weights are {given}; they must be finite, >= 0 and not all zero")
    if like.device.type == "cpu":
        return torch.tensor(given, dtype=like.dtype)
    # Written on the device: a copy to it would be waited for.
    return torch.cat([like.new_full((1,), value) for value in given])


def _check_exits(shape: list[int], exits: int) -> None:
    if shape != [exits]:
        raise ValueError(f"exit_weights have shape {shape}; [{exits}] is needed")


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
