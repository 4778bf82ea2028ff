"""How much room the networks leave: each exit alone and all together, on validation data.

Made from the runs of two methods: `static`, which trains the network of each depth by itself, and
`branchynet`, which trains all exits jointly. Test data have no part in it, since networks are
chosen by it.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cgt.analysis.statistics import over_seeds, span
from cgt.analysis.style import dataset_name
from cgt.analysis.tables.parts import markdown, number
from cgt.records.csv_schema import write_csv
from cgt.records.files import write_text
from cgt.records.predictions import load_predictions

ALONE, JOINTLY = "static", "branchynet"
_NOTE = (
    "Validation accuracy of each exit in %, mean ± standard deviation over n seeds: of the network "
    f"of its depth trained alone (`{ALONE}`) and of the network with all exits, trained jointly "
    f"(`{JOINTLY}`). Cost: multiply–accumulates up to the exit, in % of the whole network. "
    "Seconds: wall time of a run on one core, mean; other work on the machine stretches it."
)


def network_rows(folder: Path) -> list[dict[str, str | int | float]]:
    """One row for each exit of a run, from its predictions and manifest."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    job, predictions = manifest["job"], load_predictions(folder / "predictions.npz")
    right = predictions.val.prediction == predictions.val.target
    return [
        {
            "dataset": job["dataset"],
            "network": job["settings"]["network"],
            "method": job["method"],
            "seed": job["seed"],
            "exit": exit,
            "macs": int(macs),
            "cost": float(macs / predictions.macs[-1]),
            "val_accuracy": float(of_exit.mean()),
            "seconds": float(manifest["wall_seconds"]),
        }
        for exit, (macs, of_exit) in enumerate(zip(predictions.macs, right, strict=True), start=1)
    ]


def networks_markdown(table: pd.DataFrame) -> str:
    """The table for people: a row per dataset and network."""
    rows = []
    for (dataset, network), part in table.groupby(["dataset", "network"], sort=False):
        joint = part[part["method"] == JOINTLY]
        exits = joint[joint["seed"] == joint["seed"].iloc[0]]
        seeds = span(part.groupby("method")["seed"].nunique())
        rows.append(
            {
                "Dataset": dataset_name(dataset),
                "Network": network,
                "Multiply–accumulates": f"{exits['macs'].iloc[-1]:,}",
                "Cost of the exits": " / ".join(f"{100 * cost:.1f}" for cost in exits["cost"]),
                "Alone": _accuracies(part[part["method"] == ALONE]),
                "Jointly": _accuracies(joint),
                "Seconds, jointly": f"{joint.groupby('seed')['seconds'].first().mean():.0f}",
                "n": seeds,
            }
        )
    return f"{markdown(rows, text=('Dataset', 'Network'))}\n{_NOTE}\n"


def write_networks(folders: Sequence[Path], out: Path) -> None:
    """Write `networks.csv` and `networks.md` from runs of both methods into `out`.

    Raises:
        ValueError: for a run of another method.
    """
    table = pd.DataFrame([row for folder in folders for row in network_rows(folder)])
    if strange := sorted(set(table["method"]) - {ALONE, JOINTLY}):
        raise ValueError(f"runs of {strange[0]} are not asked for; {ALONE} and {JOINTLY} are")
    table = table.sort_values(["dataset", "network", "method", "seed", "exit"])
    write_csv(table, out / "networks.csv")
    write_text(out / "networks.md", networks_markdown(table))


def _accuracies(rows: pd.DataFrame) -> str:
    found = over_seeds(rows, ["exit"], ["val_accuracy"])
    return " / ".join(number(of["mean"], of["sd"]) for of in found.to_dict("records"))
