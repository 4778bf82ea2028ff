"""Cost of an exit in multiply–accumulates."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from cgt.nn.features import Features
from cgt.nn.network import EarlyExitNetwork, evaluation_mode


class _FlopCount(TorchDispatchMode):
    """Sum torch's own formulas over the operations that run.

    `torch.utils.flop_counter.FlopCounterMode` sums the same, and loads torch's compiler to do it:
    a second and a half of every job.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing here is compiled, so there is nothing to keep the compiler from

    def __torch_dispatch__(
        self,
        operation: Any,
        types: Sequence[type],
        args: tuple = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = operation(*args, **(kwargs or {}))
        formula: Callable[..., int] | None = flop_registry.get(operation._overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        return result


@contextmanager
def _attention_in_the_open() -> Iterator[None]:
    """Run attention as matrix products that can be counted, not as one fused operation."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


Shape = Sequence[Any] | Mapping[str, Any]
"""Of one sample: whole numbers; or a tuple, list or dict of shapes, as the network's input is."""


@torch.no_grad()
def cumulative_macs(network: EarlyExitNetwork, input_shape: Shape, dtype: Any = None) -> list[int]:
    """Multiply–accumulates of one sample up to and including each exit, earlier heads included.

    Counted are the convolutions and matrix products (torch's own formulas; two FLOPs are one MAC).
    Normalisation, activation and pooling are not: they are cheap and mostly fused.

    Args:
        network: its parameters are not touched.
        input_shape: of one sample, without the batch axis: ``(1, 28, 28)``. Of a network that takes
            a tuple, list or dict of tensors, the same of their shapes: ``((20, 8), (20,))``.
        dtype: of the input, such as ``torch.int64`` for token numbers; the parameters' by default.
            For several inputs, one for all, or a tuple, list or dict of them; ``None`` among them
            is the default.

    Returns:
        E integers, strictly increasing.

    Raises:
        ValueError: for a shape that is none, types that are not as many as the inputs, or an input
            that a stage does not take.
    """
    parameter = next(network.parameters())
    x = _zeros(input_shape, dtype, parameter)
    costs, total, carried = [], 0, None
    with evaluation_mode(network), _attention_in_the_open():
        for exit in range(network.num_exits):
            try:
                with _FlopCount() as counter:
                    x, _, carried = network.step(exit, x, carried)
            except (RuntimeError, TypeError, ValueError, LookupError) as error:
                raise ValueError(
                    f"stage {exit + 1} does not take inputs of shape {input_shape} and type "
                    f"{dtype or parameter.dtype} ({str(error).strip().partition(chr(10))[0]}); "
                    f"input_shape and dtype must be those of one sample"
                ) from error
            total += counter.flops // 2
            costs.append(total)
    return costs


def _zeros(shape: Shape, dtype: Any, like: Tensor) -> Features:
    """One sample of the shape; each tensor of its own type, or all of one."""
    if isinstance(shape, Mapping):
        types = _types(dtype, shape.keys())
        return {name: _zeros(one, types[name], like) for name, one in shape.items()}
    if isinstance(shape, Sequence) and not isinstance(shape, str):
        if all(isinstance(size, Integral) and size >= 0 for size in shape):
            if not isinstance(dtype, torch.dtype | None):
                raise ValueError(f"dtype is {dtype!r} for a shape of {shape}; one type is needed")
            return torch.zeros(1, *shape, dtype=dtype or like.dtype, device=like.device)
        if not any(isinstance(part, Integral) for part in shape):
            types = _types(dtype, range(len(shape)))
            return type(shape)([_zeros(one, types[n], like) for n, one in enumerate(shape)])
    raise ValueError(
        f"input_shape holds {shape!r}; whole numbers from 0, the shape of one sample, or a tuple, "
        f"list or dict of such shapes are allowed"
    )


def _types(dtype: Any, inputs: Collection[Any]) -> Mapping[Any, Any]:
    """The type of each input, by its name or number."""
    if isinstance(dtype, torch.dtype | None):
        return dict.fromkeys(inputs, dtype)
    found = dtype if isinstance(dtype, Mapping) else dict(enumerate(dtype))
    if found.keys() != set(inputs):
        raise ValueError(
            f"dtype has types for {list(found)}; one for all, or one for each of {list(inputs)}, "
            f"is needed"
        )
    return found
