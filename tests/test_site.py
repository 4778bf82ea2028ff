"""The site shows all that is published, every card and every public name; no link leads nowhere."""

import csv
import importlib
import posixpath
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import cgt
from cgt.records.cards import cards

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "results/published"
PARTS = ("shown", "board", "pages", "links")


@pytest.fixture(scope="module")
def site():
    """The modules of docs/site by name; they import each other by these names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs/site")
        yield {name: importlib.import_module(name) for name in PARTS}
        for name in PARTS:
            del sys.modules[name]


@pytest.fixture(scope="module")
def made(site):
    return site["pages"].all_pages()


def test_every_published_figure_is_in_the_gallery_with_a_caption(made):
    page = made["gallery.md"]
    figures = [path.relative_to(ROOT).as_posix() for path in PUBLISHED.rglob("figures/*.svg")]
    assert len(figures) > 10
    for figure in figures:
        (below,) = re.findall(rf"\(/{figure}\){{ .figure }}\n\n(.+)", page)
        assert len(below) > 60
    assert "{{" not in page and "``" not in page


def test_a_figure_without_a_caption_is_refused(site, tmp_path, monkeypatch):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/unheard_of.svg").write_text("<svg/>")
    monkeypatch.setattr(site["pages"], "PUBLISHED", tmp_path)
    with pytest.raises(ValueError, match=r"unheard_of\.svg: no caption"):
        site["pages"].gallery()


def test_every_published_table_has_a_page_and_is_listed(made):
    tables = [path for path in PUBLISHED.glob("*/**/*.md") if path.name != "README.md"]
    assert len({path.name for path in tables}) == len(tables)  # pages are named after them
    for path in tables:
        lines = path.read_text(encoding="utf-8").splitlines()
        shown = made[f"tables/{path.stem}.md"].splitlines()
        assert {line for line in lines if "](" not in line} <= set(shown)
        assert f"(/{path.relative_to(ROOT).as_posix()})" in made["tables/index.md"]


def test_the_leaderboard_has_every_row_with_its_numbers(made):
    with open(PUBLISHED / "leaderboard.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    shown = re.findall(r"<tr data-dataset=.*?</tr>", made["leaderboard.md"])
    assert len(shown) == len(rows)
    for row, text in zip(rows, shown, strict=True):
        cells = [re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<td.*?</td>", text)]
        assert cells[0] == cards("data")[row["dataset"]]["title"]
        if row["mean_budget_accuracy"]:
            assert abs(float(cells[2]) - 100 * float(row["mean_budget_accuracy"])) <= 0.005001
        if row["ci_low"]:
            middle, half = (float(x.replace("−", "-")) for x in cells[3].split(" ± "))
            assert abs(middle + half - 100 * float(row["ci_high"])) <= 0.01
            assert abs(middle - half - 100 * float(row["ci_low"])) <= 0.01


def test_an_accuracy_over_budget_is_not_shown(site):
    (cell,) = (of for title, *_, of in site["board"].BOARD if title == "At 25 %")
    row = {"accuracy_25": "0.98", "met_25": "1.000000"}
    assert cell(row) == ("98.00", 98.0)
    assert cell({**row, "met_25": "0.666667"}) == ("not met", None)


@pytest.mark.parametrize("name", cards("methods"))
def test_the_card_of_a_method_is_shown(made, name):
    page, card = made[f"methods/{name}.md"], cards("methods")[name]
    assert page.startswith(f"# {card['title']}\n")
    assert all(f"| `{key}` |" in page for key in card["settings"])
    assert f"(/docs/methods/{name}.md)" in made["methods/index.md"]


def test_docstrings_are_shown_as_they_stand(site):
    text = "W_e falls *below* 0 [0, 1]; :class:`cgt.Sweep` and ``x_y``"
    expected = r"W\_e falls \*below\* 0 \[0, 1]; `cgt.Sweep` and `x_y`"
    assert site["pages"].plain(text) == expected


def test_every_public_name_and_module_is_documented(made):
    for name in cgt.__all__:
        assert re.search(rf"^::: cgt\.[\w.]+\.{name}$", made["api/cgt.md"], flags=re.MULTILINE)
    for path in (ROOT / "cgt").glob("*/*.py"):
        wing, stem = path.parent.name, path.stem
        if wing not in ("commands", "__pycache__") and stem != "__init__":
            carded = wing in ("methods", "networks", "data") and stem in cards(wing)
            assert carded or f"::: cgt.{wing}.{stem}\n" in made[f"api/{wing}.md"], path


@pytest.fixture(scope="module")
def turned(site, made):
    """Text of every page by its place in the site, and the files that pages link to."""
    links, texts, linked = site["links"], {}, set()
    written = {path.name: f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    taken = {links.PLACES[path]: path for path in links.TAKEN}
    for place, path in {**written, **taken}.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        texts[place] = links.turned(text, path, place, linked)
    for place, text in made.items():
        texts[place] = links.turned(text, f"docs/{place}", place, linked)
    return texts, linked


def test_no_link_leads_nowhere(site, turned):
    texts, linked = turned
    places = {*texts, *map(site["links"].place_of, linked)}
    assert all((ROOT / path).is_file() for path in linked)
    for place, text in texts.items():
        prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)\s#]+)", prose):
            assert posixpath.normpath(posixpath.join(posixpath.dirname(place), target)) in places


def test_links_of_a_table_start_at_its_folder(site):
    text = "[a](b.svg) [c](#d) [e](https://f.g) [h](/i.md)"
    expected = "[a](/results/published/x/b.svg) [c](#d) [e](https://f.g) [h](/i.md)"
    assert site["pages"].from_root(text, "results/published/x/y.md") == expected


def test_a_link_to_no_file_is_refused(site):
    with pytest.raises(ValueError, match=r"docs/a\.md: it links to \.\./cgt/no\.py, which is not"):
        site["links"].turned("[x](../cgt/no.py)", "docs/a.md", "a.md", set())


def test_links_out_of_the_docs_are_turned(site):
    linked = set()
    text = "[a](../cgt/nn/cost.py) [b](../tests/faults) [c](device.md#run) `[d](e.md)`"
    text = text.replace(" `[d](e.md)`", "\n```\n[d](e.md)\n```\n")
    found = site["links"].turned(text, "docs/x.md", "deep/x.md", linked)
    expected = "[a](../source/cgt/nn/cost.py.md) b [c](../device.md#run)\n```\n[d](e.md)\n```\n"
    assert found == expected
    assert linked == {"cgt/nn/cost.py"}


def test_the_navigation_leads_to_pages(turned):
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    named = re.findall(r"[\w/]+\.md", str(nav))
    assert set(named) <= set(turned[0])
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= set(named)


def test_it_is_built_without_a_warning(tmp_path):
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for path in (tmp_path / "site").rglob("*.html"):
        assert re.findall(r'src="?https?://', path.read_text(encoding="utf-8")) == []
