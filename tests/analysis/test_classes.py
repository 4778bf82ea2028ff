import pandas as pd

from cgt.analysis.audit import FORMER
from cgt.analysis.tables.classes import classes_markdown

AUDIT = pd.DataFrame(
    [
        ("indian_pines", "Corn", 100, 10, 10, 80, 1.0, 1),
        ("indian_pines", "Wheat", 9, 0, 0, 0, float("nan"), 0),
        ("indian_pines", "Oats", 20, 2, 2, 16, 0.25, 1),
        ("indian_pines_disjoint", "Corn", 100, 10, 10, 40, 0.0, 1),
    ],
    columns=list(FORMER),
)
RECALL = {  # of Corn and Oats at two seeds
    "branchynet": [(0.9, 1.0), (0.9, 0.5)],
    "soft_cgt": [(0.9, 0.5), (1.0, 0.5)],
}


def frames():
    rows = [
        ("indian_pines", method, seed, point, label, value)
        for method, seeds in RECALL.items()
        for seed, values in enumerate(seeds, start=1)
        for point, values in (("threshold_0.9", values), ("one_se", (0.0, 0.0)))
        for label, value in zip((0, 2), values, strict=True)
    ]
    names = ["dataset", "method", "seed", "point", "class", "recall"]
    return {"classes": pd.DataFrame(rows, columns=names)}


def test_smallest_class_first_by_name_and_the_macro_recall_last():
    lines = classes_markdown(frames(), AUDIT).splitlines()
    assert lines[0] == "**Indian Pines**, n = 2"
    assert [line for line in lines if line.startswith("|")] == [
        "| Class | Train | Test | BranchyNet | SoftCGT |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| Oats | 2 | 16 | 75.00 ± 35.36 | 50.00 ± 0.00 |",
        "| Corn | 10 | 80 | 90.00 ± 0.00 | 95.00 ± 7.07 |",
        # Macro recalls are 0.95 and 0.7, and 0.7 and 0.75.
        "| **mean** |  |  | **82.50 ± 17.68** | **72.50 ± 3.54** |",
    ]


def test_a_protocol_that_was_not_run_has_no_table():
    assert "disjoint" not in classes_markdown(frames(), AUDIT)
