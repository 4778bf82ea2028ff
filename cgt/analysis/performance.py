"""The measured speed for people, as Markdown: one part for each benchmark that has been run."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from cgt.analysis.style import dataset_name, looks, order, point_name
from cgt.analysis.tables.parts import ABSENT, Rows, markdown
from cgt.files import write_text

PAGE = "performance.md"
NOTHING = "Nothing is published yet: `make bench` measures.\n"
_POINT = "knee"
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
    parts = {
        "infer_*": _inference,
        "train": _training,
        "scaling": _scaling,
        "pipeline": _pipeline,
    }
    found = []
    for name, write in parts.items():
        tables = [
            pd.read_csv(path, keep_default_na=False) for path in sorted(folder.glob(f"{name}.csv"))
        ]
        if tables:
            found.append(write(pd.concat(tables)))
    return "\n".join([*found, _machine(folder)]) if found else NOTHING


def _inference(table: pd.DataFrame) -> str:
    """One row for each dataset and method that stops early, at the knee."""
    at_knee = table[table["point"] == _POINT]
    rows: Rows = []
    for dataset in order(at_knee, "dataset"):
        for method, part in at_knee[at_knee["dataset"] == dataset].groupby("method", sort=False):
            of = part.set_index(["variant", "batch"])
            one, many = of.loc["infer", 1], of.loc["infer", 256]
            rows.append(
                {
                    "Dataset": dataset_name(dataset),
                    "Method": looks([method])[method].name,
                    "Multiply–accumulates": _share(many["relative_macs"]),
                    "Time, batch 256": _share(many["relative_time"]),
                    "Time, batch 1": _share(one["relative_time"]),
                    "Deciding, batch 1": _share(one["decision_overhead"]),
                    "p50 / p95 / p99 (ms)": _latency(one),
                    "onnxruntime (ms)": _latency(of.loc["deployed", 1]),
                }
            )
    note = (
        f"Inference on one thread at the operating point *{point_name(_POINT)}*. "
        "Multiply–accumulates and time are relative to the same network run to the end, measured "
        "in turn; *deciding*: what the exits' decisions add to it where nobody leaves early. The "
        "last two columns are the latency of one sample. Answers that differ from what the run "
        "wrote, over all points, batch sizes and engines on the whole test sets: "
        f"{_disagreements(table)}."
    )
    return f"{markdown(rows, text=('Dataset', 'Method'))}\n{note}\n"


def _disagreements(table: pd.DataFrame) -> str:
    counts = [int(float(count)) for count in table["disagreements"] if count != ""]
    return f"{sum(counts)} in {len(counts)} passes"


def _share(share: float | str) -> str:
    return f"{100 * float(share):.0f} %"


def _latency(row: pd.Series) -> str:
    return " / ".join(f"{float(row[f'{p}_ms']):.2f}" for p in ("p50", "p95", "p99"))


def _training(table: pd.DataFrame) -> str:
    rows: Rows = [
        {
            "Dataset": dataset_name(row.dataset),
            "Loop": _LOOPS[row.loop],
            "Method": looks([row.method])[row.method].name if row.method else ABSENT,
            "Samples per second": f"{row.samples_per_second:,.0f}",
            "Of the bound": _share(row.relative_to_bound),
            "Against conventional": f"{row.relative_to_conventional:.1f} ×",
        }
        for row in table.itertuples()
    ]
    note = (
        f"Training on one thread, median of {table['repeats'].min()} interleaved repeats; the "
        "bound has its batch in memory already. Ratios are taken within a repeat, so their medians "
        "are not quotients of the median rates."
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
                "Training per unit of work": f"{growth(part, 'train_ratio'):.2f}",
                "Inference per unit of work": f"{growth(part, 'infer_ratio'):.2f}",
            }
        )
    note = (
        f"A plain stack of equal stages, everything else constant, median of "
        f"{table['repeats'].min()} interleaved repeats. The last two columns are the slope of "
        f"log time against log multiply–accumulates: at 1 time grows with the work, below 1 slower."
    )
    return f"{markdown(rows, text=('What grows', 'From'))}\n{note}\n"


def growth(part: pd.DataFrame, ratio: str) -> float:
    """Slope of log relative time against log relative multiply–accumulates, by least squares."""
    slope, _ = np.polyfit(np.log(part["macs_ratio"]), np.log(part[ratio]), deg=1)
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
