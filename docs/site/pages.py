"""Pages of the site that nobody writes: figures, tables, cards, modules, and the leaderboard.

Each function returns {path in the site: Markdown}. Links within are paths from the root of the
repository, with a leading slash; `hooks.py` turns them round.
"""

import ast
import json
import re
from collections.abc import Iterable
from pathlib import Path

import jinja2
import yaml
from board import leaderboard
from shown import PUBLISHED, ROOT, Pages, figure

import cgt
from cgt.records.cards import PACKAGE, Card, cards
from cgt.study.readme import FROM_CARDS, setting_table

CAPTIONS = ROOT / "workflow/report"

CARDS_ABOUT = {
    "networks": (
        "Networks",
        "Exits: how many a network can have; in bold, how many it has if nothing is said.",
    ),
    "data": ("Datasets", "How they are split and scaled: [data](/data/README.md)."),
}
WINGS = {
    "nn": "Gates, losses, networks with exits, exit rules, costs",
    "operate": "Thresholds, sweeps, areas, temperatures from arrays",
    "deploy": "Out of PyTorch: ONNX, and the runtime of a device",
    "records": "What lies on disk",
    "methods": "How methods are written",
    "networks": "What networks are made of",
    "data": "Datasets, splits and scaling",
    "training": "One training job",
    "study": "Configuration, tuning, publishing",
    "analysis": "From files of runs to tables, figures and verdicts",
    "bench": "Measured speed",
}
MORE_TABLES = {
    "ablation": "What is each part of CGT worth?",
    "ablation_time": "What does gating save in training?",
    "device": "How fast are exits on a device?",
    "performance": "How fast is it, beside what could be expected?",
    "learning_rate": "What do two more learning rates on Indian Pines change?",
    "exit_1": "Who leaves early, by two readings of it?",
    "networks": "How much is there to gain from going deeper?",
}
"""Questions of the tables that no rule of the report shows."""
ENTRY = re.compile(r'"(\w+)"\]?\s*[:=]\s*(\((?:\s*"[^"]*",?){3}\s*\))')
PARAGRAPH = re.compile(r"^(Idea|Formula|Source|Reading|Cost): +", flags=re.MULTILINE)


