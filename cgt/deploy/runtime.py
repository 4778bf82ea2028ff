"""An exported network on a device: numpy and onnxruntime, no torch.

`cgt export` writes a folder with one ONNX file a stage, each with its exit and its decision, all of
them nested in one file, and `network.json`. In batches a stage runs only for the samples that no
exit before it was sure of; a single sample is one call of the one file.
"""

from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from cgt.records.extras import need
from cgt.records.network_file import DESCRIPTION, read_checked, read_description

CPU = ("CPUExecutionProvider",)
_ANSWER = ["exit", "prediction"]
_TYPES = {"tensor(float16)": "float16", "tensor(float)": "float32", "tensor(double)": "float64"}
"""Of confidences, in onnxruntime's words and in numpy's."""


class Deployed:
    """An exported network, ready to answer.

    Args:
        folder: what `cgt export` wrote.
        threads: CPU threads of each stage, ≥ 1; 1 if neither it nor ``options`` is given.
        providers: of onnxruntime, first choice first: names, or pairs of name and options.
        options: an ``onnxruntime.SessionOptions`` instead of ``threads``, for whatever else it
            knows.
        single_file: whether single samples go through the file of all stages. It is the faster
            way, and holds the weights once more.

    Attributes:
        classes: names, by class number.
        threshold: the one it was exported with: the confidence in [0, 1] that an exit needs.
        points: thresholds that validation data chose for other trade-offs, by name.
        input_shape: of one scaled sample, [C, *].
        quantized: ``None``, or on how many samples the int8 network was compared with the float
            one, and the shares of those with the same exit and the same prediction.

    Raises:
        FileNotFoundError: if the folder is not an exported network.
        ModuleNotFoundError: without the extra `deploy`.
        ValueError: naming the file, if anything in the folder is not what was exported; for
            threads, providers or options that there are not.
    """

    def __init__(
        self,
        folder: Path | str,
        threads: int | None = None,
        *,
        providers: Sequence[Any] = CPU,
        options: Any = None,
        single_file: bool = True,
    ) -> None:
        ort = need("onnxruntime", "deploy")
        folder = Path(folder)
        known = read_description(folder)
        self.classes: list[str] = known["classes"]
        self.points: dict[str, float | list[float]] = known["points"]
        self.input_shape: list[int] = known["input_shape"]
        self.quantized: dict[str, Any] | None = known["quantized"]
        self._threshold: float | list[float] = known["threshold"]
        self._scaling = known["scaling"]
        self._dtype, self._shape = np.dtype(known["input_dtype"]), tuple(self.input_shape)
        opened = {
            "sess_options": _options(ort, threads, options),
            "providers": _providers(ort, providers),
        }
        self._stages = [
            _open(ort, folder / name, known, str(number), opened)
            for number, name in enumerate(known["stages"], start=1)
        ]
        self._asked = self._names_between(folder, known["stages"])
        (sure,) = (one for one in self._stages[0].get_outputs() if one.name == "confidence")
        self._precision = np.dtype(_TYPES[sure.type])
        self._thresholds = self._as_thresholds(self._threshold)
        self._single = None
        if single_file:
            path = folder / known["single_file"]
            self._single = _open(ort, path, known, "all", opened)
            (x, *_), names = self._single.get_inputs(), self._single.get_outputs()
            if x.shape != [1, *self._shape] or [one.name for one in names][:2] != _ANSWER:
                _refuse(path, "takes or gives something else")

    @property
    def num_exits(self) -> int:
        return len(self._stages)

    @property
    def threshold(self) -> float | list[float]:
        return self._threshold

    def scale(self, raw: np.ndarray) -> np.ndarray:
        """Raw values ``[N, C, *]`` to what :meth:`infer` takes, ``[N, K, *]``.

        Raises:
            ValueError: if the network was exported without scaling, or for another number of
                channels, or values that are no numbers.
        """
        if self._scaling is None:
            raise ValueError("this network was exported without scaling; `infer` takes what it is")
        raw, channels = _as_array("raw", raw), len(self._scaling["mean"])
        if raw.dtype.kind not in "fiu" or raw.ndim != 1 + len(self._shape):
            raise ValueError(
                f"raw is an array of {raw.dtype} with shape {list(raw.shape)}; numbers "
                f"[N, {channels}, *] with {1 + len(self._shape)} axes are needed"
            )
        if raw.shape[1] != channels:
            raise ValueError(
                f"raw has shape {list(raw.shape)}; {channels} channels are needed: [N, C, *]"
            )
        each = (-1, *[1] * (raw.ndim - 2))  # a number for each channel
        mean, std = (np.reshape(self._scaling[name], each) for name in ("mean", "std"))
        scaled = (raw - mean) / std
        if self._scaling["projection"] is not None:
            scaled = np.einsum("nc...,ck->nk...", scaled, np.array(self._scaling["projection"]))
        return scaled.astype(self._dtype)

    def infer(
        self, x: np.ndarray, threshold: float | Sequence[float] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Answer each sample at the first exit that is sure enough.

        Args:
            x: ``[N, *input_shape]``, scaled, of the type that the network was exported for (float32
                unless said); N may be 0.
            threshold: one value in [0, 1], or one for each exit but the last, which takes the rest;
                by default the one that the network was exported with.

        Returns:
            ``exit_index`` and ``prediction``, each ``[N]`` int64; exits count from 0.

        Raises:
            ValueError: for another shape or type, bad thresholds, or a sample that is left to the
                last exit and has no confidence there: its logits are not finite.
        """
        if not (type(x) is np.ndarray and x.dtype == self._dtype and x.shape[1:] == self._shape):
            x = self._as_input(x)
        if len(x) == 1 and self._single is not None:
            return self._infer_one(x, threshold)
        values = self._thresholds if threshold is None else self._as_thresholds(threshold)
        exit_index = np.zeros(len(x), dtype=np.int64)
        prediction = np.zeros(len(x), dtype=np.int64)
        still_in = np.arange(len(x))
        if len(x) == 0:
            return exit_index, prediction
        handed = {"x": x}
        for exit, (stage, value) in enumerate(zip(self._stages, values, strict=True)):
            asked = self._asked[exit]
            try:
                sure, answer, *features = stage.run(asked, handed)
            except Exception as error:  # onnxruntime has many, none of them public
                _not_computed(f"stage {exit + 1}", error)
            exit_index[still_in], prediction[still_in] = exit, answer
            goes_on = np.flatnonzero(~(sure >= value))
            if len(goes_on) == 0:
                break
            if exit + 1 == self.num_exits:  # what the last exit does not take has no confidence
                _no_confidence()
            if len(goes_on) < len(still_in):
                features = [values[goes_on] for values in features]
                still_in = still_in[goes_on]
            handed = dict(zip(asked[2:], features, strict=True))
        return exit_index, prediction

    def _infer_one(
        self, x: np.ndarray, threshold: float | Sequence[float] | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """One call: the file decides, and has the default thresholds in it."""
        given = {"x": x}
        if threshold is not None:
            values = self._as_thresholds(threshold)
            given |= {f"threshold_{n}": values[n - 1 : n] for n in range(1, self.num_exits)}
        try:
            exit, prediction = self._single.run(_ANSWER, given)
        except Exception as error:
            _not_computed("the network", error)
        if exit[0] < 0:
            _no_confidence()
        return exit, prediction

    def _names_between(self, folder: Path, files: Sequence[str]) -> list[list[str]]:
        """What each stage is asked for: its decision, and what the next one takes."""
        taken = [[one.name for one in stage.get_inputs()] for stage in self._stages] + [[]]
        if taken[0] != ["x"]:
            _refuse(folder / files[0], f"takes {', '.join(taken[0])}, not x")
        asked = []
        for stage, name, next_takes in zip(self._stages, files, taken[1:], strict=True):
            names = ["confidence", "prediction", *next_takes]
            given = {one.name for one in stage.get_outputs()}
            if missing := [one for one in names if one not in given]:
                _refuse(folder / name, f"does not give {', '.join(missing)}")
            asked.append(names)
        self._check_fit(folder, files)
        return asked

    def _check_fit(self, folder: Path, files: Sequence[str]) -> None:
        """Whether each stage takes what it is given, in type and shape, as far as files say it."""
        (x,) = self._stages[0].get_inputs()
        if not _may_be(x.shape, ["N", *self._shape]):
            _refuse(folder / files[0], f"takes x of shape {x.shape}")
        for before, stage, name in zip(self._stages, self._stages[1:], files[1:], strict=False):
            given = {one.name: one for one in before.get_outputs()}
            for one in stage.get_inputs():
                other = given[one.name]
                if one.type != other.type or not _may_be(one.shape, other.shape):
                    what = f"takes {one.name} as {one.type} of shape {one.shape}"
                    _refuse(folder / name, f"{what} and is given {other.type} of {other.shape}")

    def _as_input(self, x: Any) -> np.ndarray:
        """``x`` as an array that a stage takes, or the reason why it is none."""
        found = _as_array("x", x)
        if found.dtype.newbyteorder("=") != self._dtype:
            raise ValueError(
                f"x is an array of {found.dtype}; {self._dtype} is needed: "
                f"x.astype(np.{self._dtype}), after scaling"
            )
        if found.ndim == 0 or found.shape[1:] != self._shape:
            needed = ", ".join(map(str, ("N", *self._shape)))
            raise ValueError(f"x has shape {list(found.shape)}; [{needed}] is needed")
        return found.astype(self._dtype, copy=False)

    def _as_thresholds(self, threshold: float | Sequence[float]) -> np.ndarray:
        """One for each exit, in the precision of the confidences; the last takes the rest."""
        early = self.num_exits - 1
        try:
            given = np.asarray(threshold)
        except (TypeError, ValueError, RuntimeError):
            given = np.asarray(None)
        if given.dtype.kind not in "fiub":  # words that spell numbers are none
            raise ValueError(
                f"threshold is {threshold!r}; a scalar or {early} values in [0, 1] are allowed"
            )
        values = given.astype(np.float64)
        if values.shape not in ((), (early,)):
            raise ValueError(
                f"threshold has shape {list(values.shape)}; a scalar or {early} values, one for "
                f"each exit but the last, are allowed"
            )
        if not np.all((values >= 0) & (values <= 1)):
            raise ValueError(f"threshold is {threshold!r}; it must lie in [0, 1]")
        return np.append(np.broadcast_to(values, early), -np.inf).astype(self._precision)


def _as_array(name: str, given: Any) -> np.ndarray:
    try:
        # Lists of unequal rows, tensors of a GPU or with a gradient: each has an error of its own.
        found = np.asarray(given)
    except Exception as error:
        raise ValueError(
            f"{name} is a {type(given).__name__} that numpy does not take ({error}); an array is "
            f"needed"
        ) from error
    if isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given):
        raise ValueError(f"{name} has masked values; fill them first: {name}.filled(...)")
    return found


def _options(ort: Any, threads: int | None, options: Any) -> Any:
    if options is not None:
        if not isinstance(options, ort.SessionOptions):
            raise ValueError(
                f"options is a {type(options).__name__}; an onnxruntime.SessionOptions is needed"
            )
        if threads is not None:
            raise ValueError("threads and options are both given; set the threads in the options")
        return options
    threads = 1 if threads is None else threads
    if not isinstance(threads, Integral) or isinstance(threads, bool) or threads < 1:
        raise ValueError(f"threads is {threads!r}; a whole number from 1 is needed")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = int(threads)
    options.log_severity_level = 3  # errors; it warns of each threshold that is an input
    return options


def _providers(ort: Any, providers: Sequence[Any]) -> list[Any]:
    """Checked by name: onnxruntime takes the CPU in place of one that it does not have."""
    there = ort.get_available_providers()
    given = [providers] if isinstance(providers, str) else list(providers)
    for one in given:
        name = one[0] if isinstance(one, tuple) and len(one) == 2 else one
        if name not in there:
            raise ValueError(f"provider {name!r} is not there; allowed are {', '.join(there)}")
    if not given:
        raise ValueError(f"no provider is given; allowed are {', '.join(there)}")
    return given


def _open(
    ort: Any, path: Path, known: Mapping[str, Any], stage: str, opened: Mapping[str, Any]
) -> Any:
    """A session of a file that says itself which part of which network it is."""
    content = read_checked(path, known["files"][path.name])
    try:
        session = ort.InferenceSession(content, **opened)
    except Exception as error:  # onnxruntime has many, none of them public
        raise ValueError(f"{path}: onnxruntime cannot open it ({error})") from error
    found = session.get_modelmeta().custom_metadata_map
    here = {
        "stage": stage,
        "stages": str(len(known["stages"])),
        "classes": str(len(known["classes"])),
        "input_shape": str(known["input_shape"]),
        "input_dtype": known["input_dtype"],
    }
    for key, value in here.items():
        if found.get(key) != value:
            _refuse(path, f"has {key} {found.get(key)}, where {DESCRIPTION} says {value}")
    return session


def _refuse(path: Path, what: str) -> NoReturn:
    raise ValueError(f"{path}: {what}; it is another network's: export the network again")


def _may_be(taken: Sequence[Any], given: Sequence[Any]) -> bool:
    """Whether shapes can be equal; axes without a number can have any size."""
    return len(taken) == len(given) and all(
        one == other
        for one, other in zip(taken, given, strict=True)
        if isinstance(one, int) and isinstance(other, int)
    )


def _not_computed(what: str, error: Exception) -> NoReturn:
    said = " ".join(str(error).split())
    raise ValueError(
        f"{what} cannot be computed for this x ({said}); it may hold values that the network has "
        f"no words for, such as numbers of unknown tokens"
    ) from error


def _no_confidence() -> NoReturn:
    raise ValueError("logits of the last exit hold NaN or infinity; they must be finite")
