import pandas as pd
import pytest

from cgt.analysis.audit import COLUMNS, FORMER, read_audit, write_audit
from cgt.analysis.tables.audit import audit_markdown, likeness

ROWS = [
    ("indian_pines", "Corn", 100, 10, 10, 80, 1.0, 1, 11, 1.0, 2.0),
    ("indian_pines", "Oats", 20, 2, 2, 16, 0.25, 1, 11, 0.5, 8.0),
    ("indian_pines_disjoint", "Corn", 100, 10, 10, 40, 0.0, 1, 7, 0.0, 12.0),
    ("indian_pines_disjoint", "Oats", 20, 0, 0, 0, *[float("nan"), 0, 7], *[float("nan")] * 2),
]


def written(path, rows=ROWS):
    write_audit([dict(zip(COLUMNS, row, strict=True)) for row in rows], path)
    return path


def test_what_is_written_is_read(tmp_path):
    frame = read_audit(written(tmp_path / "audit.csv"))
    expected = pd.DataFrame(ROWS, columns=list(COLUMNS))
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False)
    assert "Oats,20,0,0,0,,0,7,,\n" in (tmp_path / "audit.csv").read_text()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROWS[0], "a class stands there twice"),
        (("d", "Corn", 10, 5, 5, 5, 0.0, 1, 5, 0, 2), "the splits hold more pixels than there are"),
        (("d", "Corn", 10, 5, 1, 1, 1.5, 1, 5, 0, 2), "test_overlap is not in"),
        (("d", "Corn", 10, 5, 1, 1, float("nan"), 1, 5, 0, 2), "test_overlap is not in"),
        (("d", "Corn", "many", 5, 1, 1, 0.5, 1, 5, 0, 2), "a count is not a number"),
        (("d", "Corn", 10, 5, 1, 1, 0.5, 1, 4, 0, 2), "patch is not an odd number"),
        (("d", "Corn", 10, 5, 1, 1, 0.5, 1, 5, -1, 2), "val_overlap is not in"),
        (("d", "Corn", 10, 5, 1, 1, 0.5, 1, 5, 0, 0), "distance is not 1 or more"),
    ],
)
def test_impossible_audits_are_refused(tmp_path, row, message):
    with pytest.raises(ValueError, match=rf"{message}.*row 5"):
        read_audit(written(tmp_path / "audit.csv", [*ROWS, row]))


def test_unknown_columns_are_refused(tmp_path):
    (tmp_path / "audit.csv").write_text("dataset,class\nd,Corn\n")
    with pytest.raises(ValueError, match="columns are"):
        read_audit(tmp_path / "audit.csv")


def test_an_audit_of_an_earlier_version_is_read_and_says_nothing_of_the_rest(tmp_path):
    path = written(tmp_path / "audit.csv")
    pd.read_csv(path)[list(FORMER)].to_csv(path, index=False)
    assert tuple(read_audit(path)) == FORMER
    assert "Random against disjoint" not in audit_markdown(frames(), read_audit(path))


def test_what_differs_besides_the_distance_is_said(tmp_path):
    """Distances: (80 * 2 + 16 * 8) / 96 = 3; overlaps: (80 + 0.5 * 16) / 96."""
    audit = read_audit(written(tmp_path / "audit.csv"))
    assert (
        "Random against disjoint, at one seed: 12 and 10 training pixels, 2 and 1 classes with 96 "
        "and 40 test pixels, patches of 11 × 11 and 7 × 7; a test pixel is 3.0 and 12.0 pixels "
        "from the nearest training pixel in the mean, and 91.67 and 0.00 % of the test patches "
        "have a pixel in common with a validation patch. So a gap in accuracy is not of distance "
        "alone: classes, numbers of training pixels, patches, overlaps with validation differ, too."
    ) in audit_markdown(frames(), audit)
    alike = audit[audit["dataset"] == "indian_pines"]
    alike = pd.concat([alike, alike.assign(dataset="indian_pines_disjoint", distance=12.0)])
    assert "So the protocols differ in where the pixels lie alone." in likeness(alike)


def frames():
    """Two seeds of one method; the protocols are 0.10 and 0.20 apart at the one-SE point."""
    accuracy = {"indian_pines": (0.9, 0.9), "indian_pines_disjoint": (0.8, 0.7)}
    rows = [
        {"dataset": dataset, "method": "soft_cgt", "seed": seed, "accuracy": value}
        for dataset, values in accuracy.items()
        for seed, value in enumerate(values, start=1)
    ]
    return {
        "operating_points": pd.DataFrame(rows).assign(point="one_se"),
        "exits": pd.concat([pd.DataFrame(rows).assign(exit=e) for e in (1, 2)]),
    }


def test_table_has_totals_and_the_gap(tmp_path):
    text = audit_markdown(frames(), read_audit(written(tmp_path / "audit.csv")))
    assert "| Corn | 100 | 10 | 10 | 80 | 0 | 100.00 |" in text
    # (80 + 0.25 * 16) / 96 of all test patches touch a training patch.
    assert "| **all** | **120** | **12** | **12** | **96** | **0** | **87.50** |" in text
    assert "| Oats | 20 | 0 | 0 | 0 | 20 | – |" in text
    # Gaps 0.1 and 0.2: mean 0.15, standard deviation 0.0707.
    assert "| 90.00 ± 0.00 | 75.00 ± 7.07 | 15.00 ± 7.07 | 2 |" in text


def test_without_both_protocols_there_is_no_gap(tmp_path):
    one = {name: frame[frame["dataset"] == "indian_pines"] for name, frame in frames().items()}
    text = audit_markdown(one, read_audit(written(tmp_path / "audit.csv")))
    assert "Gap" not in text
    assert "**all**" in text
