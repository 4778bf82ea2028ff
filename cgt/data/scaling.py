"""What turns raw values into what a network sees, as plain numbers that travel with the network."""

from pathlib import Path
from typing import Any

from cgt.data.opened import builder_in
from cgt.data.prepared import load_prepared


def scaling(prepared: Path) -> dict[str, Any]:
    """Return `mean` and `std` of each raw channel and the `projection` that follows, or None.

    A raw sample [C, ...] becomes (raw - mean) / std; then, at each pixel of a scene, C channels
    become K by the projection [C, K].
    Raises DataError for a missing or damaged file.
    """
    arrays = load_prepared(Path(prepared), "`cgt prepare` again")
    dataset = str(arrays.get("dataset", "unknown"))
    return builder_in(arrays, dataset, prepared).scaling(arrays)
