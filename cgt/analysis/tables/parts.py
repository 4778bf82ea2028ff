"""What the tables share: numbers as text, and Markdown."""

import pandas as pd

ABSENT = "\N{EN DASH}"

Rows = list[dict[str, str]]
"""Rows of a printed table: column heading -> text."""


def percent(share: float) -> str:
    """A share as a percentage with two decimals, without the sign."""
    return f"{100 * share:.2f}"


def points(share: float) -> str:
    """A size in points with two decimals; a dash where there is none."""
    return ABSENT if pd.isna(share) else percent(share)


def signed(difference: float) -> str:
    """A difference of shares in points, with its sign."""
    return f"{100 * difference:+.2f}".replace("-", "\N{MINUS SIGN}")


def p_value(value: float) -> str:
    """A p-value with three decimals; a dash where nothing could be tested."""
    if pd.isna(value):
        return ABSENT
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def number(mean: float, sd: float) -> str:
    """Mean ± standard deviation, both shares, in per cent; the mean alone where n = 1."""
    return percent(mean) if pd.isna(sd) else f"{percent(mean)} ± {percent(sd)}"


def markdown(rows: Rows, text: tuple[str, ...] = ("Dataset", "Method", "Against")) -> str:
    """A Markdown table; columns named in `text` are set to the left, others to the right."""
    headings = list(rows[0])
    rule = ["---" if heading in text else "---:" for heading in headings]
    lines = [headings, rule, *(row.values() for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
