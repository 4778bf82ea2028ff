"""A table for a browser: one HTML page that needs no other file.

Reads the Markdown that the tables are written in: headings, paragraphs, figures and tables, with
**bold** and *emphasis* in the text.
"""

import re
from collections.abc import Mapping
from html import escape
from itertools import groupby

_STYLE = """\
body { margin: 1.5rem; font: 14px/1.5 system-ui, sans-serif; color: #1e293b; }
p { max-width: 46rem; }
table { border-collapse: collapse; margin: 1.5rem 0; border-bottom: 1px solid #cbd5e1; }
table { font-size: 13px; font-variant-numeric: tabular-nums; }
tbody { border-top: 1px solid #cbd5e1; }
tbody tr:hover { background: #f1f5f9; }
th, td { padding: 0.15rem 0.6rem; text-align: left; vertical-align: top; }
th { vertical-align: bottom; }
.number { text-align: right; }
td.number, td:first-child { white-space: nowrap; }
figure { margin: 1.5rem 0; }
figure svg { max-width: 100%; height: auto; }
"""

_FIGURE = re.compile(r"!\[(?P<caption>.*)\]\((?P<path>.*)\)")


def page(text: str, title: str, figures: Mapping[str, str] | None = None) -> str:
    """The HTML page of a Markdown text; rows that share their first cell stand together.

    figures: SVG by the path that the text names, to stand in the page itself.
    """
    blocks = groupby(text.splitlines(), key=_kind)
    body = "".join(
        _figure(list(lines), figures or {}) if kind == "figure" else _READ[kind](list(lines))
        for kind, lines in blocks
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>'
        f"\n<style>\n{_STYLE}</style>\n{body}</html>\n"
    )


def _kind(line: str) -> str:
    if not line:
        return "gap"
    starts = {"|": "table", "#": "heading", "![": "figure"}
    return next((kind for mark, kind in starts.items() if line.startswith(mark)), "paragraph")


def _heading(lines: list[str]) -> str:
    parts = [line.partition(" ") for line in lines]
    return "".join(f"<h{len(m)}>{_inline(name)}</h{len(m)}>\n" for m, _, name in parts)


def _figure(lines: list[str], figures: Mapping[str, str]) -> str:
    """The drawing in place of its name, without the prolog that only a file of its own has."""
    shown = []
    for line in lines:
        match = _FIGURE.fullmatch(line)
        drawing = figures[match["path"]]
        drawing = drawing[drawing.index("<svg") :].strip()
        caption = _inline(match["caption"])
        shown.append(f"<figure>\n{drawing}\n<figcaption>{caption}</figcaption>\n</figure>\n")
    return "".join(shown)


def _paragraph(lines: list[str]) -> str:
    return f"<p>{_inline(' '.join(lines))}</p>\n"


def _table(lines: list[str]) -> str:
    head, rule, *body = ([cell.strip() for cell in line[1:-1].split("|")] for line in lines)
    kinds = [' class="number"' if cell.endswith(":") else "" for cell in rule]
    groups = groupby(body, key=lambda cells: cells[0])
    rows = "".join(
        f"<tbody>\n{''.join(_row('td', cells, kinds) for cells in group)}</tbody>\n"
        for _, group in groups
    )
    return f"<table>\n<thead>\n{_row('th', head, kinds)}</thead>\n{rows}</table>\n"


def _row(tag: str, cells: list[str], kinds: list[str]) -> str:
    inner = "".join(
        f"<{tag}{kind}>{_inline(cell)}</{tag}>" for cell, kind in zip(cells, kinds, strict=True)
    )
    return f"<tr>{inner}</tr>\n"


def _inline(text: str) -> str:
    text = escape(text, quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"\*(.+?)\*", r"<em>\1</em>", text)


_READ = {
    "gap": lambda lines: "",
    "heading": _heading,
    "paragraph": _paragraph,
    "table": _table,
}
