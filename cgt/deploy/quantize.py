"""int8 by onnxruntime's static quantisation, stage by stage, on samples of the user's."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cgt.records.extras import need

OPERATORS = ("Conv", "Gemm", "MatMul")
"""What is computed in int8; decisions, and what goes from stage to stage, stay as they are."""
BATCH = 64


def quantize_stages(sessions: Sequence[Any], paths: Sequence[Path], x: np.ndarray) -> None:
    """Replace the stages' files by int8 ones.

    Args:
        sessions: of the float files. Each stage's ranges are measured on what the float stages
            before hand it, for all samples: those that left would only narrow them.
        paths: of the float files.
        x: calibration samples ``[N, *input_shape]``.
    """
    need("onnxruntime", "deploy")
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    given = [{"x": x[start : start + BATCH]} for start in range(0, len(x), BATCH)]
    for session, path in zip(sessions, paths, strict=True):
        taken = [one.name for one in session.get_inputs()]
        fed = [{name: batch[name] for name in taken} for batch in given]
        names = [one.name for one in session.get_outputs()]
        given = [dict(zip(names, session.run(names, batch), strict=True)) for batch in fed]
        # Equal weights that torch has written once are told apart again, else they stay float.
        quant_pre_process(path, path, skip_symbolic_shape=True)
        quantize_static(
            path,
            path,
            _Batches(fed),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=list(OPERATORS),
        )


class _Batches:
    """What onnxruntime reads calibration data from: one batch a call, then ``None``."""

    def __init__(self, batches: Sequence[dict[str, np.ndarray]]) -> None:
        self.left: Iterator[dict[str, np.ndarray]] = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.left, None)
