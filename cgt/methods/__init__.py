"""Floor 2: the methods, one file each.

May import: `nn`, `records`.
"""

from cgt.methods.base import Method, Phase
from cgt.methods.branchynet import BranchyNet
from cgt.methods.cascade import Cascade
from cgt.methods.cgt_plus import CGTPlus
from cgt.methods.classynet import ClassyNet
from cgt.methods.hard_cgt import HardCGT
from cgt.methods.single_exit import SingleExit
from cgt.methods.soft_cgt import SoftCGT
from cgt.methods.static import Static

REGISTRY: dict[str, type[Method]] = {
    method.name: method
    for method in (SingleExit, Static, BranchyNet, Cascade, ClassyNet, HardCGT, SoftCGT, CGTPlus)
}

__all__ = ["REGISTRY", "Method", "Phase"]
