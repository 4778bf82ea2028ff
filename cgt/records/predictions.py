"""The contract between training and evaluation: one `predictions.npz` per run.

Whatever writes this file is a method, inside this package or not. It holds, for every sample of the
validation and the test split, what each exit answers and how sure it is, and what reaching each
exit costs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from cgt.records.files import load_npz, save_npz

SPLITS = ("val", "test")
MOST_CLASSES = 1 << 16
"""Bound of class numbers where no logits say how many classes there are."""
MOST_MACS = 10**15
"""Far more than any network here: sums of costs over a split stay exact as floats."""
MOST_SAMPLES = 1 << 40
"""Bound of positions in a dataset."""


@dataclass(frozen=True)
class SplitPredictions:
    """Answers of E exits to N samples of one split."""

    prediction: np.ndarray  # [E, N] int64, predicted class
    confidence: np.ndarray  # [E, N] float32 in [0, 1]
    target: np.ndarray  # [N] int64, true class
    index: np.ndarray  # [N] int64, position of the sample in the dataset
    logits: np.ndarray | None = None  # [E, N, C] float32


@dataclass(frozen=True)
class Predictions:
    """Both evaluation splits of one run, and its costs.

    `macs` is int64 [E]: multiply-accumulates of one sample up to and including exit e, earlier
    heads included.
    """

    val: SplitPredictions
    test: SplitPredictions
    macs: np.ndarray


DTYPES = {
    "prediction": np.int64,
    "confidence": np.float32,
    "target": np.int64,
    "index": np.int64,
    "logits": np.float32,
}
OPTIONAL = {f"{split}_logits" for split in SPLITS}
KEYS = {f"{split}_{name}" for split in SPLITS for name in DTYPES} | {"macs"}


def save_predictions(path: Path | str, predictions: Predictions) -> None:
    """Write `predictions` to `path`, atomically and byte for byte reproducibly.

    Raises ValueError if the arrays break the contract; nothing is written then.
    """
    arrays = {"macs": predictions.macs}
    for split in SPLITS:
        part = getattr(predictions, split)
        for field in fields(part):
            value = getattr(part, field.name)
            if value is not None:
                arrays[f"{split}_{field.name}"] = value
    _validate(arrays, Path(path))
    save_npz(path, **arrays)


def load_predictions(path: Path | str) -> Predictions:
    """Read and check a predictions file; pickled content is never loaded.

    Raises ValueError naming the file, the key and what is allowed, if anything breaks the contract.
    """
    path = Path(path)
    arrays = load_npz(path)
    _validate(arrays, path)
    parts = {
        split: SplitPredictions(**{name: arrays.get(f"{split}_{name}") for name in DTYPES})
        for split in SPLITS
    }
    return Predictions(**parts, macs=arrays["macs"])


def _validate(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    unknown = sorted(set(arrays) - KEYS)
    if unknown:
        raise ValueError(f"{path}: unknown key {unknown[0]!r}; allowed are {sorted(KEYS)}")
    missing = sorted(KEYS - OPTIONAL - set(arrays))
    if missing:
        raise ValueError(f"{path}: key {missing[0]!r} is missing")

    macs = _typed(arrays, "macs", np.int64, path)
    if macs.ndim != 1 or len(macs) == 0:
        raise ValueError(f"{path}: macs has shape {macs.shape}; it must be [E] with E >= 1")
    if macs[0] <= 0 or np.any(np.diff(macs) <= 0):
        raise ValueError(
            f"{path}: macs is {macs.tolist()}; it must be positive and rise from exit to exit"
        )
    if macs[-1] > MOST_MACS:
        raise ValueError(f"{path}: macs holds {macs[-1]}; it must be at most {MOST_MACS}")
    for split in SPLITS:
        _validate_split(arrays, split, len(macs), path)
    classes = {arrays[name].shape[2] for name in OPTIONAL & arrays.keys()}
    if len(classes) > 1:
        raise ValueError(f"{path}: val_logits and test_logits are of {sorted(classes)} classes")


def _validate_split(arrays: Mapping[str, np.ndarray], split: str, exits: int, path: Path) -> None:
    values = {
        name: _typed(arrays, f"{split}_{name}", dtype, path)
        for name, dtype in DTYPES.items()
        if f"{split}_{name}" in arrays
    }
    target = values["target"]
    if target.ndim != 1 or len(target) == 0:
        raise ValueError(
            f"{path}: {split}_target has shape {target.shape}; it must be [N] with N >= 1"
        )
    samples = len(target)
    shapes = {
        "prediction": (exits, samples),
        "confidence": (exits, samples),
        "index": (samples,),
    }
    for name, shape in shapes.items():
        if values[name].shape != shape:
            raise ValueError(
                f"{path}: {split}_{name} has shape {values[name].shape}; it must be {shape}, "
                f"for {exits} exits (macs) and {samples} samples ({split}_target)"
            )
    for name in ("prediction", "target", "index"):
        if values[name].min() < 0:
            raise ValueError(f"{path}: {split}_{name} holds {values[name].min()}; it must be >= 0")
    if len(np.unique(values["index"])) != samples:
        raise ValueError(
            f"{path}: {split}_index holds a position twice; each sample must be unique"
        )
    confidence = values["confidence"]
    if not np.all((confidence >= 0) & (confidence <= 1)):  # NaN fails this, too
        raise ValueError(f"{path}: {split}_confidence must be finite and in [0, 1]")

    logits = values.get("logits")
    if logits is not None:
        _validate_logits(logits, split, (exits, samples), path)
    classes = MOST_CLASSES if logits is None else logits.shape[2]
    bounds = dict.fromkeys(("prediction", "target"), classes)
    for name, bound in {**bounds, "index": MOST_SAMPLES}.items():
        if values[name].max() >= bound:
            raise ValueError(
                f"{path}: {split}_{name} holds {values[name].max()}; it must be below {bound}"
            )


def _validate_logits(logits: np.ndarray, split: str, shape: tuple[int, int], path: Path) -> None:
    exits, samples = shape
    if logits.ndim != 3 or logits.shape[:2] != (exits, samples) or logits.shape[2] == 0:
        raise ValueError(
            f"{path}: {split}_logits has shape {logits.shape}; it must be ({exits}, {samples}, C)"
        )
    if not np.all(np.isfinite(logits)):
        raise ValueError(f"{path}: {split}_logits must be finite")


def _typed(arrays: Mapping[str, np.ndarray], key: str, dtype: type, path: Path) -> np.ndarray:
    if arrays[key].dtype != dtype:
        raise ValueError(
            f"{path}: {key} has dtype {arrays[key].dtype}; it must be {np.dtype(dtype)}"
        )
    return arrays[key]
