"""Floor 5: a trained network out of PyTorch. `export` writes ONNX, `runtime` answers from it.

The runtime is what a device runs: numpy and onnxruntime, of ours `records` alone.
May import: `training` and below; the runtime only `operate` and `records`.
"""

from cgt.deploy.runtime import Deployed

__all__ = ["Deployed"]
