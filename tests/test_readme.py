"""The README says what the files say."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cgt.analysis.performance import performance_markdown
from cgt.study.readme import FROM_CARDS, fill

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "config/README.md", "data/README.md")
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
README = TEXTS["README.md"]
TABLES = ROOT / "results" / "published" / "tables"
BENCHMARKS = ROOT / "results" / "published" / "benchmarks"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_snippets_run_one_after_the_other_and_all_ways_to_exit_agree(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names = {}
    for snippet in blocks("python"):
        exec(compile(snippet, "README.md", "exec"), names)
    assert torch.equal(names["exit_index"], names["same_exit"])
    assert torch.equal(names["prediction"], names["same_prediction"])
    assert names["exit_on_device"].tolist() == names["exit_index"].tolist()
    assert names["prediction_on_device"].tolist() == names["prediction"].tolist()


ABLATION = ROOT / "results" / "published" / "ablation" / "tables"
FILLED = {
    TABLES: ("results", "verdicts", "in_short", "depends", "recall_words"),
    ABLATION: ("ablation_words", "time_words"),
    BENCHMARKS: ("performance",),
}


@pytest.mark.parametrize(
    "path", [folder / f"{name}.md" for folder, names in FILLED.items() for name in names]
)
def test_the_tables_are_the_published_ones(path):
    (block,) = re.findall(rf"<!-- {path.name} -->\n(.*?)\n<!-- end -->", README, flags=re.DOTALL)
    assert block.strip() == path.read_text(encoding="utf-8").strip()


def test_the_performance_page_follows_from_the_published_measurements():
    page = (BENCHMARKS / "performance.md").read_text(encoding="utf-8")
    assert page == performance_markdown(BENCHMARKS)


def test_every_measured_percentage_stands_in_a_published_table():
    paths = (ROOT / "results" / "published").rglob("*.md")
    tables = "".join(path.read_text(encoding="utf-8") for path in paths)
    numbers = set(re.findall(r"\d+\.\d\d(?= ?[%±])", README))
    assert numbers
    assert {number for number in numbers if number not in tables} == set()


def test_no_interval_stands_in_text_that_is_not_filled_in():
    """Where numbers are typed, their words do not turn round with them."""
    text = re.sub(r"<!-- \w+\.md -->.*?<!-- end -->", "", README, flags=re.DOTALL)
    assert re.findall(r"[+−]?\d+\.\d\d ± \d+\.\d\d|\d\.\d\d \([\d.]+ to [\d.]+\)", text) == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    targets = set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXTS[page]))
    assert not [target for target in targets if not (ROOT / page).parent.joinpath(target).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_links_to_sections_lead_to_a_heading(page):
    for target, section in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", TEXTS[page]):
        text = (ROOT / page).parent.joinpath(target).read_text() if target else TEXTS[page]
        headings = [heading.lower() for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
        anchors = {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in headings}
        assert section in anchors


EXAMPLES = {"Focal: ": "methods/focal.py", "Pyramid: ": "networks/pyramid.py", "import numpy": ""}
"""First words of the examples that are files of the package, or a script."""

TRY_THEM = """
import sys
from pathlib import Path
import torch
import cgt
from cgt.commands.cli import main
from cgt.methods import REGISTRY
from cgt.methods.base import Moment, Pass
from cgt.networks import build
from cgt.records.cards import cards
from cgt.study.config import check_config, load_config

assert Path(cgt.__file__).parent.parent == Path.cwd()
for part in ("color", "marker"):
    assert len({card["look"][part] for card in cards("methods").values()}) == len(REGISTRY)
logits = [torch.randn(8, 3, requires_grad=True) for _ in range(2)]
targets = torch.zeros(8, dtype=torch.int64)
terms = REGISTRY["focal"]().terms(Pass(logits), targets, Moment(0.0))
assert terms.weights.shape == (8, 2) and not terms.weights.requires_grad
for overlay in Path().glob("overlay_*.yaml"):
    config = load_config("config/config.yaml", overlay)
    check_config(config, "workflow/schemas/config.schema.yaml")
config["datasets"]["waves"]["network"] = "pyramid"
check_config(config, "workflow/schemas/config.schema.yaml")
main("prepare waves --kind signals --raw waves.npz --seed 1 --out waves_1.npz".split())
assert build("pyramid", (1, 64), 4)(torch.randn(2, 1, 64))[1].shape == (2, 4)
"""


def test_the_examples_of_a_method_a_dataset_and_a_network_are_complete(tmp_path):
    for folder in ("cgt", "config", "workflow/schemas"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    scripts = []
    for start, path in EXAMPLES.items():
        (snippet,) = [text for text in blocks("python") if text.lstrip('"').startswith(start)]
        if path:
            assert f"`cgt/{path}`" in README
            (tmp_path / "cgt" / path).write_text(snippet, encoding="utf-8")
        else:
            scripts.append(snippet)
    for number, overlay in enumerate(blocks("yaml")):
        (tmp_path / f"overlay_{number}.yaml").write_text(overlay, encoding="utf-8")
    for script in (*scripts, TRY_THEM):
        subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_of_methods_networks_and_datasets_are_those_of_the_cards(page):
    found = re.findall(r"<!-- (\w+\.md) -->\n(.*?)\n<!-- end -->", TEXTS[page], flags=re.DOTALL)
    for name, block in found:
        if name in FROM_CARDS:
            assert block == FROM_CARDS[name]((ROOT / page).parent).strip(), f"run cgt readme {page}"


def test_every_table_of_cards_stands_on_a_page():
    assert all(f"<!-- {name} -->" in "".join(TEXTS.values()) for name in FROM_CARDS)


def test_tables_are_filled_in_by_name(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- a.md -->\nold\n<!-- end -->\nafter\n")
    (tmp_path / "a.md").write_text("new \\1\n")
    fill(readme, [tmp_path / "empty", tmp_path])
    assert readme.read_text() == "before\n<!-- a.md -->\nnew \\1\n<!-- end -->\nafter\n"


def test_tables_of_cards_need_no_folder_and_link_from_where_the_page_is(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("<!-- networks.md -->\nold\n<!-- end -->\n")
    fill(page)
    (target,) = re.findall(r"\[compact_scene.py\]\((.+)\)", page.read_text())
    assert tmp_path.joinpath(target).resolve() == ROOT / "cgt/networks/compact_scene.py"


def test_a_missing_table_leaves_the_text_alone(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("<!-- a.md -->\nold\n<!-- end -->\n")
    with pytest.raises(FileNotFoundError, match=r"a\.md"):
        fill(readme, [tmp_path])
    assert "old" in readme.read_text()
