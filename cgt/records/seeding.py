"""Seeds are named, not counted: every random choice says what it is for."""

import hashlib


def derive_seed(*parts: str | int) -> int:
    """Return an integer in [0, 2**31) that depends on every part and on nothing else.

    Runs are paired by seed, so callers pass the dataset, the seed and the purpose ("split", "init",
    "epoch", ...) and never the method.
    """
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "little") & 0x7FFFFFFF
