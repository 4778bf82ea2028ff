"""A trained network out of PyTorch: ONNX, one file a stage, and what else a device must know."""

import warnings
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cgt.deploy.runtime import DESCRIPTION, FORMAT
from cgt.nn.checks import as_thresholds
from cgt.nn.exits import ExitRule, KnownClasses, MaxSoftmax
from cgt.nn.network import EarlyExitNetwork
from cgt.records.extras import need
from cgt.records.files import atomic_path, write_json


class _StageWithExit(nn.Module):
    """One file's worth: logits and, unless it is the last stage, the features to go on with."""

    def __init__(self, stage: nn.Module, head: nn.Module, goes_on: bool) -> None:
        super().__init__()
        self.stage, self.head, self.goes_on = stage, head, goes_on

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        features = self.stage(x)
        logits = self.head(features)
        return (logits, features) if self.goes_on else (logits,)


def write_network(
    out: Path | str,
    network: EarlyExitNetwork,
    rule: ExitRule,
    threshold: float | Sequence[float],
    *,
    input_shape: Sequence[int],
    about: dict[str, Any],
) -> None:
    """Write a network for :class:`cgt.deploy.runtime.Deployed` into the folder ``out``.

    Args:
        network: in evaluation mode, on the CPU.
        rule: :class:`MaxSoftmax` or :class:`KnownClasses`.
        threshold: one value or E−1.
        input_shape: of one sample.
        about: ``classes``, ``scaling``, ``points`` and whatever else is worth knowing.

    Raises:
        ValueError: for another rule or a bad threshold.
    """
    onnx, out = need("onnx", "deploy"), Path(out)
    values = as_thresholds(threshold, network.num_exits)
    if not isinstance(rule, MaxSoftmax | KnownClasses):
        raise ValueError(
            f"{type(rule).__name__} cannot be exported; MaxSoftmax and KnownClasses can"
        )
    # While stages are replaced one by one, the folder is not an exported network.
    (out / DESCRIPTION).unlink(missing_ok=True)
    names = [f"stage_{number}.onnx" for number in range(1, network.num_exits + 1)]
    x = torch.zeros(2, *input_shape)
    for name, stage, head in zip(names, network.stages, network.heads, strict=True):
        part = _StageWithExit(stage, head, goes_on=name != names[-1])
        with atomic_path(out / name) as temporary:
            _export(part.eval(), x, temporary)
            onnx.checker.check_model(temporary)
        with torch.no_grad():
            x = stage(x)
    known = rule.known.tolist() if isinstance(rule, KnownClasses) else None
    description = {
        **about,
        "format": FORMAT,
        "input_shape": list(input_shape),
        "known": known,
        "stages": names,
        "threshold": float(threshold) if isinstance(threshold, Real) else values,
    }
    write_json(out / DESCRIPTION, description)


def _export(part: _StageWithExit, x: Tensor, path: Path) -> None:
    outputs = ["logits", "features"] if part.goes_on else ["logits"]
    with warnings.catch_warnings():
        # torch would rather be asked for its newer exporter, which needs one more package.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            part,
            (x,),
            path,
            dynamo=False,
            input_names=["x"],
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in ("x", *outputs)},
        )
