"""What the pictures are drawn from: small arrays and one CSV, made from predictions."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED

import numpy as np
import pandas as pd

from cgt.analysis.summary import Run
from cgt.operate.routing import exit_index, select
from cgt.records.csv_schema import write_csv
from cgt.records.files import save_npz
from cgt.records.predictions import SplitPredictions, load_predictions

THRESHOLD = 0.9
"""The threshold of all pictures, for all exits."""

CLASS_NAMES = ("dataset", "class", "name")
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
    samples: Callable[[np.ndarray], np.ndarray],
    class_names: Sequence[str],
    method: str,
    seed: int,
) -> None:
    """Write the chosen samples as they are, compressed, since they stand in the repository.

    samples: takes positions in the dataset, int64 of any shape [...], and gives images, uint8
        [..., H, W] or [..., H, W, 3], black for -1, or signals, float32 [..., L], NaN for -1. The
        file calls them `image` or `signal`.
    """
    chosen = choose(test, len(class_names))
    found = samples(chosen["index"])
    save_npz(
        out,
        compression=ZIP_DEFLATED,
        **{"image" if found.dtype == np.uint8 else "signal": found},
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


def write_confusion(
    runs: Mapping[Run, Path], class_names: Mapping[str, Sequence[str]], out_dir: Path
) -> None:
    """Write `confusion.csv`, of all runs, and `class_names.csv` beside it.

    Args:
        runs: predictions file of each run.
        class_names: of every dataset among the runs, in the order of their numbers.
        out_dir: folder to write into.

    Raises:
        ValueError: if a dataset has no class names, or fewer than its runs have classes.
    """
    if missing := sorted({dataset for dataset, _, _ in runs} - class_names.keys()):
        raise ValueError(f"{missing[0]} has no class names; its reference file is needed")
    tables = []
    for run, path in runs.items():
        table = confusion(load_predictions(path).test, run)
        highest = table[["target", "prediction"]].max(axis=None)
        if highest >= len(class_names[run[0]]):
            names = len(class_names[run[0]])
            raise ValueError(f"{path}: holds class {highest}; {run[0]} has {names} class names")
        tables.append(table)
    names = [
        (dataset, number, name)
        for dataset, own in class_names.items()
        for number, name in enumerate(own)
    ]
    write_csv(pd.concat(tables, ignore_index=True), out_dir / "confusion.csv")
    write_csv(pd.DataFrame(names, columns=list(CLASS_NAMES)), out_dir / "class_names.csv")
