"""The leaderboard: a table of all published rows; `assets/leaderboard.js` sorts and filters it."""

import csv
import html
from collections.abc import Callable, Mapping

from shown import PUBLISHED, Pages, figure

from cgt.analysis.style import looks
from cgt.records.cards import cards

Row = Mapping[str, str]
Shown = tuple[str, float | None]
"""Text of a cell, and the number that it is sorted by."""
Cell = Callable[[Row], Shown]


def leaderboard() -> Pages:
    """All published rows in one table, which the script sorts and filters; it shows without."""
    with open(PUBLISHED / "leaderboard.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    datasets, families = (
        list(dict.fromkeys(row[key] for row in rows)) for key in ("dataset", "family")
    )
    head = "".join(
        f'<th title="{html.escape(about)}"{_kind(text)}>{title}</th>'
        for title, about, text, _ in BOARD
    )
    body = "\n".join(
        f'<tr data-dataset="{row["dataset"]}" data-family="{row["family"]}">'
        + "".join(_cell(cell(row), text) for _, _, text, cell in BOARD)
        + "</tr>"
        for row in rows
    )
    about = "\n".join(f"- *{title}*: {said}" for title, said, _, _ in BOARD)
    return {
        "leaderboard.md": f"""---
hide: [navigation, toc]
---

# Leaderboard

All published rows beside BranchyNet. Rows that are marked *trial* decide nothing; *untuned* ones
have settings that no search has chosen. A click on a heading sorts.

<div class="board" markdown="0">
<div class="filters">
{_choice("dataset", {name: cards("data")[name]["title"] for name in datasets})}
{_choice("family", {name: name for name in families})}
<label>search <input type="search" data-filter="text" placeholder="method, source, mark"></label>
<span class="count" role="status"></span>
</div>
<div class="scroll"><table class="standings">
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>
</div>

## Columns

{about}

The numbers: [leaderboard.csv](/results/published/leaderboard.csv). In words:
[below](#in-words).

## The figure

{figure(PUBLISHED / "leaderboard.svg", "Difference in area from BranchyNet, all entries")}

## In words

{_said_of_the_leaderboard()}
"""
    }


def _said_of_the_leaderboard() -> str:
    lines = (PUBLISHED / "leaderboard.md").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if line.startswith("- **"))


def _number(column: str, digits: int, scale: float = 1, signed: bool = False) -> Cell:
    def cell(row: Row) -> Shown:
        if not row[column]:
            return "–", None
        value = scale * float(row[column])
        return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−"), value

    return cell


def _difference(row: Row) -> Shown:
    text, value = _number("difference", 2, 100, signed=True)(row)
    if row["ci_low"]:
        half = 50 * (float(row["ci_high"]) - float(row["ci_low"]))
        return f"{text} ± {half:.2f}", value
    return text, value


def _p(row: Row) -> Shown:
    text, value = _number("p_holm", 3)(row)
    return ("< 0.001" if value is not None and value < 0.001 else text), value


def _at_budget(share: int) -> Cell:
    cell = _number(f"accuracy_{share}", 2, 100)

    def shown(row: Row) -> Shown:
        # Over budget at some seed: the accuracy has cost more than the column says.
        return ("not met", None) if float(row[f"met_{share}"]) < 1 else cell(row)

    return shown


def _text(of: Callable[[Row], str]) -> Cell:
    return lambda row: (of(row), None)


BOARD = (
    (
        "Dataset",
        "on which the entry was trained",
        True,
        _text(lambda r: cards("data")[r["dataset"]]["title"]),
    ),
    (
        "Method",
        "name on paper; in brackets what another entry of it adds",
        True,
        _text(lambda r: looks([r["method"]])[r["method"]].name),
    ),
    (
        "Area",
        "test accuracy averaged over budgets of cost, %, mean over seeds",
        False,
        _number("mean_budget_accuracy", 2, 100),
    ),
    (
        "Difference",
        "in area from BranchyNet, points, paired by seed, ± half of the 95 % t interval over seeds",
        False,
        _difference,
    ),
    (
        "p",
        "of the paired t test, by Holm's correction over all entries of the dataset",
        False,
        _p,
    ),
    ("n", "seeds", False, _number("n", 0)),
    (
        "At 10 %",
        "test accuracy at a budget of 10 % of the cost of the network without early exits, %",
        False,
        _at_budget(10),
    ),
    ("At 25 %", "the same at 25 %", False, _at_budget(25)),
    ("At 50 %", "the same at 50 %", False, _at_budget(50)),
    ("Training", "time of an epoch, relative to BranchyNet's", False, _number("epoch_factor", 2)),
    ("Memory", "peak of a training process, MiB", False, _number("peak_mib", 0)),
    ("1 sample", "time of an answer at the one-SE point, ms", False, _number("ms_1", 2)),
    ("64 samples", "time of a batch of 64, ms", False, _number("ms_64", 2)),
    (
        "Family",
        "reference, paper (the methods it compares), field or ours",
        True,
        _text(lambda r: r["family"]),
    ),
    ("Mark", "what keeps the row from being a result", True, _text(lambda r: r["mark"] or "–")),
    ("Source", "of the method's card", True, _text(lambda r: r["source"])),
)
"""Heading, what it means, whether it is text, and the text and sortable value of a row."""


def _cell(shown: Shown, text: bool) -> str:
    value = "" if shown[1] is None else f' data-value="{shown[1]:.9g}"'
    return f"<td{_kind(text)}{value}>{html.escape(shown[0])}</td>"


def _kind(text: bool) -> str:
    return "" if text else " class=number"


def _choice(name: str, options: Mapping[str, str]) -> str:
    given = "".join(f'<option value="{key}">{text}</option>' for key, text in options.items())
    given = f'<option value="">all</option>{given}'
    return f'<label>{name} <select data-filter="{name}">{given}</select></label>'
