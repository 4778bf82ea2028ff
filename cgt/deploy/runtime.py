"""An exported network on a device: numpy and onnxruntime, no torch.

`cgt export` writes a folder with one ONNX file a stage, each with its exit, and `network.json`. A
stage runs only for the samples that no exit before it was sure of.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cgt.records.extras import need

DESCRIPTION = "network.json"
FORMAT = 2


class Deployed:
    """An exported network, ready to answer.

    Args:
        folder: what `cgt export` wrote.
        threads: CPU threads of each stage, ≥ 1.

    Attributes:
        classes: names, by class number.
        threshold: the one it was exported with: the confidence in [0, 1] that an exit needs.
        points: thresholds that validation data chose for other trade-offs, by name.
        input_shape: of one scaled sample, [C, *].

    Raises:
        FileNotFoundError: if the folder is not an exported network.
        ModuleNotFoundError: without the extra `deploy`.
    """

    def __init__(self, folder: Path | str, threads: int = 1) -> None:
        ort = need("onnxruntime", "deploy")
        folder = Path(folder)
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if description["format"] != FORMAT:
            raise ValueError(
                f"{folder / DESCRIPTION}: format is {description['format']}; this version of cgt "
                f"reads {FORMAT}: export the network again"
            )
        self.classes: list[str] = description["classes"]
        self.threshold: float | list[float] = description["threshold"]
        self.points: dict[str, float] = description["points"]
        self.input_shape: list[int] = description["input_shape"]
        self._scaling = description["scaling"]
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        self._stages = [
            ort.InferenceSession(folder / name, options, providers=["CPUExecutionProvider"])
            for name in description["stages"]
        ]
        self._inputs = [[one.name for one in stage.get_inputs()] for stage in self._stages]
        self._outputs = [[one.name for one in stage.get_outputs()] for stage in self._stages]
        known = description["known"]
        self._known = None if known is None else [np.array(row, dtype=bool) for row in known]

    @property
    def num_exits(self) -> int:
        return len(self._stages)

    def scale(self, raw: np.ndarray) -> np.ndarray:
        """Raw values ``[N, C, *]`` to what :meth:`infer` takes, float32 ``[N, K, *]``.

        Raises:
            ValueError: if the network was exported without scaling.
        """
        if self._scaling is None:
            raise ValueError("this network was exported without scaling; `infer` takes what it is")
        each = (-1, *[1] * (raw.ndim - 2))  # a number for each channel
        mean, std = (np.reshape(self._scaling[name], each) for name in ("mean", "std"))
        scaled = (raw - mean) / std
        if self._scaling["projection"] is not None:
            scaled = np.einsum("nc...,ck->nk...", scaled, np.array(self._scaling["projection"]))
        return scaled.astype(np.float32)

    def infer(
        self, x: np.ndarray, threshold: float | Sequence[float] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Answer each sample at the first exit that is sure enough.

        Args:
            x: float32 ``[N, C, *]``, N ≥ 1, scaled.
            threshold: one value in [0, 1], or one for each exit but the last, which takes the rest;
                by default the one that the network was exported with.

        Returns:
            ``exit_index`` and ``prediction``, each ``[N]`` int64; exits count from 0.

        Raises:
            ValueError: for bad thresholds, or a sample that is left to the last exit and whose
                logits there are not finite.
        """
        thresholds = self._thresholds(self.threshold if threshold is None else threshold)
        exit_index = np.zeros(len(x), dtype=np.int64)
        prediction = np.zeros(len(x), dtype=np.int64)
        still_in = np.arange(len(x))
        handed = {"x": x}
        for exit, (stage, value) in enumerate(zip(self._stages, thresholds, strict=True)):
            named = dict(zip(self._outputs[exit], stage.run(None, handed), strict=True))
            logits = named.pop("logits")
            sure, answer = self._decide(exit, logits)
            exit_index[still_in], prediction[still_in] = exit, answer
            goes_on = np.flatnonzero(~(sure >= value))
            if len(goes_on) == 0:
                break
            if exit + 1 == self.num_exits:  # what the last exit does not take has no confidence
                raise ValueError(
                    "logits of the last exit hold NaN or infinity; they must be finite"
                )
            if len(goes_on) < len(still_in):
                named = {name: values[goes_on] for name, values in named.items()}
                still_in = still_in[goes_on]
            # A stage need not use all that the one before handed on.
            handed = {name: named[name] for name in self._inputs[exit + 1]}
        return exit_index, prediction

    def _decide(self, exit: int, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Confidence and prediction, as :mod:`cgt.nn.exits` has them."""
        probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        if self._known is None:
            return probabilities.max(axis=1), probabilities.argmax(axis=1)
        known = self._known[exit]
        another = probabilities.sum(axis=1, where=~known)
        own = np.where(known, probabilities, 0)
        sure = own.max(axis=1)
        return np.where(sure <= another, 0, sure), own.argmax(axis=1)

    def _thresholds(self, threshold: float | Sequence[float]) -> np.ndarray:
        early = self.num_exits - 1
        # Compared in the precision of the confidences.
        values = np.asarray(threshold, dtype=np.float32)
        if values.shape not in ((), (early,)):
            raise ValueError(
                f"threshold has shape {list(values.shape)}; a scalar or {early} values, one for "
                f"each exit but the last, are allowed"
            )
        if not np.all((values >= 0) & (values <= 1)):
            raise ValueError(f"threshold is {threshold!r}; it must lie in [0, 1]")
        return np.append(np.broadcast_to(values, early), np.float32(-np.inf))
