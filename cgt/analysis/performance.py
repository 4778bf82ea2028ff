"""The measured speed for people, as Markdown: one part for each benchmark that has been run."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from cgt.analysis.comparisons import reference_of
from cgt.analysis.statistics import span
from cgt.analysis.style import dataset_name, looks, order, point_name
from cgt.analysis.tables.parts import ABSENT, Rows, markdown
from cgt.records.csv_schema import read_csv, refuse_former_names
from cgt.records.files import write_text

PAGE = "performance.md"
DEVICE = "device.md"
"""What exits save on a device alone, for the page on devices."""
NOTHING = "Nothing is published yet: `make bench` measures.\n"
_POINT = "one_se"
_NAMED = ("python", "torch", "onnxruntime", "snakemake")
_LOOPS = {
    "bound": "the bound: forward, backward, step",
    "conventional": "conventional: DataLoader, transforms per sample, NCHW",
    "ours": "ours",
    "ours, whole epochs": "ours, with validation, gradients, checkpoint",
}


def write_page(folder: Path) -> None:
    """Write all of :func:`pages` into a folder of measurements.

    Raises FileNotFoundError if there is no such folder, ValueError as `performance_markdown`.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder of measurements; `make bench` makes one")
    for name, text in pages(folder).items():
        write_text(folder / name, text)


def pages(folder: Path) -> dict[str, str]:
    """:data:`PAGE`, and :data:`DEVICE` where that was measured, by name."""
    found = {PAGE: performance_markdown(folder)}
    if (path := folder / "device.csv").is_file():
        found[DEVICE] = device_markdown(pd.read_csv(path, keep_default_na=False))
    return found


def performance_markdown(folder: Path) -> str:
    """The page of the measurements (`*.csv`) in `folder`, the machine beside them.

    Raises ValueError naming the file if one holds no measurements, or has names of an earlier
    version.
    """
    parts = {
        "infer_*": _inference,
        "device": _device,
        "train": _training,
        "entries_*": _entries,
        "scaling": _scaling,
        "pipeline": _pipeline,
    }
    found = []
    for name, write in parts.items():
        paths = sorted(folder.glob(f"{name}.csv"))
        tables = [read_csv(path) for path in paths]
        for path, table in zip(paths, tables, strict=True):
            refuse_former_names(table, path)
        if tables:
            with readable(paths):
                found.append(write(pd.concat(tables)))
    return "\n".join([*found, _machine(folder)]) if found else NOTHING


@contextmanager
def readable(paths: Sequence[Path]) -> Iterator[None]:
    """Raise ValueError naming the files if the block finds no measurements in them."""
    try:
        yield
    except (KeyError, IndexError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{', '.join(map(str, paths))}: not what `cgt bench` measured ({error!r}); measure anew"
        ) from error


def _inference(table: pd.DataFrame) -> str:
    """One table for each engine: methods that stop early (one-SE point), and those that do not."""
    stops = table["variant"] == "infer"
    shown = table[(stops & (table["point"] == _POINT)) | table["variant"].str.startswith("prefix")]
    parts = []
    for engine, part in shown.groupby("engine", sort=False):
        groups = part.groupby(["dataset", "method", "variant"], sort=False)
        rows = [_inference_row(*key, of.set_index("batch")) for key, of in groups]
        parts.append(f"With {engine}:\n\n{markdown(rows, text=('Dataset', 'Method'))}")
    note = (
        f"On one thread, seed {', '.join(map(str, table['seed'].unique()))}; methods that "
        f"stop early at the operating point *{point_name(_POINT)}*. Accuracy: of this seed, on the "
        "whole test set. Multiply–accumulates and time: relative to the same network without its "
        f"early exits, by the same engine{_baseline(table)}; time measured in turn, with the "
        "smallest and largest of the rounds. *Deciding*: what the exits' decisions add to the "
        "network with all its exits "
        "where nobody leaves early. The last column is of single samples, answered twice, of which "
        "the second time counts: caches are warm. Its spread is the machine's, too: static ones do "
        f"the same work for every sample. {_simulated(table)} {_disagreements(table)}"
    )
    return "\n".join([*parts, f"{note}\n"])


