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
_AUROC = (
    " AUROC: chance, in %, that a right answer is surer than a wrong one, as trained. The error "
    "does not show it: an exit that is equally sure of all can have none (more in `failure.md`)."
)


def calibration_files(frames: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Calibration error of each exit as trained, the temperature fitted, and the error after it.

    Beside it, where the summary has it, how well the confidence tells right from wrong.
    """
    cells = over_seeds(
        frames["calibration"], ["dataset", "method", "exit", "scaling"], ["ece", "temperature"]
    )
    aurocs = _aurocs(frames)
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
                **({"AUROC": aurocs[dataset, method, exit]} if aurocs else {}),
                "n": str(before.n),
            }
        )
    return {"calibration.md": f"{markdown(rows)}\n{_NOTE}{_AUROC if aurocs else ''}\n"}


def _aurocs(frames: dict[str, pd.DataFrame]) -> dict[tuple[str, str, int], str]:
    """AUROC as trained of each dataset, method and exit; none where it was not measured."""
    if "failure" not in frames:
        return {}
    trained = frames["failure"].query("scaling == 'none'")
    cells = over_seeds(trained, ["dataset", "method", "exit"], ["auroc"])
    return {
        (cell.dataset, cell.method, cell.exit): number(cell.mean, cell.sd)
        for cell in cells.itertuples()
    }
