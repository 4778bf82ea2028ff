"""Confidence-Gated Training of early-exit neural networks (arXiv 2509.17885).

The names below are the public library. They are loaded on first use, so that code which only reads
result files never pays for importing torch. Where everything else lives, each wing's own
`__init__.py` says; `cgt/` itself holds nothing but the way in.
"""

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for tools that read types and cannot see what is loaded on first use
    from cgt.nn.attach import attach
    from cgt.nn.cost import cumulative_macs
    from cgt.nn.exits import route
    from cgt.nn.losses import HardCGTLoss, JointLoss, SoftCGTLoss
    from cgt.nn.network import EarlyExitNetwork
    from cgt.operate.confidences import entropy, fit_temperature, margin, max_softmax, patience
    from cgt.operate.plot import plot_tradeoff
    from cgt.operate.points import OperatingPoint, choose_thresholds, sweep
    from cgt.operate.sweep import Sweep

__version__ = "1.0.0"

_HOME = {
    "EarlyExitNetwork": "cgt.nn.network",
    "HardCGTLoss": "cgt.nn.losses",
    "JointLoss": "cgt.nn.losses",
    "OperatingPoint": "cgt.operate.points",
    "SoftCGTLoss": "cgt.nn.losses",
    "Sweep": "cgt.operate.sweep",
    "attach": "cgt.nn.attach",
    "choose_thresholds": "cgt.operate.points",
    "cumulative_macs": "cgt.nn.cost",
    "entropy": "cgt.operate.confidences",
    "fit_temperature": "cgt.operate.confidences",
    "margin": "cgt.operate.confidences",
    "max_softmax": "cgt.operate.confidences",
    "patience": "cgt.operate.confidences",
    "plot_tradeoff": "cgt.operate.plot",
    "route": "cgt.nn.exits",
    "sweep": "cgt.operate.points",
}
_MOVED = {
    "cgt.exits": "cgt.nn.exits",
    "cgt.export": "cgt.deploy.export",
}
"""Modules that were imported by these names up to version 0.1."""

__all__ = [
    "EarlyExitNetwork",
    "HardCGTLoss",
    "JointLoss",
    "OperatingPoint",
    "SoftCGTLoss",
    "Sweep",
    "attach",
    "choose_thresholds",
    "cumulative_macs",
    "entropy",
    "fit_temperature",
    "margin",
    "max_softmax",
    "patience",
    "plot_tradeoff",
    "route",
    "sweep",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'cgt' has no attribute {name!r}; it offers {__all__}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


class _Moved(MetaPathFinder, Loader):
    """Give a module that has moved, under its old name, too."""

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in _MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(_MOVED[spec.name])
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own  # it has run already, as itself


sys.meta_path.append(_Moved())