def _inference_row(dataset: str, method: str, variant: str, of: pd.DataFrame) -> dict[str, str]:
    one, many = of.loc[1], of.loc[256]
    depth = f", depth {variant.removeprefix('prefix_')}" if variant.startswith("prefix") else ""
    overhead = one["decision_overhead"]
    return {
        "Dataset": dataset_name(dataset),
        "Method": f"{looks([method])[method].name}{depth}",
        "Accuracy": f"{100 * one['accuracy']:.2f}",
        "Multiply–accumulates": _share(many["relative_macs"]),
        "Time, batch 256": _time(many),
        "Time, batch 7": _time(of.loc[7]),
        "Time, batch 1": _time(one),
        "Deciding, batch 1": ABSENT if overhead == "" else _share(overhead),
        "Samples per second, batch 256": f"{many['samples_per_second']:,.0f}",
        "p50 / p95 / p99 (ms)": _latency(one),
    }


def _time(row: pd.Series) -> str:
    low, high = (100 * row[f"relative_time_{end}"] for end in ("low", "high"))
    return f"{_share(row['relative_time'])} ({low:.0f} to {high:.0f})"


def _baseline(table: pd.DataFrame) -> str:
    """What that network is in onnxruntime, if all measurements say so: older ones do not."""
    given = table.loc[table["engine"] == "onnxruntime"].get("baseline")
    if given is None or len(given) == 0 or set(given) != {"bare session"}:
        return ""
    return " (in onnxruntime a bare session, without any code of ours)"


def _simulated(table: pd.DataFrame) -> str:
    """What it takes to compute all exits and choose afterwards, at the page's point."""
    rows = table[(table["variant"] == "simulated") & (table["point"] == _POINT)]
    ranges = [
        f"{100 * part.min():.0f} to {_share(part.max())} in batches of {batch}"
        for batch, part in rows.groupby("batch")["relative_time"]
    ]
    return f"*Simulated* routing, which computes all exits first, takes {', '.join(ranges)}."


def _disagreements(table: pd.DataFrame) -> str:
    """How many answers of all passes over the test sets are not those that the run wrote."""
    passes = table[table["disagreements"] != ""]
    different = passes["disagreements"].astype(float)
    text = f"Answers that differ from what the run wrote: {different.sum():.0f} of all in "
    text += f"{len(passes)} passes over whole test sets"
    if different.sum() == 0:
        return f"{text}."
    distance = passes.loc[different > 0, "disagreement_distance"].astype(float).max()
    if np.isinf(distance):
        return f"{text}, some at the exit that the run took."
    return f"{text}, where the confidence is at most {distance:.1g} from the threshold."


def _share(share: float | str) -> str:
    return f"{100 * float(share):.0f} %"


def _latency(row: pd.Series) -> str:
    return " / ".join(f"{float(row[f'{p}_ms']):.2f}" for p in ("p50", "p95", "p99"))


_WAYS = {
    "deployed": "`Deployed`",
    "staged": "`Deployed`, staged",
    "single_file": "`network.onnx`",
    "infer": "`infer`",
}


def device_markdown(table: pd.DataFrame) -> str:
    """Exits against the same network without them, in time: a row for each network and way.

    table: what :func:`cgt.bench.device.bench_device` writes.
    """
    rows: Rows = []
    for row in table[table["way"] != "bare"].itertuples():
        form = row.memory_format.replace("_", "-")
        bare = table[
            (table["network"] == row.network)
            & (table["memory_format"] == row.memory_format)
            & (table["way"] == "bare")
        ]
        (mean,) = bare["mean_us"]
        met = "yes" if float(row.relative_time) <= float(row.goal) else "**no**"
        rows.append(
            {
                "Network": f"`{row.network}`",
                "Input": row.input.replace("x", " × "),
                "Way": f"{_WAYS[row.way]}{f', {form}' if form else ''}",
                "Batch": f"{row.batch}",
                "Exits' shares": " / ".join(
                    f"{100 * float(share):.0f}" for share in row.exit_shares.split()
                ),
                "MACs": f"{row.relative_macs:.2f}",
                "Time": f"{row.relative_time:.3f} "
                f"({row.relative_time_low:.2f} to {row.relative_time_high:.2f})",
                "Goal": f"≤ {float(row.goal):.3f}",
                "Met": met,
                "Without exits (µs)": f"{mean:,.0f}",
            }
        )
    return markdown(rows, text=("Network", "Input", "Way"))


