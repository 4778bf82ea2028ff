"""The pages for users of the library run as they stand, and do what they say."""

import csv
import math
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import cgt
from cgt.data import load, prepare
from cgt.study.config import check_config, load_config

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the snippets of the page on one's own network leave behind."""
    page = (DOCS / "own_network.md").read_text(encoding="utf-8")
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("docs"))
        for snippet in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
            exec(compile(snippet, "own_network.md", "exec"), found)
        assert Path("tradeoff.pdf").read_bytes().startswith(b"%PDF")
    return found


def test_the_attached_network_has_learned_and_answers_as_the_model(names):
    network, model, x, y = (names[name] for name in ("network", "model", "x", "y"))
    with torch.no_grad():
        assert torch.equal(network(x)[-1], model(x))
    assert (names["prediction"] == y).float().mean() > 0.5  # by chance: 1/4
    assert len(names["exit_index"].unique()) > 1


def test_points_say_whether_they_are_met(names):
    macs = names["macs"]
    assert names["half"].met and names["half"].cost <= macs[-1] / 2
    assert names["close"].met and names["knee"].met
    assert names["knee"].thresholds.shape == (2,)
    assert not names["impossible"].met and names["impossible"].cost == macs[0]


def test_another_librarys_network_is_routed_and_skipped_alike(names):
    assert torch.equal(names["their_exit"], names["our_exit"])
    assert torch.equal(names["their_prediction"], names["our_prediction"])
    assert all(parameter.grad is not None for parameter in names["theirs"].parameters())


def test_a_token_classifier_hands_its_padding_mask_on(names):
    reader, texts = names["reader"].eval(), names["texts"]
    with torch.no_grad():
        logits = reader(texts)
    expected = cgt.route(logits, 0.6)
    assert torch.equal(names["text_exit"], expected[0])
    assert torch.equal(names["text_class"], expected[1])
    assert len(names["text_exit"].unique()) > 1
    longer = torch.cat([texts, torch.zeros(64, 3, dtype=torch.int64)], dim=1)
    torch.testing.assert_close(reader(longer)[-1], logits[-1])  # padding changes nothing
    assert names["text_macs"] == sorted(set(names["text_macs"]))


def test_every_pixel_of_a_map_has_its_exit(names):
    network, scene = names["fully_convolutional"], names["scene"]
    with torch.no_grad():
        first, last = (torch.softmax(each, dim=1) for each in network(scene))
    sure = first.amax(dim=1)[0] >= 0.5
    assert 0 < sure.sum() < sure.numel()
    assert torch.equal(names["exit_map"], (~sure).long())
    expected = torch.where(sure, first.argmax(dim=1)[0], last.argmax(dim=1)[0])
    assert torch.equal(names["class_map"], expected)
    assert names["pixel_macs"] == 4 * 8 * 9 + 8 * 8 * 9 + 2 * 8 * 3


def test_the_numbers_of_the_map_are_those_of_its_table():
    """In the order of the text: accuracies, multiply–accumulates and shares."""
    with open(DOCS.parent / "examples/segmentation.csv", encoding="utf-8") as file:
        one, other = csv.DictReader(file)
    page = " ".join((DOCS / "own_network.md").read_text(encoding="utf-8").split())

    def percent(row, column, digits=1):
        return f"{100 * float(row[column]):.{digits}f}"

    def millions(row, digits):
        return f"{float(row['macs_per_pixel']) / 1e6:.{digits}f} M"

    last, first = "accuracy_last_exit", "exit_1"
    for said in (
        f"reaches {percent(one, 'accuracy')} % of the test pixels at {millions(one, 2)} mult",
        f"without exits {percent(one, last)} %",
        f"reach {percent(other, 'accuracy')} and {percent(other, last)} % at {millions(other, 1)}",
        f"answer {percent(one, first, 0)} and {percent(other, first, 0)} % of the test pixels",
        f"{percent(one, 'same_exit', 0)} % of the pixels leave at the same exit",
        f"for {one['steps']} steps",
    ):
        assert said in page


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (DOCS / target).exists()] == []


def snippets(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def test_the_method_of_the_page_is_what_its_formula_says():
    found = {"__name__": "focal"}
    (code,) = snippets("own_method.md")
    exec(compile(code.replace("@dataclass", ""), "own_method.md", "exec"), found)
    method = found["Focal"].__new__(found["Focal"])
    method.gamma = 2.0
    logits, targets = torch.tensor([[0.0, 0.0], [1.0, -1.0]]), torch.tensor([0, 0])
    terms = method.terms(SimpleNamespace(logits=[logits, 2 * logits]), targets, None)
    sure = torch.tensor([[0.5, 0.5], [1 / (1 + math.exp(-2)), 1 / (1 + math.exp(-4))]])
    torch.testing.assert_close(terms.weights, (1 - sure) ** 2)


def test_the_data_and_the_network_of_the_page_go_together(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, network = snippets("own_data.md")
    exec(compile(data, "own_data.md", "exec"), {})
    prepare("waves", 1, Path("waves.npz"), tmp_path / "1.npz", kind="signals")
    waves = load("waves", tmp_path / "1.npz", Path("waves.npz"), seed=1)
    assert waves.class_names == ("slow", "medium", "fast", "faster")
    found = {}
    exec(compile(network, "own_data.md", "exec"), found)
    made = found["build"](waves.train.x.shape[1:], 4, 3)
    logits = made(torch.from_numpy(waves.train.x[:2]))
    assert [tuple(each.shape) for each in logits] == [(2, 4)] * 3


def test_what_the_first_run_changes_is_a_valid_configuration(tmp_path):
    page = (DOCS / "first_run.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "short.yaml").write_text(text)
    config = load_config(DOCS.parent / "config/config.yaml", tmp_path / "short.yaml")
    check_config(config, DOCS.parent / "workflow/schemas/config.schema.yaml")
    assert list(config["datasets"]) == ["indian_pines"]
