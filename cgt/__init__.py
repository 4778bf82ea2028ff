"""Confidence-Gated Training of early-exit neural networks (arXiv 2509.17885).

The names below are the public library. They are loaded on first use, so that code which only reads
result files never pays for importing torch.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "EarlyExitNetwork": "cgt.nn.network",
    "HardCGTLoss": "cgt.nn.losses",
    "JointLoss": "cgt.nn.losses",
    "SoftCGTLoss": "cgt.nn.losses",
    "route": "cgt.nn.exits",
}

__all__ = ["EarlyExitNetwork", "HardCGTLoss", "JointLoss", "SoftCGTLoss", "route"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'cgt' has no attribute {name!r}; it offers {__all__}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
