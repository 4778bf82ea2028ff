"""What the networks are built of."""

import torch
from torch.nn.functional import max_pool2d

from cgt.networks.blocks import HalvingMaxPool


def test_pooling_gives_torchs_values_with_and_without_gradients():
    x = torch.randn(3, 5, 6, 8, generator=torch.Generator().manual_seed(0))
    x[0, 0, 0, 0] = torch.nan
    expected = max_pool2d(x, 2)
    torch.testing.assert_close(HalvingMaxPool()(x), expected, rtol=0, atol=0, equal_nan=True)
    with torch.no_grad():
        pooled = HalvingMaxPool()(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(pooled, expected, rtol=0, atol=0, equal_nan=True)
    assert pooled.is_contiguous(memory_format=torch.channels_last)
