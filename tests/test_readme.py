"""The README says what the files say."""

import re
from pathlib import Path

import pytest
import torch

from cgt.analysis.performance import performance_markdown
from cgt.study.readme import fill

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLES = ROOT / "results" / "published" / "tables"
BENCHMARKS = ROOT / "results" / "published" / "benchmarks"


def test_the_snippets_run_one_after_the_other_and_all_ways_to_exit_agree(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    torch.manual_seed(0)
    snippets = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names = {}
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), names)
    assert torch.equal(names["exit_index"], names["same_exit"])
    assert torch.equal(names["prediction"], names["same_prediction"])
    assert names["exit_on_device"].tolist() == names["exit_index"].tolist()
    assert names["prediction_on_device"].tolist() == names["prediction"].tolist()


@pytest.mark.parametrize(
    "path", [TABLES / "results.md", TABLES / "verdicts.md", BENCHMARKS / "performance.md"]
)
def test_the_tables_are_the_published_ones(path):
    (block,) = re.findall(rf"<!-- {path.name} -->\n(.*?)\n<!-- end -->", README, flags=re.DOTALL)
    assert block.strip() == path.read_text(encoding="utf-8").strip()


def test_the_performance_page_follows_from_the_published_measurements():
    page = (BENCHMARKS / "performance.md").read_text(encoding="utf-8")
    assert page == performance_markdown(BENCHMARKS)


def test_every_measured_percentage_stands_in_a_published_table():
    tables = "".join(path.read_text(encoding="utf-8") for path in TABLES.glob("*.md"))
    numbers = set(re.findall(r"\d+\.\d\d(?= ?[%±])", README))
    assert numbers
    assert {number for number in numbers if number not in tables} == set()


def test_every_interval_in_the_text_is_a_cell_of_a_published_table():
    text = re.sub(r"<!-- \w+\.md -->.*?<!-- end -->", "", README, flags=re.DOTALL)
    found = set(re.findall(r"[+−]?\d+\.\d\d ± \d+\.\d\d|\d\.\d\d \([\d.]+ to [\d.]+\)", text))
    tables = (ROOT / "results" / "published").rglob("*.md")
    cells = {
        cell.strip(" *") for path in tables for cell in path.read_text(encoding="utf-8").split("|")
    }
    assert found
    assert found - cells == set()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(target):
    assert (ROOT / target).exists()


def test_tables_are_filled_in_by_name(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- a.md -->\nold\n<!-- end -->\nafter\n")
    (tmp_path / "a.md").write_text("new \\1\n")
    fill(readme, [tmp_path / "empty", tmp_path])
    assert readme.read_text() == "before\n<!-- a.md -->\nnew \\1\n<!-- end -->\nafter\n"


def test_a_missing_table_leaves_the_text_alone(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("<!-- a.md -->\nold\n<!-- end -->\n")
    with pytest.raises(FileNotFoundError, match=r"a\.md"):
        fill(readme, [tmp_path])
    assert "old" in readme.read_text()
