"""MkDocs: adds the pages that are made, fills tables in, and follows links out of docs/."""

import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import pages  # noqa: E402
from links import CODE, PLACES, TAKEN, place_of, turned  # noqa: E402

BLOCK = re.compile(r"<!-- (\w+\.md) -->\n(?:.*?\n)?<!-- end -->", flags=re.DOTALL)

LISTED = ("tables", "methods", "api")
"""Folders of the site whose pages stand in the navigation, below their index."""

_made: dict[str, str] = {}
_texts: dict[str, str] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the pages, and give those of `LISTED` their places in the navigation."""
    _made.clear()
    _made.update(pages.all_pages())
    for section in config.nav or []:
        ((_, entries),) = section.items()
        for entry in entries if isinstance(entries, list) else []:
            ((title, place),) = entry.items()
            folder = place.removesuffix("/index.md")
            if folder in LISTED:
                own = [at for at in _made if at.startswith(f"{folder}/") and at != place]
                entry[title] = [place, *own]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add all pages that are made, and every file that a page links to."""
    _texts.clear()
    written = {
        file.src_uri: ("docs/" + file.src_uri, file.content_string)
        for file in files.documentation_pages()
    }
    made = {place: ("docs/" + place, text) for place, text in _made.items()}
    for path in TAKEN:
        made[PLACES[path]] = (path, (ROOT / path).read_text(encoding="utf-8"))
    linked: set[str] = set()
    for place, (path, text) in {**written, **made}.items():
        _texts[place] = turned(filled(text), path, place, linked)
    for path in sorted(linked):
        place = place_of(path)
        if place in _texts or files.get_file_from_path(place):
            continue
        if (language := CODE.get(Path(path).suffix)) is not None:
            code = (ROOT / path).read_text(encoding="utf-8")
            _texts[place] = f"# {path}\n\n`````{language}\n{code}`````\n"
        else:
            files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    for place, text in _texts.items():
        if place not in written:
            files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    if page.file.src_uri in _made:
        return markdown  # turned already, without what stands above its first line
    return _texts[page.file.src_uri]


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Roles of docstrings, such as :class:`name`, are shown as code."""
    return re.sub(r":(?:class|func|meth|mod|data|attr):(?=<code>)", "", html)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    return without_shim(output, posixpath.dirname(page.url))


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:
    return without_shim(output_content, "")


def without_shim(html: str, folder: str) -> str:
    """With our script for the search of pages opened as files, in place of one from the network."""
    ours = posixpath.relpath("assets/worker.js", folder or ".")
    return html.replace("https://unpkg.com/iframe-worker/shim", ours)


def filled(markdown: str) -> str:
    """With the published table in each block that names one."""
    tables = pages.tables_by_name()
    return BLOCK.sub(lambda block: tables.get(block[1], block[0]), markdown)