def captions() -> dict[str, str]:
    """Markdown of each caption of the report, by its name."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))

    class Workflow:
        def __init__(self) -> None:
            self.config = config

    found = {}
    for path in sorted(CAPTIONS.glob("[!w]*.rst")):
        text = jinja2.Template(path.read_text(encoding="utf-8")).render(snakemake=Workflow())
        found[path.stem] = text.replace("``", "`").strip()
    return found


def questions(rule: str) -> dict[str, tuple[str, str, str]]:
    """Group, title and question of each figure or table, in the order of the workflow's rule.

    Raises:
        ValueError: naming the file of the rule if it has none.
    """
    path = ROOT / "workflow/rules" / rule
    found = {name: ast.literal_eval(of) for name, of in ENTRY.findall(path.read_text("utf-8"))}
    if not found:
        raise ValueError(f'{path}: it has no entry "NAME": (GROUP, TITLE, QUESTION); correct ENTRY')
    return found


def gallery() -> Pages:
    """All published figures with their captions, group by group.

    Raises:
        ValueError: naming a figure without a caption.
    """
    texts, known = captions(), questions("figures.smk")
    groups: dict[str, list[str]] = {}
    drawn = [*PUBLISHED.glob("figures/*.svg"), *PUBLISHED.glob("ablation/figures/*.svg")]
    by_name = {path.stem: path for path in sorted(drawn)}
    for name in sorted(by_name, key=lambda name: ([*known, name].index(name), name)):
        caption = next((c for c in sorted(texts, key=len, reverse=True) if _is_of(name, c)), None)
        if caption is None:
            raise ValueError(f"{by_name[name]}: no caption in {CAPTIONS} has its name; write one")
        dataset = name.removeprefix(caption).strip("_")
        title = f"{caption.capitalize()}, {cards('data')[dataset]['title']}" if dataset else name
        group, title, question = known.get(name, ("Pictures and ablations", title, ""))
        groups.setdefault(group, []).append(
            f"### {title}\n\n"
            + (f"**{question}**\n\n" if question else "")
            + figure(by_name[name], title)
            + f"\n\n{texts[caption]}\n"
        )
    parts = [f"## {group}\n\n" + "\n".join(shown) for group, shown in groups.items()]
    about = (
        "# Figures\n\nAll figures of the published results, and what each says. "
        "A click opens one by itself.\n\n" + under_which_protocol()
    )
    latency = (
        "## Measured time\n\n"
        + figure(PUBLISHED / "benchmarks/latency.svg", "Accuracy against measured latency")
        + "\n\nTest accuracy against measured latency, beside accuracy against "
        "multiply–accumulates: see [performance](/docs/performance.md).\n"
    )
    return {"gallery.md": "\n".join([about, *parts, latency])}


def under_which_protocol() -> str:
    """What the published results themselves say first, as a note."""
    said = (PUBLISHED / "README.md").read_text(encoding="utf-8").strip().splitlines()
    lines = [f"    {line}" if line else "" for line in said]
    return "\n".join(['!!! note "What was published under which protocol"', *lines, ""])


def tables() -> Pages:
    """A page for each published table, and one that lists them by the question they answer."""
    known, pages = questions("tables.smk"), {}
    paths = [p for p in PUBLISHED.rglob("*.md") if p.name != "README.md" and p.parent != PUBLISHED]
    listed = ["# Tables\n", under_which_protocol(), "| Question | Table |", "| --- | --- |"]
    for path in sorted(paths, key=lambda p: ([*known, p.stem].index(p.stem), p)):
        title = path.stem.replace("_", " ").capitalize()
        _, title, question = known.get(path.stem, ("", title, MORE_TABLES.get(path.stem, "")))
        place = path.relative_to(ROOT).as_posix()
        text = from_root(path.read_text(encoding="utf-8"), place)
        if not text.startswith("#"):
            caption = CAPTIONS / "tables" / f"{path.stem}.rst"
            about = caption.read_text(encoding="utf-8") if caption.exists() else ""
            text = f"# {title}\n\n**{question}**\n\n" + about.replace("``", "`") + f"\n{text}"
        pages[table_page(place)] = f"---\nhide: [toc]\n---\n\n{text}"
        listed.append(f"| {question} | [{title}](/{place}) |")
    return {"tables/index.md": "\n".join(listed) + "\n", **pages}


def from_root(text: str, path: str) -> str:
    """With links that start at the folder of `path` starting at the root of the repository."""
    return re.sub(r"\]\((?!\w+:|[#/])", f"](/{Path(path).parent.as_posix()}/", text)


def table_page(path: str) -> str:
    """Where the page of a published table stands in the site."""
    return f"tables/{Path(path).stem}.md"


def card_pages() -> Pages:
    """A page for each method, and one for each other wing that has cards."""
    listed = FROM_CARDS["methods.md"](ROOT)
    listed = re.sub(r"\[\w+\.py\]\(cgt/methods/(\w+)\.py\)", r"[card](/docs/methods/\1.md)", listed)
    index = (
        "# Methods\n\nOne file each: a card and a class. What is not as in its source is said "
        f"under *Reading*.\n\n{listed}\n"
    )
    pages = {"methods/index.md": index}
    for name, card in cards("methods").items():
        pages[f"methods/{name}.md"] = _method(name, card)
    for wing, (title, about) in CARDS_ABOUT.items():
        table = "networks.md" if wing == "networks" else "datasets.md"
        listed = FROM_CARDS[table](ROOT).replace("](cgt/", "](/cgt/")
        parts = [f"# {title}\n\n{about}\n\n{listed}\n"]
        for name, card in cards(wing).items():
            said = plain(_docstring(PACKAGE / wing / f"{name}.py"))
            parts.append(
                f"## {card['title']}\n\n`{name}`. Source: {plain(card['source'])}\n\n{said}\n"
            )
        pages[table] = "\n".join(parts)
    return pages


def _method(name: str, card: Card) -> str:
    path = PACKAGE / "methods" / f"{name}.py"
    said = _docstring(path)
    first, *parts = PARAGRAPH.split(said)
    space = "; ".join(f"`{key}`: {plain(_listed(of))}" for key, of in card.get("space", {}).items())
    text = [f"# {card['title']}", plain(first.strip())]
    for heading, body in zip(parts[::2], parts[1::2], strict=True):
        lines = "\n".join(line.strip() for line in body.strip().splitlines())
        text.append(f"**{heading}**")
        text.append(f"```text\n{lines}\n```" if heading == "Formula" else plain(lines))
    text += [
        "## Card",
        f"`{name}`, family *{card['family']}*; trained {plain(card['trains'])}. "
        f"Phases: {card['phases']}. Source: {plain(card['source'])}. "
        f"File: [{name}.py](/cgt/methods/{name}.py).",
        setting_table(name) if card["settings"] else "No settings of its own.",
        f"Searched: {space}." if space else "",
    ]
    return "\n\n".join(part for part in text if part) + "\n"


def _listed(values: object) -> str:
    return ", ".join(map(str, values)) if isinstance(values, list | tuple) else str(values)


def plain(text: str) -> str:
    """Text of a docstring as Markdown that shows it as it stands; code in backticks stays code."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`")
    pieces = re.split(r"(`[^`\n]+`)", text)
    shown = [p if p.startswith("`") else re.sub(r"([*_<\[\\#|])", r"\\\1", p) for p in pieces]
    return "".join(shown)


