"""One page with everything: each figure and table with caption, category and labels of its own."""

import base64
import json
import re
from pathlib import Path

import jinja2
import pytest
from checkout import ROOT

from cgt.analysis.figures import FIGURES

CAPTIONS = ROOT / "workflow/report"
PER_DATASET = {"scene", "confusion", "ablation"}


@pytest.fixture(scope="module")
def page(finished):
    run = finished.snakemake("--report", "report.html")
    assert run.returncode == 0, run.stdout
    return (finished.folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def results(page):
    """What the page knows of each file: path -> labels, caption, content, ..."""
    return _variable(page, "results")


def _variable(page, name):
    (text,) = re.findall(rf'<script id="[\w-]+">\s*var {name} = (.*);\s*</script>', page)
    return json.loads(text)


def test_every_figure_has_a_caption_and_every_caption_a_figure():
    assert {path.stem for path in CAPTIONS.glob("*.rst")} == {
        *FIGURES,
        *PER_DATASET,
        "gallery",
        "workflow",
    }


def test_every_table_has_a_caption_and_every_caption_a_table(results):
    tables = {path.stem for path in map(Path, results) if path.suffix == ".html"}
    assert {path.stem for path in (CAPTIONS / "tables").glob("*.rst")} == tables


def test_captions_hold_no_counts_of_seeds():
    for path in CAPTIONS.rglob("*.rst"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"n = |\d+ seeds", text), path.name


@pytest.mark.parametrize(
    ("seeds", "shown"),
    [([1, 2], "1, 2"), ({"one": [1, 2], "two": [1, 2, 3]}, "2 on one, 3 on two")],
)
def test_landing_page_counts_the_seeds_of_each_dataset(seeds, shown):
    template = (CAPTIONS / "workflow.rst").read_text(encoding="utf-8")
    config = {"datasets": {"one": {}, "two": {}}, "methods": {}, "seeds": seeds}
    for trim in (False, True):
        environment = jinja2.Environment(trim_blocks=trim, lstrip_blocks=trim)
        text = environment.from_string(template).render(snakemake={"config": config}, categories=[])
        assert text.startswith("Early-exit training")
        assert f"| **Seeds:** {shown}\n\n" in text


def test_the_page_holds_every_figure_and_table(finished, results):
    folder = finished.folder / "results/tiny"
    written = {*folder.glob("figures/*.svg"), *folder.glob("tables/*.html")}
    assert set(results) == {path.relative_to(finished.folder).as_posix() for path in written}
    assert {path.stem for path in written} >= set(FIGURES)
    for name, shown in results.items():
        content = base64.b64decode(shown["data_uri"].partition("base64,")[2])
        assert content == (finished.folder / name).read_bytes()


def test_everything_shown_says_what_it_is(results):
    for name, shown in results.items():
        assert shown["caption"].startswith("<p>"), name
        assert "system-message" not in shown["caption"], name
        assert list(shown["labels"]) == ["question", "shows", "file"]
        assert shown["labels"]["question"].endswith("?")


def test_labels_make_no_switches(results):
    """See `shown` in workflow/rules/common.smk."""
    for label in ("shows", "file"):
        values = [shown["labels"][label] for shown in results.values()]
        assert len(set(values)) == len(values)


def test_the_landing_page_leads_to_every_category(page):
    text = _variable(page, "workflow_desc")
    assert "system-message" not in text
    for category in _variable(page, "categories"):
        assert f">{category}</a>" in text


def test_the_page_needs_no_other_file(page):
    markup = re.sub(r"(<script[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
    assert markup.count("<script>") > 1
    assert not re.search(r"\b(src|href)=|@import", markup)
