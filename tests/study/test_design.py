"""Points that are tried: spread, repeatable, and the default first."""

import pytest

from cgt.study.design import Range, distance, points

SPACE = {"lr": Range(0.01, 1, log=True), "smooth": Range(0, 0.1), "gate": ["a", "b"]}
FIRST = {"lr": 0.1, "smooth": 0.0, "gate": "a"}


def test_the_first_point_is_the_default_and_all_differ():
    found = points(SPACE, FIRST, 16, "d", "m")
    assert found[0] == FIRST
    assert len(found) == 16
    assert all(found.count(point) == 1 for point in found)


def test_the_same_again_others_for_another_seed_and_more_keep_the_earlier():
    found = points(SPACE, FIRST, 16, "d", "m")
    assert points(SPACE, FIRST, 16, "d", "m") == found
    assert points(SPACE, FIRST, 16, "d", "n") != found
    assert points(SPACE, FIRST, 40, "d", "m")[:16] == found


def test_every_part_of_a_range_is_tried_equally_often():
    """16 points of a Sobol sequence: one in each sixteenth of every axis."""
    found = points(SPACE, FIRST, 17, "d", "m")[1:]
    for name in ("lr", "smooth"):
        parts = sorted(int(SPACE[name].position(point[name]) * 16 + 0.01) for point in found)
        assert all(abs(part - place) <= 1 for part, place in zip(parts, range(16), strict=True))
    assert [point["gate"] for point in found].count("a") == 8


def test_a_range_and_its_positions():
    lr = SPACE["lr"]
    assert [lr.at(position) for position in (0, 0.5, 1)] == [0.01, 0.1, 1]
    assert lr.position(0.1) == pytest.approx(0.5)
    assert (lr.position(0.001), lr.position(7)) == (0, 1)


def test_distance():
    other = {"lr": 0.01, "smooth": 0.05, "gate": "b"}
    assert distance(SPACE, FIRST, FIRST) == 0
    assert distance(SPACE, FIRST, other) == pytest.approx(0.5 + 0.5 + 1)


@pytest.mark.parametrize("bad", [(1, 1, False), (2, 1, False), (0, 1, True), (0, float("inf"), 0)])
def test_what_is_no_range(bad):
    with pytest.raises(ValueError, match="it needs two finite numbers"):
        Range(*bad)


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="both need the same settings"):
        points(SPACE, {"lr": 0.1}, 4)
    with pytest.raises(ValueError, match="the space has only 2"):
        points({"gate": ["a", "b"]}, {"gate": "a"}, 3)
