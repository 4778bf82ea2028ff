"""Operating points for people: how accurate, and how many left early by either reading."""

import pandas as pd

from cgt.analysis.frames import Frames, left_early, left_first, routing_exits
from cgt.analysis.statistics import over_seeds
from cgt.analysis.style import dataset_name, looks, point_name
from cgt.analysis.tables.parts import ABSENT, Rows, markdown, number
from cgt.operate.sweep import BUDGETS, FIXED, FIXED_SCALED

POINTS = ("one_se", *BUDGETS, *FIXED, *FIXED_SCALED)
FIXED_POINTS = (*FIXED, *FIXED_SCALED)
READINGS = {"first": "exit 1", "early": "before the last"}
UNMET = "\N{DAGGER}"
_NOTE = (
    "All in %, mean ± standard deviation over n seeds, on test data. One-SE point: the cheapest "
    "threshold whose validation accuracy is within one standard error of the best."
)
_BUDGETS = (
    " Budgets: the threshold with the best validation accuracy whose cost on validation is within "
    f"that share of the dataset's single-exit network; {UNMET}: at one seed or more there is none, "
    "and the cheapest is used."
)
_TEMPERATURES = (
    " With temperatures: the same threshold on confidences at one temperature for each exit, "
    f"fitted on validation; {ABSENT}: the method's confidence is not the largest softmax "
    "probability."
)


def operating_points_files(frames: Frames) -> dict[str, str]:
    """Accuracy at each point, then the share that left early at the fixed threshold.

    Points that the summary does not have get no column. A method that does not route has no row in
    the second table.
    """
    frame = frames["operating_points"]
    there = set(frame["point"])
    frame = frame.assign(first=left_first(frame), early=left_early(frame, frames["exits"]))
    accuracies = _rows(
        frame,
        {(point, "accuracy"): point_name(point) for point in POINTS if point in there},
    )
    routing = frame[frame["method"].isin(routing_exits(frames))]
    shares = _rows(
        routing,
        {
            (point, reading): f"{name}, {point_name(point)}"
            for point in FIXED_POINTS
            if point in there
            for reading, name in READINGS.items()
        },
    )
    parts = [
        f"**Accuracy**\n\n{markdown(accuracies)}",
        f"**Left early: at exit 1, and before the last exit**\n\n{markdown(shares)}",
        _NOTE
        + (_BUDGETS if there & {*BUDGETS} else "")
        + (_TEMPERATURES if there & {*FIXED_SCALED} else ""),
    ]
    return {"operating_points.md": "\n".join(parts) + "\n"}


def _rows(frame: pd.DataFrame, columns: dict[tuple[str, str], str]) -> Rows:
    """A row for each dataset and method; columns: heading of each point and quantity."""
    quantities = list(dict.fromkeys(quantity for _, quantity in columns))
    cells = over_seeds(frame, ["dataset", "method", "point"], quantities)
    unmet = frame[frame["met"] == 0].groupby(["dataset", "method", "point"]).groups
    names = looks(cells["method"])
    rows: Rows = []
    for (dataset, method), part in cells.groupby(["dataset", "method"], sort=False):
        found = {(cell.point, cell.metric): cell for cell in part.itertuples()}
        row = {"Dataset": dataset_name(dataset), "Method": names[method].name}
        for key, heading in columns.items():
            text = number(found[key].mean, found[key].sd) if key in found else ABSENT
            row[heading] = f"{text} {UNMET}" if (dataset, method, key[0]) in unmet else text
        rows.append({**row, "n": str(part["n"].max())})
    return rows
