"""The measured speed for people, as Markdown: one part for each benchmark that has been run."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from cgt.analysis.style import dataset_name, looks
from cgt.analysis.tables.parts import ABSENT, Rows, markdown
from cgt.files import write_text

PAGE = "performance.md"
NOTHING = "Nothing is published yet: `make bench` measures.\n"
_LOOPS = {
    "bound": "the bound: forward, backward, step",
    "conventional": "conventional: DataLoader, transforms per sample, NCHW",
    "ours": "ours",
    "ours, whole epochs": "ours, with validation, gradients, checkpoint",
}


def write_page(folder: Path) -> None:
    """Write :data:`PAGE` into a folder of measurements."""
    write_text(folder / PAGE, performance_markdown(folder))


def performance_markdown(folder: Path) -> str:
    """The page of the measurements (`*.csv`) in `folder`, the machine beside them."""
    parts = {"train": _training, "scaling": _scaling, "pipeline": _pipeline}
    found = [
        write(pd.read_csv(folder / f"{name}.csv", keep_default_na=False))
        for name, write in parts.items()
        if (folder / f"{name}.csv").is_file()
    ]
    return "\n".join([*found, _machine(folder)]) if found else NOTHING


def _training(table: pd.DataFrame) -> str:
    rows: Rows = [
        {
            "Dataset": dataset_name(row.dataset),
            "Loop": _LOOPS[row.loop],
            "Method": looks([row.method])[row.method].name if row.method else ABSENT,
            "Samples per second": f"{row.samples_per_second:,.0f}",
            "Of the bound": f"{100 * row.relative_to_bound:.0f} %",
            "Against conventional": f"{row.relative_to_conventional:.1f} ×",
        }
        for row in table.itertuples()
    ]
    note = (
        f"Training on one thread, median of {table['repeats'].min()} interleaved repeats; the "
        "bound has its batch in memory already."
    )
    return f"{markdown(rows, text=('Dataset', 'Loop', 'Method'))}\n{note}\n"


def _scaling(table: pd.DataFrame) -> str:
    rows: Rows = []
    for factor, part in table.groupby("factor", sort=False):
        first, last = part.iloc[0], part.iloc[-1]
        rows.append(
            {
                "What grows": factor,
                "From": f"{first['value']:,} to {last['value']:,}",
                "Multiply–accumulates": f"{last['macs_ratio']:.1f} ×",
                "Training time": f"{last['train_ratio']:.1f} ×",
                "Inference time": f"{last['infer_ratio']:.1f} ×",
                "Training per unit of work": f"{growth(part, 'train_seconds'):.2f}",
                "Inference per unit of work": f"{growth(part, 'infer_seconds'):.2f}",
            }
        )
    note = (
        f"A plain stack of equal stages, everything else constant, median of "
        f"{table['repeats'].min()} interleaved repeats. The last two columns are the slope of "
        f"log time against log multiply–accumulates: at 1 time grows with the work, below 1 slower."
    )
    return f"{markdown(rows, text=('What grows', 'From'))}\n{note}\n"


def growth(part: pd.DataFrame, seconds: str) -> float:
    """Slope of log time against log multiply–accumulates, by least squares."""
    slope, _ = np.polyfit(np.log(part["macs"].astype(float)), np.log(part[seconds]), deg=1)
    return float(slope)


def _pipeline(table: pd.DataFrame) -> str:
    rows: Rows = [
        {
            "What": row.what,
            "Measured": f"{row.value:.3g} {row.unit}",
            "Goal": f"{row.goal} {row.unit}" if row.goal else ABSENT,
        }
        for row in table.itertuples()
    ]
    return markdown(rows, text=("What",))


def _machine(folder: Path) -> str:
    """Machines and versions that the measurements name, each once."""
    known = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json")))
    lines = {
        f"Measured on {of['cpu']} with {of['cpu_count']} cores, Python {of['versions']['python']}, "
        f"torch {of['versions']['torch']}."
        for of in known
    }
    return "".join(f"{line}\n" for line in sorted(lines))
