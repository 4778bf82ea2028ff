"""Predictions of methods from elsewhere, compared with the split that they must answer."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cgt.data.opened import open_dataset
from cgt.records.predictions import SPLITS, SplitPredictions, load_predictions


def verify_predictions(
    path: Path, dataset: str, seed: int, prepared: Path, raw_dir: Path | None
) -> None:
    """Check that a predictions file answers all validation and test samples of a prepared split.

    prepared, raw_dir: as for `cgt.data.load`. The samples stand in the order in which `load` gives
    them. Where logits are given, each exit answers with the class of its largest one.

    Raises ValueError naming the file, the array and the first sample that differs; DataError for
    missing or damaged data, or a prepared file of another seed.
    """
    predictions = load_predictions(path)
    opened = open_dataset(dataset, prepared, raw_dir, seed=seed)
    builder, raw = opened.builder, opened.raw
    classes = len(builder.classes(raw))
    for split in SPLITS:
        index = opened.prepared[f"{split}_index"]
        labels = builder.labels(raw, split)[index]
        for problem in _problems(getattr(predictions, split), index, labels, classes):
            raise ValueError(
                f"{path}: {split}_{problem}; `cgt.data.load` gives the samples of {dataset} at "
                f"seed {seed}"
            )


def _problems(
    part: SplitPredictions, index: np.ndarray, labels: np.ndarray, classes: int
) -> Iterator[str]:
    if len(part.index) != len(index):
        yield f"index has {len(part.index)} samples; the split has {len(index)}"
        return
    for name, expected in {"index": index, "target": labels}.items():
        differing = np.flatnonzero(getattr(part, name) != expected)
        if len(differing):
            first = differing[0]
            yield (
                f"{name} is {getattr(part, name)[first]} at position {first}, and {expected[first]}"
                f" in the split; {len(differing)} of {len(expected)} differ"
            )
    if (most := part.prediction.max()) >= classes:
        yield f"prediction holds class {most}; there are {classes}, from 0"
    if part.logits is None:
        return
    if part.logits.shape[2] != classes:
        yield f"logits are of {part.logits.shape[2]} classes; there are {classes}"
        return
    chosen = np.take_along_axis(part.logits, part.prediction[..., None], axis=2)[..., 0]
    differing = np.argwhere(chosen < part.logits.max(axis=2))
    if len(differing):
        exit, sample = differing[0]
        yield (
            f"prediction is not the class of the largest logit at exit {exit + 1}, position "
            f"{sample}; {len(differing)} answers differ"
        )
