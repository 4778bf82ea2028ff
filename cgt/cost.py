"""Cost of an exit in multiply–accumulates."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from cgt.network import EarlyExitNetwork, evaluation_mode


@torch.no_grad()
def cumulative_macs(network: EarlyExitNetwork, input_shape: tuple[int, ...]) -> list[int]:
    """Multiply–accumulates of one sample up to and including each exit, earlier heads included.

    Counted are the convolutions and matrix products (torch's own counter; two FLOPs are one MAC).
    Normalisation, activation and pooling are not: they are cheap and mostly fused.

    Args:
        network: its parameters are not touched.
        input_shape: of one sample, without the batch axis.

    Returns:
        E integers, strictly increasing.
    """
    parameter = next(network.parameters())
    features = torch.zeros(1, *input_shape, dtype=parameter.dtype, device=parameter.device)
    costs, total = [], 0
    with evaluation_mode(network):
        for stage, head in zip(network.stages, network.heads, strict=True):
            with FlopCounterMode(display=False) as counter:
                features = stage(features)
                head(features)
            total += counter.get_total_flops() // 2
            costs.append(total)
    return costs
