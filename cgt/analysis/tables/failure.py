"""Failure prediction for people."""

from cgt.analysis.frames import Frames
from cgt.analysis.statistics import over_seeds
from cgt.analysis.style import dataset_name, looks
from cgt.analysis.tables.parts import ABSENT, Rows, markdown, number

QUANTITIES = {"auroc": "AUROC", "aurc": "AURC", "excess_aurc": "Excess AURC"}
_NOTE = (
    "How well an exit's confidence tells its right answers from its wrong ones, on all test "
    "samples; mean ± standard deviation over n seeds, in %. Risk: share of wrong answers. AUROC: "
    "chance that a right answer is surer than a wrong one; 100 is perfect, 50 is no better than "
    "chance (and stands, too, where all answers are right or all wrong). AURC: area under the "
    "risk–coverage curve, the risk among the surest samples averaged over how many are taken; it "
    "grows with the risk. Excess AURC: AURC less that of a perfect order at the same risk; 0 is "
    "perfect. After: of confidences at one temperature for each exit, fitted on validation. "
    f"{ABSENT}: the method's confidence is not the largest softmax probability."
)


def failure_files(frames: Frames) -> dict[str, str]:
    """Failure prediction of each exit, as trained and at the temperature fitted.

    No file where the summary has no such table.
    """
    if "failure" not in frames:
        return {}
    cells = over_seeds(
        frames["failure"],
        ["dataset", "method", "exit", "scaling"],
        ["risk", *QUANTITIES],
    )
    names = looks(cells["method"])
    rows: Rows = []
    for (dataset, method, exit), part in cells.groupby(["dataset", "method", "exit"], sort=False):
        texts = {
            (cell.scaling, cell.metric): number(cell.mean, cell.sd) for cell in part.itertuples()
        }
        row = {"Dataset": dataset_name(dataset), "Method": names[method].name, "Exit": str(exit)}
        row["Risk"] = texts["none", "risk"]
        for metric, heading in QUANTITIES.items():
            row[heading] = texts["none", metric]
            row[f"{heading} after"] = texts.get(("temperature", metric), ABSENT)
        rows.append({**row, "n": str(part["n"].iloc[0])})
    return {"failure.md": f"{markdown(rows)}\n{_NOTE}\n"}
