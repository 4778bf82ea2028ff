"""The pages for users of the library run as they stand, and do what they say."""

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


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (DOCS / target).exists()] == []
