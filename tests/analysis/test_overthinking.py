import numpy as np
import pytest

from cgt.analysis.overthinking import oracle_index, overthinking

RIGHT = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 0]], dtype=bool)


@pytest.mark.parametrize(
    ("index", "wasteful", "destructive"),
    [
        ([2, 2, 2, 2], 3 / 4, 2 / 4),  # all but the last were right before; 2 and 3 then are wrong
        ([1, 1, 1, 1], 2 / 4, 1 / 4),  # 1 was right before and is wrong now, 3 was and is right
        ([0, 0, 0, 0], 0, 0),  # nothing is before the first exit
        ([0, 1, 0, 2], 0, 0),  # the oracle goes on only as long as nobody was right
    ],
)
def test_by_hand(index, wasteful, destructive):
    found = overthinking(RIGHT, np.array(index))
    assert found == {"wasteful": wasteful, "destructive": destructive}


def test_the_oracle_leaves_where_the_answer_is_right_first():
    assert oracle_index(RIGHT).tolist() == [0, 1, 0, 2]
    assert RIGHT[2, 3] == 0  # the input is left alone
