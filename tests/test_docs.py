"""The pages for users of the library run as they stand, and do what they say."""

import csv
import re
from pathlib import Path

import pytest
import torch

import cgt

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
