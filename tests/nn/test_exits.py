import pytest
import torch

from cgt import route
from cgt.nn.exits import MAX_SOFTMAX, KnownClasses


def exits_with_confidence(*rows):
    """Logits of two classes with these largest probabilities, all for class 1."""
    return [torch.tensor([[1 - p, p] for p in row]).log() for row in rows]


LOGITS = exits_with_confidence([0.95, 0.7, 0.6], [0.9, 0.8, 0.6], [0.9, 0.9, 0.6])
LOGITS[2] = LOGITS[2].flip(1)  # the last exit answers class 0


def test_the_first_confident_exit_answers_and_the_last_takes_the_rest():
    index, prediction = route(LOGITS, 0.75)
    assert index.tolist() == [0, 1, 2]
    assert prediction.tolist() == [1, 1, 0]
    assert index.dtype == prediction.dtype == torch.int64


def test_threshold_zero_sends_everything_to_exit_one():
    index, _ = route(LOGITS, 0)
    assert index.tolist() == [0, 0, 0]


def test_threshold_one_runs_to_the_end():
    index, _ = route(LOGITS, 1.0)
    assert index.tolist() == [2, 2, 2]


def test_one_threshold_per_exit():
    index, _ = route(LOGITS, [0.99, 0.6])
    assert index.tolist() == [1, 1, 1]


def test_one_exit_takes_everything():
    index, prediction = route(LOGITS[:1], 0.99)
    assert index.tolist() == [0, 0, 0]
    assert prediction.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        (1.5, r"threshold is 1\.5; it must be a number in \[0, 1\]"),
        (-0.1, "threshold is -0.1"),
        (float("nan"), "threshold is nan"),
        ([0.5], r"threshold has shape \[1\]; a scalar or 2 values"),
        ([0.5, 0.5, 0.5], r"threshold has shape \[3\]"),
        ([0.5, 2.0], "threshold is 2.0"),
    ],
)
def test_bad_thresholds_are_refused(threshold, message):
    with pytest.raises(ValueError, match=message):
        route(LOGITS, threshold)


def test_bad_logits_are_refused():
    with pytest.raises(ValueError, match="exit 1 hold NaN"):
        route([torch.full((2, 2), float("nan"))], 0.5)


KNOWN = torch.tensor([[True, False, True, False], [True] * 4])


def test_an_exit_that_knows_some_classes_is_unsure_where_the_others_are_likelier():
    logits = torch.tensor([[0.5, 0.2, 0.2, 0.1], [0.3, 0.2, 0.1, 0.4]]).log()
    rule = KnownClasses(KNOWN)
    sure, prediction = rule.decide(0, logits)
    torch.testing.assert_close(sure, torch.tensor([0.5, 0.0]))
    assert prediction.tolist() == [0, 0]
    sure, prediction = rule.decide(1, logits)
    torch.testing.assert_close(sure, torch.tensor([0.5, 0.4]))
    assert prediction.tolist() == [0, 3]


@pytest.mark.parametrize("rule", [MAX_SOFTMAX, KnownClasses(KNOWN)])
def test_one_sample_is_decided_as_in_a_batch(rule):
    torch.manual_seed(0)
    logits = torch.cat([3 * torch.randn(64, 4), torch.zeros(1, 4)])  # and a tie
    for exit in (0, 1):
        sure, prediction = rule.decide(exit, logits)
        alone = [rule.decide_one(exit, row[None]) for row in logits]
        assert [answer for _, answer in alone] == prediction.tolist()
        assert [one for one, _ in alone] == pytest.approx(sure.tolist(), rel=1e-6)
