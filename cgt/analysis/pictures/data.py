"""What the pictures are drawn from: small arrays and one CSV, made from predictions."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED

import numpy as np
import pandas as pd

from cgt.records.csv_schema import write_csv
from cgt.analysis.summary import Run
from cgt.operate.routing import exit_index, select
from cgt.records.files import save_npz
from cgt.records.predictions import SplitPredictions, load_predictions

THRESHOLD = 0.9
"""The threshold τ of all pictures."""

CONFUSION = ("dataset", "method", "seed", "exit", "target", "prediction", "count")
NONE = -1


def choose(test: SplitPredictions, num_classes: int, each: int = 2) -> dict[str, np.ndarray]:
    """Choose samples that leave at each exit, right (0) and wrong (1), of each class.

    They are the first ones in the order of the test set, so nobody picked them. Returns `index`
    int64 [E, 2, C, each], their positions in the dataset, and `answer` int64 of the same shape,
    both -1 where there are fewer; `count` int64 [E, 2, C], how many there are.
    """
    leaves = exit_index(test.confidence, THRESHOLD)
    answers = select(test.prediction, leaves)
    cells = (len(test.prediction), 2, num_classes)
    index, answer = (np.full((*cells, each), NONE) for _ in range(2))
    count = np.zeros(cells, dtype=np.int64)
    in_order = np.argsort(test.index)
    cell_of = np.stack([leaves, (answers != test.target).astype(int), test.target], axis=1)
    for sample in in_order:
        cell = tuple(cell_of[sample])
        if count[cell] < each:
            index[(*cell, count[cell])] = test.index[sample]
            answer[(*cell, count[cell])] = answers[sample]
        count[cell] += 1
    return {"index": index, "answer": answer, "count": count}


def write_gallery(
    out: Path,
    test: SplitPredictions,
    images: Callable[[np.ndarray], np.ndarray],
    class_names: Sequence[str],
    method: str,
    seed: int,
) -> None:
    """Write the chosen samples with their images, compressed, since they stand in the repository.

    images: from positions in the dataset, int64 of any shape, to uint8 images, black for -1.
    """
    chosen = choose(test, len(class_names))
    save_npz(
        out,
        compression=ZIP_DEFLATED,
        image=images(chosen["index"]),
        **chosen,
        class_names=class_names,
        shown=method,
        seed=seed,
        threshold=THRESHOLD,
    )


def confusion(test: SplitPredictions, run: Run) -> pd.DataFrame:
    """How often each class gets each answer, of the samples that leave at each exit.

    Exits count from 1, classes from 0; only what occurs has a row.
    """
    leaves = exit_index(test.confidence, THRESHOLD)
    cells = np.stack([leaves + 1, test.target, select(test.prediction, leaves)], axis=1)
    found, counts = np.unique(cells, axis=0, return_counts=True)
    rows = [(*run, *cell, count) for cell, count in zip(found.tolist(), counts, strict=True)]
    return pd.DataFrame(rows, columns=list(CONFUSION))


def write_confusion(runs: Mapping[Run, Path], out: Path) -> None:
    """Write the confusion of all runs, given their predictions files, as one CSV."""
    tables = [confusion(load_predictions(path).test, run) for run, path in runs.items()]
    write_csv(pd.concat(tables, ignore_index=True), out)
