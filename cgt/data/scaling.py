"""What turns raw values into what a network sees, as plain numbers that travel with the network."""

from pathlib import Path
from typing import Any

import numpy as np

from cgt.data.prepared import load_prepared


def scaling(prepared: Path) -> dict[str, Any]:
    """Return `mean` and `std` of each raw channel and the `projection` that follows, or None.

    A raw sample [C, H, W] becomes (raw - mean) / std; then, at each pixel, C channels become K by
    the projection [C, K].
    """
    arrays = load_prepared(Path(prepared), "`cgt prepare` again")
    if "components" in arrays:
        projection = arrays["components"].T / np.sqrt(arrays["variance"])
        return {
            "mean": arrays["band_mean"].tolist(),
            "std": arrays["band_std"].tolist(),
            "projection": projection.tolist(),
        }
    # Pixels are bytes; the moments are those of shares of 255.
    return {
        "mean": [255 * float(arrays["mean"])],
        "std": [255 * float(arrays["std"])],
        "projection": None,
    }
