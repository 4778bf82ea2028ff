"""Table 1 of the paper, and a short form of it."""

from collections.abc import Callable

import pandas as pd

from cgt.analysis.frames import last_exits, left_early, routing_exits
from cgt.analysis.statistics import over_seeds
from cgt.analysis.style import dataset_name, looks, order, point_name
from cgt.analysis.tables.parts import ABSENT, Rows, markdown, number, percent
from cgt.records.csv_schema import csv_text, exit_columns

POINTS = ("one_se", "threshold_0.9")
_SCORES = {
    "f1_macro": "F1",
    "precision_macro": "Precision",
    "recall_macro": "Recall",
    "accuracy": "Accuracy",
}
_NOTE = (
    "All in %, mean ± standard deviation over n seeds, on test data; F1, precision and recall "
    "are macro averages. Exit e: share of samples that leave there. Cost: multiply-accumulates, "
    "in % of the dataset's single-exit network; a network with heads may need a little more than "
    "100. Bold: the best mean of a score within a dataset, as printed."
)


def table_1(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The numbers of Table 1: one row per point, dataset, method and metric, with mean, sd and n.

    Shares and scores in [0, 1]; costs relative to the single-exit network. Exits that a network
    does not have get no row. A method that sends all samples the same way, as static networks do,
    gets none at all. sd is NaN when n = 1.
    """
    points = frames["operating_points"]
    points = pd.concat([points[points["point"] == point] for point in POINTS])
    shares = exit_columns(points)
    metrics = [*_SCORES, *shares, "relative_cost"]
    table = over_seeds(points, ["point", "dataset", "method"], metrics)
    routing = table["method"].isin(routing_exits(frames))
    count = last_exits(table, frames["exits"]).where(routing, 0)
    number = table["metric"].str.extract(r"^exit_(\d+)$", expand=False).astype(float)
    return table.loc[~(number > count), ["point", "dataset", "method", "metric", "mean", "sd", "n"]]


def table_1_files(frames: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Table 1 as CSV, Markdown and LaTeX."""
    table = table_1(frames)
    return {
        "table_1.csv": csv_text(table),
        "table_1.md": _table_1_markdown(table),
        "table_1.tex": _table_1_latex(table),
    }


def results_files(frames: dict[str, pd.DataFrame]) -> dict[str, str]:
    """The short table of the README."""
    return {"results.md": results_markdown(frames)}


def results_markdown(frames: dict[str, pd.DataFrame]) -> str:
    """A short table for the README: accuracy, F1, early exits and cost at the one-SE point."""
    points = frames["operating_points"].query("point == 'one_se'")
    points = points.assign(early=left_early(points, frames["exits"]))
    metrics = {
        "accuracy": "Accuracy",
        "f1_macro": "Macro-F1",
        "early": "Left before the last exit",
        "relative_cost": "Relative cost",
    }
    cells = over_seeds(points, ["dataset", "method"], list(metrics))
    cells = cells[(cells["metric"] != "early") | cells["method"].isin(routing_exits(frames))]
    note = (
        "All in %, mean ± standard deviation over n seeds, on test data, at the one-SE point: the "
        "cheapest threshold whose validation accuracy is within one standard error of the best. "
        "Relative cost: multiply-accumulates, in % of the dataset's single-exit network. "
        "Bold: best score."
    )
    return f"{markdown(_rows(cells, metrics, '**{}**'.format))}\n{note}\n"


def _table_1_markdown(table: pd.DataFrame) -> str:
    parts = []
    for point, part in table.groupby("point", sort=False):
        rows = _rows(part, _columns(table), "**{}**".format)
        parts.append(f"**Operating point: {point_name(point)}**\n\n{markdown(rows)}")
    return "\n".join([*parts, _NOTE]) + "\n"


def _table_1_latex(table: pd.DataFrame) -> str:
    columns = _columns(table)
    headings = ["Dataset", "Method", *columns.values(), "$n$"]
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{ll{'r' * (len(columns) + 1)}}}",
        "\\toprule",
        " & ".join(headings) + " \\\\",
    ]
    for point, part in table.groupby("point", sort=False):
        name = point_name(point)
        lines += [
            "\\midrule",
            f"\\multicolumn{{{len(headings)}}}{{l}}{{\\emph{{Operating point: {name}}}}} \\\\",
        ]
        before = None
        for row in _rows(part, columns, "\\textbf{{{}}}".format):
            if row["Dataset"] != before:
                lines.append("\\midrule" if before is None else "\\addlinespace")
            cells = list(row.values())
            if row["Dataset"] == before:
                cells[0] = ""
            before = row["Dataset"]
            lines.append(" & ".join(_escape(cell) for cell in cells) + " \\\\")
    lines += ["\\bottomrule", "\\end{tabular}", f"% {_NOTE}"]
    return "\n".join(lines) + "\n"


def _columns(table: pd.DataFrame) -> dict[str, str]:
    """Metric -> heading, in order of display."""
    shares = sorted(
        (metric for metric in set(table["metric"]) if metric.startswith("exit_")),
        key=lambda metric: int(metric.removeprefix("exit_")),
    )
    headings = {metric: f"Exit {metric.removeprefix('exit_')}" for metric in shares}
    return _SCORES | headings | {"relative_cost": "Cost"}


def _rows(cells: pd.DataFrame, columns: dict[str, str], bold: Callable[[str], str]) -> Rows:
    """One text row per dataset and method; the best printed mean of each score in bold."""
    names = looks(cells["method"])
    by_key = cells.set_index(["dataset", "method", "metric"])
    best = cells.groupby(["dataset", "metric"])["mean"].max().map(percent)
    rows = []
    for dataset in order(cells, "dataset"):
        for method in order(cells[cells["dataset"] == dataset], "method"):
            row = {"Dataset": dataset_name(dataset), "Method": names[method].name}
            for metric, heading in columns.items():
                key = (dataset, method, metric)
                if key not in by_key.index:
                    row[heading] = ABSENT
                    continue
                cell = by_key.loc[key]
                text = number(cell["mean"], cell["sd"])
                is_best = percent(cell["mean"]) == best[dataset, metric]
                row[heading] = bold(text) if metric in _SCORES and is_best else text
            row["n"] = str(int(cell["n"]))
            rows.append(row)
    return rows


def _escape(text: str) -> str:
    return text.replace("_", "\\_").replace("±", "$\\pm$").replace(ABSENT, "--")
