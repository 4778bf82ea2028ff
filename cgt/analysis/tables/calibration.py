"""Calibration for people."""

import pandas as pd

from cgt.analysis.calibration import BINS
from cgt.analysis.statistics import over_seeds
from cgt.analysis.style import dataset_name, looks
from cgt.analysis.tables.parts import ABSENT, Rows, markdown, number

_NOTE = (
    "ECE: expected calibration error on test data, in %, "
    f"{BINS} equal bins; mean ± standard deviation over n seeds. Temperature: fitted on validation "
    "for each exit, by negative log-likelihood; above 1 the exit was overconfident, below 1 "
    "underconfident. "
    f"{ABSENT}: the method's confidence is not the largest softmax probability."
)


def calibration_files(frames: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Calibration error of each exit as trained, the temperature fitted, and the error after it."""
    cells = over_seeds(
        frames["calibration"], ["dataset", "method", "exit", "scaling"], ["ece", "temperature"]
    )
    names = looks(cells["method"])
    rows: Rows = []
    for (dataset, method, exit), part in cells.groupby(["dataset", "method", "exit"], sort=False):
        found = {(cell.scaling, cell.metric): cell for cell in part.itertuples()}
        before = found["none", "ece"]
        temperature, after = ABSENT, ABSENT
        if ("temperature", "ece") in found:
            scaled = found["temperature", "ece"]
            temperature = f"{found['temperature', 'temperature'].mean:.2f}"
            after = number(scaled.mean, scaled.sd)
        rows.append(
            {
                "Dataset": dataset_name(dataset),
                "Method": names[method].name,
                "Exit": str(exit),
                "ECE": number(before.mean, before.sd),
                "Temperature": temperature,
                "ECE after": after,
                "n": str(before.n),
            }
        )
    return {"calibration.md": f"{markdown(rows)}\n{_NOTE}\n"}
