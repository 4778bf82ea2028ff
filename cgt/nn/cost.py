"""Cost of an exit in multiply–accumulates."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

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


@torch.no_grad()
def cumulative_macs(
    network: EarlyExitNetwork, input_shape: tuple[int, ...], dtype: torch.dtype | None = None
) -> list[int]:
    """Multiply–accumulates of one sample up to and including each exit, earlier heads included.

    Counted are the convolutions and matrix products (torch's own formulas; two FLOPs are one MAC).
    Normalisation, activation and pooling are not: they are cheap and mostly fused.

    Args:
        network: its parameters are not touched.
        input_shape: of one sample, without the batch axis.
        dtype: of the input, such as ``torch.int64`` for token numbers; the parameters' by default.

    Returns:
        E integers, strictly increasing.
    """
    parameter = next(network.parameters())
    x = torch.zeros(1, *input_shape, dtype=dtype or parameter.dtype, device=parameter.device)
    costs, total, carried = [], 0, None
    with evaluation_mode(network), _attention_in_the_open():
        for exit in range(network.num_exits):
            with _FlopCount() as counter:
                x, _, carried = network.step(exit, x, carried)
            total += counter.flops // 2
            costs.append(total)
    return costs
