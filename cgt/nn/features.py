"""What a stage hands on: a tensor, or a tuple, list or dict of tensors, one row for each sample."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

Features = Any
"""A tensor ``[B, ...]``, or tuples, lists and dicts of such; ``None`` is nothing."""


def select(features: Features, index: Tensor) -> Features:
    """Samples ``index`` of everything in ``features``, each in the same memory format."""
    if isinstance(features, Tensor):
        return select_rows(features, index)
    if isinstance(features, tuple) and hasattr(features, "_fields"):
        return type(features)(*(select(part, index) for part in features))
    if isinstance(features, tuple | list):
        return type(features)(select(part, index) for part in features)
    if isinstance(features, Mapping):
        return {name: select(part, index) for name, part in features.items()}
    return features  # nothing: `check_rows` lets nothing else pass


def check_rows(features: Features, batch: int, what: str) -> None:
    """Raise ValueError unless every tensor in ``features`` has one row for each sample.

    ``what`` names where they come from, such as "stage 2".
    """
    if isinstance(features, Tensor):
        if features.ndim == 0 or features.shape[0] != batch:
            raise ValueError(
                f"{what} hands on a tensor of shape {list(features.shape)} for {batch} samples; "
                f"the first axis must be the batch"
            )
    elif isinstance(features, tuple | list):
        for part in features:
            check_rows(part, batch, what)
    elif isinstance(features, Mapping):
        for part in features.values():
            check_rows(part, batch, what)
    elif features is not None:
        raise ValueError(
            f"{what} hands on a {type(features).__name__}; a tensor, or a tuple, list or dict of "
            f"tensors is needed"
        )


def tensors_of(features: Features) -> list[Tensor]:
    """All tensors in ``features``, in order."""
    if isinstance(features, Tensor):
        return [features]
    if isinstance(features, Mapping):
        features = list(features.values())
    if isinstance(features, tuple | list):
        return [tensor for part in features for tensor in tensors_of(part)]
    return []


def rebuild(features: Features, tensors: list[Tensor]) -> Features:
    """``features`` with other tensors in the place of its own, which are taken from the front."""
    if isinstance(features, Tensor):
        return tensors.pop(0)
    if isinstance(features, Mapping):
        return {name: rebuild(part, tensors) for name, part in features.items()}
    if isinstance(features, tuple) and hasattr(features, "_fields"):
        return type(features)(*(rebuild(part, tensors) for part in features))
    if isinstance(features, tuple | list):
        return type(features)([rebuild(part, tensors) for part in features])
    return features


def select_rows(x: Tensor, index: Tensor) -> Tensor:
    """Samples ``index`` of ``x``, in the same memory format."""
    # Indexing copies maps that are channels last number by number; so it copies whole samples.
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return x.permute(0, 2, 3, 1).index_select(0, index).permute(0, 3, 1, 2)
    return x.index_select(0, index)
