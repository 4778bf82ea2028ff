"""Links of the repository's pages, as they must be in the site.

A page may link to any file of the repository. A table or a README leads to its page in the site,
code is shown as a page of its own, any other file is taken along as it is; a folder is no page, so
that only its name stays.
"""

import posixpath
import re
from pathlib import Path

from pages import table_page
from shown import ROOT

PLACES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "config/README.md": "configuration.md",
    "data/README.md": "data.md",
    "examples/walkthrough.ipynb": "walkthrough.md",
    "results/published/README.md": "tables/index.md",
    "results/published/figures": "gallery.md",
    "results/published/leaderboard.md": "leaderboard.md",
    "results/published/tables": "tables/index.md",
}
"""Pages and folders of the repository that have a place in the site."""
TO_COME = {"results/published/tuning/tuning.md": "tables/index.md"}
"""What pages may link to before it is published, and where that leads until then."""
TAKEN = ("CHANGELOG.md", "CONTRIBUTING.md", "config/README.md", "data/README.md")
"""Of these, the ones that are shown as they stand."""
CODE = {".py": "python", ".smk": "python", ".yaml": "yaml", ".rst": "text", ".toml": "toml"}
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^ *```.*?^ *```$)", flags=re.MULTILINE | re.DOTALL)


def turned(markdown: str, path: str, place: str, linked: set[str]) -> str:
    """With links of the page `path` of the repository as they must be at `place` in the site.

    What they lead to is added to `linked`.

    Raises:
        ValueError: naming the page and the file that is not there.
    """

    def link(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ""
        start = "" if target.startswith("/") else posixpath.dirname(path)
        whole = posixpath.normpath(posixpath.join(start, target.lstrip("/")))
        here = posixpath.dirname(place) or "."
        if whole.startswith("docs/") and whole.endswith(".md"):
            return f"]({posixpath.relpath(whole.removeprefix('docs/'), here)}{anchor})"
        if whole not in PLACES and (whole not in TO_COME or (ROOT / whole).exists()):
            if (ROOT / whole).is_dir():
                return "]{}"
            if not (ROOT / whole).is_file():
                raise ValueError(f"{path}: it links to {target}, which is not there; correct it")
            linked.add(whole)
        if whole not in TAKEN:  # another page stands there, with other headings
            anchor = ""
        return f"]({posixpath.relpath(place_of(whole), here)}{anchor})"

    parts = FENCE.split(markdown)
    parts[::2] = [re.sub(r"\[([^\]]*)\]\{\}", r"\1", LINK.sub(link, part)) for part in parts[::2]]
    return "".join(parts)


def place_of(path: str) -> str:
    """Where a file of the repository stands in the site."""
    if path in PLACES:
        return PLACES[path]
    if path in TO_COME and not (ROOT / path).exists():
        return TO_COME[path]
    if path.startswith("results/published/") and path.endswith(".md"):
        return table_page(path)
    return f"source/{path}.md" if Path(path).suffix in CODE else f"files/{path}"
