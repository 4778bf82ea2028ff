import numpy as np
import pytest

from cgt.data.splits import class_counts, cut_down, draw_stratified, generator, proportional_counts

PINNED = [7, 6, 3, 2, 0, 1, 5, 4]  # another value would change every published split


@pytest.mark.parametrize(
    ("counts", "total", "expected"),
    [
        ([100, 100], 20, [10, 10]),
        ([70, 20, 10], 10, [7, 2, 1]),
        ([10, 10, 10], 10, [4, 3, 3]),  # tie: the lower class gets the remainder
        ([980, 10, 10], 10, [8, 1, 1]),  # small classes are kept, the large one pays
        ([5, 0, 5], 4, [2, 0, 2]),  # an absent class stays absent
        ([3, 4], 7, [3, 4]),
        ([1, 2], 2, [1, 1]),
    ],
)
def test_proportional_counts(counts, total, expected):
    assert proportional_counts(np.array(counts), total).tolist() == expected


@pytest.mark.parametrize("total", [1, 8])
def test_proportional_counts_refuses_what_cannot_be(total):
    with pytest.raises(ValueError, match=f"cannot take {total} .* allowed are 2 to 7"):
        proportional_counts(np.array([3, 4]), total)


def test_draws_are_disjoint_sorted_and_have_the_asked_counts():
    labels = np.arange(60) % 3
    first, second = draw_stratified(
        labels, [np.array([5, 1, 0]), np.array([2, 2, 20])], generator("d", 1, "split")
    )
    assert class_counts(labels[first], 3).tolist() == [5, 1, 0]
    assert class_counts(labels[second], 3).tolist() == [2, 2, 20]
    assert not set(first) & set(second)
    assert first.tolist() == sorted(first)
    assert first.dtype == np.int64


def test_draw_refuses_more_than_there_are():
    with pytest.raises(ValueError, match="class 1 has 2 samples, 3 needed"):
        draw_stratified(np.array([0, 1, 1]), [np.array([1, 3])], generator("d", 1, "split"))


def test_stream_depends_on_dataset_seed_and_purpose_and_never_changes():
    def draw(*key):
        return generator(*key).permutation(8).tolist()

    assert draw("d", 1, "split") == draw("d", 1, "split")
    keys = [("d", 1, "split"), ("d", 2, "split"), ("e", 1, "split"), ("d", 1, "limit")]
    assert len({tuple(draw(*key)) for key in keys}) == 4
    assert draw("d", 1, "split") == PINNED


def test_cut_down_keeps_every_class():
    labels = np.array([0] * 90 + [1] * 9 + [2])
    index = np.arange(1000, 1100)
    kept = cut_down(labels, index, 10, generator("d", 1, "limit"))
    assert class_counts(labels[kept - 1000], 3).tolist() == [8, 1, 1]
    assert cut_down(labels, index, 100, generator("d", 1, "limit")).tolist() == index.tolist()
