"""The README says what the files say."""

import re
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLES = ROOT / "results" / "published" / "tables"


def test_the_snippet_runs_and_both_ways_to_exit_agree():
    torch.manual_seed(0)
    (snippet,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names = {}
    exec(compile(snippet, "README.md", "exec"), names)
    assert torch.equal(names["exit_index"], names["same_exit"])
    assert torch.equal(names["prediction"], names["same_prediction"])


def test_the_results_are_the_published_ones():
    between = re.search(r"<!-- results.*?-->\n(.*?)\n<!-- end of results", README, flags=re.DOTALL)
    published = (TABLES / "results.md").read_text(encoding="utf-8")
    assert between.group(1).strip() == published.strip()


def test_every_measured_percentage_stands_in_a_published_table():
    tables = "".join(path.read_text(encoding="utf-8") for path in TABLES.glob("*.md"))
    numbers = set(re.findall(r"\d+\.\d\d(?= ?[%±])", README))
    assert numbers
    assert {number for number in numbers if number not in tables} == set()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(target):
    assert (ROOT / target).exists()
