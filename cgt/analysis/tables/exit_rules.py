"""Exit rules for people."""

import pandas as pd

from cgt.analysis.gains import RULES, USUAL, gains
from cgt.analysis.statistics import over_seeds
from cgt.analysis.style import dataset_name, looks, rule_name
from cgt.analysis.tables.parts import ABSENT, Rows, markdown, number, signed

_NOTE = (
    "First column: area (mean test accuracy over budgets of cost) with one "
    "threshold on the method's own confidence, in %, mean ± standard deviation over n seeds. The "
    "others: gain in area of another rule on the same networks, in points, with its 95 % "
    "interval, paired by seed, not corrected for the number of comparisons. Thresholds and "
    f"temperatures are chosen on validation data. {ABSENT}: the rule needs a confidence that is "
    "the largest softmax probability."
)


def exit_rules_files(frames: dict[str, pd.DataFrame]) -> dict[str, str]:
    """The area of each method under the usual exit rule, and what other rules add to it."""
    areas = frames["exit_rules"]
    shared = areas[areas["exit_rule"] == USUAL]
    usual = over_seeds(shared, ["dataset", "method"], ["mean_budget_accuracy"])
    gained = gains(areas).set_index(["dataset", "method", "exit_rule"])
    names = looks(usual["method"])
    rows: Rows = []
    for cell in usual.itertuples():
        row = {
            "Dataset": dataset_name(cell.dataset),
            "Method": names[cell.method].name,
            rule_name(USUAL): number(cell.mean, cell.sd),
        }
        for rule in RULES:
            key = (cell.dataset, cell.method, rule)
            row[rule_name(rule)] = _gain(gained.loc[key]) if key in gained.index else ABSENT
        rows.append({**row, "n": str(cell.n)})
    return {"exit_rules.md": f"{markdown(rows)}\n{_NOTE}\n"}


def _gain(cell: pd.Series) -> str:
    texts = {name: signed(cell[name]) for name in ("mean", "ci_low", "ci_high")}
    if cell["n"] == 1:
        return texts["mean"]
    return f"{texts['mean']} [{texts['ci_low']}, {texts['ci_high']}]"
