"""Sizes of the scaling benchmark and what its table says of them."""

import pandas as pd
import pytest

from cgt.bench.scaling import (
    COLUMNS,
    GROWTH,
    Seconds,
    Size,
    bench_scaling,
    macs,
    measure,
    stack,
    table,
)

TINY = Size(samples=4, seeds=1, exits=1, width=2)


def test_a_stack_has_as_many_exits_as_asked_for():
    assert stack(TINY._replace(exits=3)).num_exits == 3


@pytest.mark.parametrize("factor", ["samples", "seeds"])
def test_work_is_in_proportion_to(factor):
    assert macs(TINY._replace(**{factor: 12})) == macs(TINY) * 12 // getattr(TINY, factor)


def test_exits_grow_from_two_to_eight():
    assert GROWTH["exits"][0] == 2
    assert GROWTH["exits"][-1] == 8


def test_training_and_inference_are_timed():
    seconds = measure(TINY._replace(seeds=2))
    assert seconds.train > 0
    assert seconds.infer > 0


def test_ratios_are_to_the_first_row_of_the_factor():
    more = TINY._replace(samples=8)
    wide = TINY._replace(width=4)
    sizes = {
        ("samples", 4): TINY,
        ("samples", 8): more,
        ("width", 2): TINY,
        ("width", 4): wide,
    }
    measured = {
        TINY: [Seconds(1.0, 0.5), Seconds(2.0, 1.0)],
        more: [Seconds(2.0, 1.5), Seconds(4.0, 3.0)],
        wide: [Seconds(3.0, 0.5), Seconds(6.0, 1.0)],
    }
    rows = table(sizes, measured)
    assert [row["train_ratio"] for row in rows] == [1.0, 2.0, 1.0, 3.0]
    assert [row["infer_ratio"] for row in rows] == [1.0, 3.0, 1.0, 1.0]
    assert [row["macs_ratio"] for row in rows][:2] == [1.0, 2.0]
    assert rows[1]["train_seconds"] == 3.0


def test_the_table_is_written(tmp_path):
    growth = {"samples": (4, 8), "exits": (1, 2)}
    bench_scaling(tmp_path / "scaling.csv", repeats=1, base=TINY, growth=growth)
    found = pd.read_csv(tmp_path / "scaling.csv")
    assert tuple(found.columns) == COLUMNS
    assert found[["factor", "value"]].values.tolist() == [
        ["samples", 4],
        ["samples", 8],
        ["exits", 1],
        ["exits", 2],
    ]
    assert found["macs_ratio"].tolist()[:3] == [1.0, 2.0, 1.0]