def api() -> Pages:
    """The public names one by one, and every module wing by wing."""
    # Each stands on its wing's page, too; only there do links lead to it.
    options = "    options:\n      skip_local_inventory: true"
    names = public_names().items()
    public = "\n\n".join(f"::: {home}.{name}\n{options}" for name, home in names)
    pages = {"api/cgt.md": f"# Public names\n\n`from cgt import …`\n\n{public}\n"}
    lines = [
        "# All modules\n",
        "From the docstrings, wing by wing; a wing imports from those below it.\n",
    ]
    for wing, about in WINGS.items():
        lines.append(f"- [cgt.{wing}](/docs/api/{wing}.md): {about[0].lower()}{about[1:]}")
        # What has a card has a page of its own.
        own = sorted(
            path for path in (PACKAGE / wing).rglob("*.py") if path.stem not in cards(wing)
        )
        names = [module_of(path) for path in own]
        modules = "\n\n".join(f"::: {name}" for name in names)
        pages[f"api/{wing}.md"] = f"# cgt.{wing}\n\n{about}.\n\n{modules}\n"
    return {"api/index.md": "\n".join(lines) + "\n", **pages}


def public_names() -> dict[str, str]:
    """Home module of each name that `from cgt import …` gives."""
    return {name: cgt._HOME[name] for name in cgt.__all__}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def notebook() -> Pages:
    """The walkthrough: its text and code, in order."""
    path = ROOT / "examples/walkthrough.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = [
        "".join(cell["source"])
        if cell["cell_type"] == "markdown"
        else "```python\n" + "".join(cell["source"]) + "\n```"
        for cell in cells
    ]
    parts.insert(1, "As a notebook: `examples/walkthrough.ipynb`.")
    return {"walkthrough.md": "\n\n".join(parts) + "\n"}


def all_pages() -> Pages:
    pages: Pages = {}
    for made in (gallery, tables, leaderboard, card_pages, api, notebook):
        pages |= made()
    return pages


def tables_by_name() -> dict[str, str]:
    """Text of each published table by file name, for the blocks of pages that show one."""
    paths: Iterable[Path] = PUBLISHED.rglob("*.md")
    return {path.name: path.read_text(encoding="utf-8").strip() for path in paths}


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def _is_of(name: str, stem: str) -> bool:
    return name == stem or name.startswith(f"{stem}_")
