import numpy as np
import pytest

from cgt.operate.routing import exit_index, exit_shares, routes, select

CONFIDENCE = np.array(
    [[0.9, 0.4, 0.2, 0.4], [0.1, 0.8, 0.5, 0.6], [0.3, 0.3, 0.3, 0.3]], np.float32
)


@pytest.mark.parametrize(
    ("threshold", "exits"),
    [
        (0, [0, 0, 0, 0]),
        (0.5, [0, 1, 1, 1]),
        (0.7, [0, 1, 2, 2]),
        (1, [2, 2, 2, 2]),
        ([0.95, 0.5], [2, 1, 1, 1]),
        ([0.4, 1], [0, 0, 2, 0]),
    ],
)
def test_first_sure_exit_answers_and_the_last_takes_the_rest(threshold, exits):
    assert exit_index(CONFIDENCE, threshold).tolist() == exits


def test_a_confidence_equal_to_the_threshold_leaves():
    # float32(0.9) is below the double 0.9; the threshold must be rounded alike.
    assert exit_index(CONFIDENCE, 0.9)[0] == 0


def test_one_exit_takes_everything():
    assert exit_index(CONFIDENCE[:1], 0.99).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ([0.5, 0.5, 0.5], r"shape \(3,\); it must be one number, or 2 numbers"),
        (-0.1, r"must be in \[0, 1\]"),
        (1.1, r"must be in \[0, 1\]"),
        (np.nan, r"must be in \[0, 1\]"),
    ],
)
def test_bad_thresholds_are_refused(threshold, message):
    with pytest.raises(ValueError, match=message):
        exit_index(CONFIDENCE, threshold)


def test_bad_confidence_is_refused():
    with pytest.raises(ValueError, match=r"confidence has shape \(3,\); it must be \[E, N\]"):
        exit_index(np.zeros(3), 0.5)


def test_shares_count_every_exit():
    assert exit_shares(np.array([0, 2, 2, 0]), 4).tolist() == [0.5, 0, 0.5, 0]


def test_select_takes_the_answer_of_the_own_exit():
    assert select(np.array([[1, 2, 3], [4, 5, 6]]), np.array([0, 1, 0])).tolist() == [1, 5, 3]


@pytest.mark.parametrize(
    ("confidence", "answer"),
    [
        (CONFIDENCE, True),
        (CONFIDENCE[:1], False),  # one exit
        ([[0.3, 0.3], [0.7, 0.7], [1.0, 1.0]], False),
        ([[0.3, 0.3], [0.7, 0.7], [0.9, 1.0]], False),  # the last exit decides nothing
        ([[0.3, 0.3], [0.7, 0.8], [1.0, 1.0]], True),
    ],
)
def test_samples_are_told_apart_where_an_early_confidence_varies(confidence, answer):
    assert routes(np.asarray(confidence)) is answer