def _device(table: pd.DataFrame) -> str:
    single = table[table["engine"] == "onnxruntime"]
    note = (
        "Exits on a device: multiply–accumulates and time relative to the same network without "
        "exits, onnxruntime's in one bare session, torch's the module in the same memory format. "
        "Random weights, thresholds at which samples leave in the shares given (%). Time: of the "
        f"samples' medians over {span(table['rounds'])} rounds in which all ways take turns, each "
        "answering twice, of which the second counts; in brackets the smallest and largest of "
        f"single rounds. {span(single['samples'])} single samples, one thread. The last column is "
        "the network without exits, each sample's share of its batch."
    )
    return f"{device_markdown(table)}\n{note}\n"


def _training(table: pd.DataFrame) -> str:
    rows: Rows = [
        {
            "Dataset": dataset_name(row.dataset),
            "Loop": _LOOPS[row.loop],
            "Method": looks([row.method])[row.method].name if row.method else ABSENT,
            "Samples per second": f"{row.samples_per_second:,.0f}",
            "Of the bound": _share(row.relative_to_bound),
            "Against conventional": _times(row.relative_to_conventional),
        }
        for row in table.itertuples()
    ]
    note = (
        f"Training on one thread, median of {table['repeats'].min()} interleaved repeats; the "
        "bound has its batch in memory already. Ratios are taken within a repeat, so their medians "
        "are not quotients of the median rates."
    )
    return f"{markdown(rows, text=('Dataset', 'Loop', 'Method'))}\n{note}\n"


def _times(ratio: float | str) -> str:
    return f"{float(ratio):.1f} ×" if ratio != "" else ABSENT


def _entries(table: pd.DataFrame) -> str:
    rows: Rows = []
    for row in table.itertuples():
        low, high = row.epoch_factor_low, row.epoch_factor_high
        rows.append(
            {
                "Dataset": dataset_name(row.dataset),
                "Method": looks([row.method])[row.method].name,
                "Time per epoch": f"{row.epoch_factor:.2f} × ({low:.2f} to {high:.2f})",
                "Peak memory (MiB)": f"{row.peak_mib:.0f}",
                "One sample (ms)": f"{row.ms_1:.2f}",
                "Of the reference": _share(row.relative_time_1),
                "Batch of 64 (ms)": f"{row.ms_64:.2f}",
                "Of the reference, batch of 64": _share(row.relative_time_64),
            }
        )
    baseline = reference_of(order(table, "method"))
    note = (
        f"What an entry costs. Time per epoch: against {looks([baseline])[baseline].name} on the "
        f"same dataset, over all phases of trainings of {span(table['epochs'])} epochs, at most "
        f"{span(table['steps'])} steps each; median, smallest and largest of "
        f"{span(table['rounds'])} rounds in which all take turns. Work that an entry saves only "
        "late in its training is not seen. Peak memory: of a training process. Answers: at the "
        f"{point_name(_POINT)}, beside the dataset's network without early exits, by turns."
    )
    return f"{markdown(rows)}\n{note}\n"


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
    """Machines that the measurements name, each once, with the versions there."""
    machines: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*.json")):
        with readable([path]):
            of = json.loads(path.read_text(encoding="utf-8"))
            name, versions = f"{of['cpu']} with {of['cpu_count']} cores", of["versions"]
            known = {package: versions[package] for package in _NAMED if package in versions}
        machines.setdefault(name, {}).update(known)
    return "".join(
        f"Measured on {name}, {', '.join(f'{p} {v}' for p, v in versions.items())}.\n"
        for name, versions in sorted(machines.items())
    )
