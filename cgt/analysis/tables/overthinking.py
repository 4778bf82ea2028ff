"""Overthinking for people."""

import pandas as pd

from cgt.analysis.statistics import over_seeds
from cgt.analysis.style import dataset_name, looks, point_name
from cgt.analysis.tables.parts import Rows, markdown, number

POINTS = ("full", "threshold_0.9", "one_se")
QUANTITIES = {"wasteful": "Wasteful", "destructive": "Destructive"}
_NOTE = (
    "Share of the test samples in %, mean ± standard deviation over n seeds. Wasteful: some exit "
    "before the one used was right. Destructive: so it was, and the one used is wrong."
)


def overthinking_files(frames: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Wasteful and destructive overthinking of each method, where everyone goes to the last exit
    and where thresholds stop them."""
    frame = frames["overthinking"]
    cells = over_seeds(frame, ["dataset", "method", "point"], list(QUANTITIES))
    names = looks(cells["method"])
    rows: Rows = []
    for (dataset, method), part in cells.groupby(["dataset", "method"], sort=False):
        texts = {
            (cell.point, cell.metric): number(cell.mean, cell.sd) for cell in part.itertuples()
        }
        rows.append(
            {
                "Dataset": dataset_name(dataset),
                "Method": names[method].name,
                **{
                    f"{heading}, {point_name(point)}": texts[point, quantity]
                    for quantity, heading in QUANTITIES.items()
                    for point in POINTS
                },
                "n": str(part["n"].iloc[0]),
            }
        )
    return {"overthinking.md": f"{markdown(rows)}\n{_NOTE}\n"}
