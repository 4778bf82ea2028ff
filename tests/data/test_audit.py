"""The audit on a made-up scene that can be counted by hand."""

import numpy as np
import pytest

from cgt.data.audit import audit, audit_split

# 1 x 12 pixels; patches of 3 x 3 meet if their centres are at most 2 apart.
#                  0  1  2  3  4  5  6  7  8  9 10 11
LABELS = np.array([[0, 0, 0, 0, 1, 1, -1, 1, 1, 1, 2, 2]])
INDEX = {"train": np.array([0, 9]), "val": np.array([4]), "test": np.array([1, 2, 3, 5, 7, 8])}


def test_counts_and_overlap_by_class():
    rows = audit_split(LABELS, INDEX, 3, ["corn", "oats", "wheat"])
    # Corn: 1 and 2 touch 0; 3 does not. Oats: 7 and 8 touch 9; 5 touches neither 0 nor 9.
    assert [row.pop("test_overlap") for row in rows] == pytest.approx(
        [2 / 3, 2 / 3, np.nan], nan_ok=True
    )
    # Validation at 4: 2 and 3 touch it, and 5; not 1, 7 and 8.
    assert [row.pop("val_overlap") for row in rows] == pytest.approx(
        [2 / 3, 1 / 3, np.nan], nan_ok=True
    )
    # To 0 or 9: of 1, 2 and 3, and of 5, 7 and 8.
    assert [row.pop("distance") for row in rows] == pytest.approx(
        [(1 + 2 + 3) / 3, (4 + 2 + 1) / 3, np.nan], nan_ok=True
    )
    assert [row.pop("patch") for row in rows] == [3, 3, 3]
    assert rows == [
        {"class": "corn", "pixels": 4, "train": 1, "val": 0, "test": 3, "in_macro_average": 1},
        {"class": "oats", "pixels": 5, "train": 1, "val": 1, "test": 3, "in_macro_average": 1},
        {"class": "wheat", "pixels": 2, "train": 0, "val": 0, "test": 0, "in_macro_average": 0},
    ]  # fmt: skip


def test_single_pixels_never_overlap():
    assert [row["test_overlap"] for row in audit_split(LABELS, INDEX, 1, ["a", "b"])] == [0, 0]


def test_a_dataset_without_a_scene_is_refused(tmp_path):
    with pytest.raises(ValueError, match="of kind images; allowed here: scene"):
        audit("fashion_mnist", tmp_path / "p.npz", tmp_path)
