"""Fashion-MNIST test images as they are; `cgt.data.samples` shows those of any dataset."""

from pathlib import Path

import numpy as np

from cgt.data.fashion_mnist import FashionMNIST
from cgt.data.raw import read_raw


def test_images(index: np.ndarray, raw_dir: Path) -> np.ndarray:
    """Return uint8 [..., 28, 28] for positions [...] in the test set; black where they are -1."""
    builder = FashionMNIST()
    images = read_raw(builder.files, raw_dir, builder.raw_name)["t10k-images-idx3-ubyte"]
    return np.where((index >= 0)[..., None, None], images[index], 0).astype(np.uint8)
