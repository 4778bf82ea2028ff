"""Published rows: what is written is read again, and damaged or mixed rows are refused."""

import hashlib
import json
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_rows import SHA, made_row, write_row

from cgt.records.csv_columns import ROW_POINTS
from cgt.records.files import load_npz, save_npz
from cgt.records.rows import (
    Outcomes,
    read_manifests,
    read_outcomes,
    read_row,
    read_rows,
    row_files,
    row_names,
)

AREAS = {1: 0.8, 2: 0.75, 4: 0.7}


@pytest.fixture
def place(tmp_path):
    return write_row(tmp_path, made_row("toy", "mine", AREAS, marked="trial"))


def test_a_row_is_read_as_it_was_written(tmp_path):
    rng = np.random.default_rng(0)
    right = rng.random((3, len(ROW_POINTS), 21)) < 0.8  # 21: the last byte is not full
    row = made_row("toy", "mine", AREAS, right=right)
    write_row(tmp_path, row)
    again = read_row(tmp_path, "toy", "mine")
    for name, frame in row.tables.items():
        pd.testing.assert_frame_equal(
            again.tables[name], frame, check_dtype=False, rtol=0, atol=5e-7
        )
    assert np.array_equal(again.outcomes.right, right)
    assert again.outcomes.seeds == (1, 2, 4)
    assert {key: again.manifest[key] for key in row.manifest} == row.manifest
    assert row_files(again) == row_files(row)


def test_packed_outcomes_can_be_read_without_this_package(place):
    with np.load(place / "outcomes.npz", allow_pickle=False) as arrays:
        right = np.unpackbits(arrays["outcomes"], axis=2)[..., : int(arrays["samples"])]
        points = list(arrays["points"])
    assert right[:, points.index("one_se")].sum(axis=1).tolist() == [16, 15, 14]


def test_outcomes_are_asked_by_seed_and_point(tmp_path, place):
    outcomes = read_outcomes(tmp_path, "toy", "mine")
    assert outcomes.of(2, "full").sum() == 15
    with pytest.raises(ValueError, match="no outcomes of seed 3, point full; seeds are 1, 2, 4"):
        outcomes.of(3, "full")


def test_all_rows_together(tmp_path, place):
    write_row(tmp_path, made_row("toy", "other", {1: 0.5}, tuned="no: defaults"))
    write_row(tmp_path, made_row("ball", "mine", {7: 0.9}))
    (tmp_path / "published.sha256").write_text("")  # files beside the rows are not rows
    frames = read_rows(tmp_path)
    areas = frames["areas"].set_index(["dataset", "method", "seed"])["mean_budget_accuracy"]
    assert areas.to_dict() == {
        ("ball", "mine", 7): 0.9,
        ("toy", "mine", 1): 0.8,
        ("toy", "mine", 2): 0.75,
        ("toy", "mine", 4): 0.7,
        ("toy", "other", 1): 0.5,
    }
    assert len(frames["points"]) == 5 * 6
    assert len(frames["budgets"]) == 5 * 101
    assert frames["marks"].to_dict("list") == {
        "dataset": ["ball", "toy", "toy"],
        "method": ["mine", "mine", "other"],
        "tuned": ["protocol", "protocol", "no: defaults"],
        "marked": ["", "trial", ""],
    }


def test_a_network_with_one_exit_has_no_area(tmp_path):
    row = made_row("toy", "single", {1: 0.5})
    none = {name: row.tables[name].iloc[:0] for name in ("areas", "budgets")}
    write_row(tmp_path, replace(row, tables={**row.tables, **none}))
    write_row(tmp_path, made_row("toy", "other", {1: 0.5}))
    assert set(read_rows(tmp_path)["areas"]["method"]) == {"other"}


def test_a_folder_without_rows_says_so(tmp_path):
    assert row_names(tmp_path / "none") == []
    with pytest.raises(ValueError, match="holds no rows; `make publish-rows`"):
        read_rows(tmp_path)


def relist(place):
    """What somebody who edits a file by hand may do, too."""
    path = place / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in manifest["files"]:
        manifest["files"][name] = hashlib.sha256((place / name).read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest))


def edit(name, old, new):
    def damage(place):
        text = (place / name).read_text()
        assert old in text
        (place / name).write_text(text.replace(old, new, 1))

    return damage


def outcomes(**changes):
    def damage(place):
        arrays = load_npz(place / "outcomes.npz")
        for name, change in changes.items():
            arrays[name] = change(arrays[name])
        save_npz(place / "outcomes.npz", **arrays)

    return damage


def set_last(packed):
    packed[..., -1] |= 1
    return packed


DAMAGES = {
    "another column": (edit("areas.csv", "mean_budget_accuracy", "score"), "missing columns"),
    "another dataset": (edit("areas.csv", "toy", "ball"), "dataset is 'ball'; the row is that"),
    "another method": (edit("areas.csv", "mine", "yours"), "method is 'yours'; the row is that"),
    "a seed more": (edit("areas.csv", "mine,1,", "mine,9,"), r"areas.csv: has seeds \[2, 4, 9\]"),
    "no such point": (edit("points.csv", "budget_10", "budget_75"), "budget_75"),
    "half met": (edit("points.csv", ",0\n", ",2\n"), "met is 2 in row"),
    "an accuracy too good": (
        edit("points.csv", "one_se,0.500000,0.800000", "one_se,0.500000,0.900000"),
        "accuracy is 0.9 at seed 1, one_se; outcomes.npz gives 0.8",
    ),
    "an area too good": (
        edit("areas.csv", "0.800000", "0.810000"),
        "is 0.81 at seed 1; the mean of budgets.csv is 0.8",
    ),
    "fewer samples": (outcomes(samples=lambda n: n - 8), "outcomes has shape"),
    "truncated": (outcomes(outcomes=lambda o: o[..., :-1]), "outcomes has shape"),
    "bits behind the end": (outcomes(outcomes=set_last), "bits set behind its 20 samples"),
    "other seeds": (outcomes(seeds=lambda s: s + 1), r"has seeds \[2, 3, 5\]; manifest.json says"),
    "points in another order": (outcomes(points=lambda p: p[::-1]), "has points"),
    "numbers of another type": (
        outcomes(outcomes=lambda o: o.astype(np.int64)),
        "outcomes is int64 with 3 axes; it must be uint8 with 3",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_refused_though_the_digests_hold(name, tmp_path, place):
    damage, message = DAMAGES[name]
    damage(place)
    with pytest.raises(ValueError, match=r"its sha256 is .* damaged, edited or another row's"):
        read_rows(tmp_path)
    relist(place)
    with pytest.raises(ValueError, match=message) as error:
        read_rows(tmp_path)
    assert str(error.value).startswith(str(place))


def test_a_file_that_is_cut_off_or_missing_is_refused(tmp_path, place):
    path = place / "outcomes.npz"
    path.write_bytes(path.read_bytes()[:-10])
    relist(place)
    with pytest.raises(ValueError, match=r"outcomes\.npz: not a readable \.npz"):
        read_rows(tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match=r"outcomes\.npz: missing; manifest\.json"):
        read_rows(tmp_path)
    (place / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"manifest\.json: missing"):
        read_rows(tmp_path)


def test_a_row_in_another_rows_folder_is_refused(tmp_path, place):
    place.rename(place.with_name("yours"))
    with pytest.raises(ValueError, match="method is 'mine'; its folder says 'yours'"):
        read_rows(tmp_path)


MANIFESTS = {
    "no digest": ({"digests": {**SHA, "protocol": "abc"}}, "digest of protocol is 'abc'"),
    "data of other seeds": (
        {"digests": {**SHA, "data": {"1": "c" * 64}}},
        "digests.data is of seeds 1; it must be of",
    ),
    "tuned somehow": ({"tuned": "yes"}, "tuned is 'yes'; it must match protocol"),
    "a mark over two lines": ({"marked": "a\n| b"}, "marked is"),
    "seeds twice": ({"seeds": [1, 1]}, "each must be there once"),
    "no sample": ({"samples": 0}, "samples is 0; it must be a whole number of at least 1"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_that_cannot_be_is_neither_written_nor_read(name, tmp_path, place):
    changes, message = MANIFESTS[name]
    with pytest.raises(ValueError, match=message):
        row_files(made_row("toy", "mine", AREAS, **changes))
    path = place / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(ValueError, match=message):
        read_rows(tmp_path)


MIXTURES = {
    "protocol": {"digests": {**SHA, "protocol": "e" * 64, "data": {"1": f"{1:064x}"}}},
    "network": {"digests": {**SHA, "network": "e" * 64, "data": {"1": f"{1:064x}"}}},
    "data at seed 1": {"digests": {**SHA, "data": {"1": "e" * 64}}},
}


@pytest.mark.parametrize("key", MIXTURES)
def test_no_table_mixes_digests(key, tmp_path, place):
    write_row(tmp_path, made_row("toy", "other", {1: 0.5}, **MIXTURES[key]))
    for read in (read_rows, read_manifests):
        with pytest.raises(
            ValueError, match=f"rows of toy differ in their {key}: mine has .*other"
        ):
            read(tmp_path)


def test_rows_of_two_datasets_may_differ_in_everything(tmp_path, place):
    write_row(tmp_path, made_row("ball", "other", {1: 0.5}, **MIXTURES["protocol"]))
    write_row(tmp_path, made_row("toy", "third", {3: 0.5}))  # no seed in common
    assert len(read_manifests(tmp_path)) == 3


def test_rows_of_other_test_samples_are_not_mixed(tmp_path, place):
    write_row(tmp_path, made_row("toy", "other", {1: 0.5}, size=30))
    with pytest.raises(ValueError, match="differ in their samples: mine has 20; other has 30"):
        read_rows(tmp_path)


def test_a_full_table_is_small():
    """20 entries on 4 datasets with 20 seeds of 10,000 test samples: 15 MB at most."""
    rng = np.random.default_rng(0)
    # Nine in ten right, and each point, but for one sample in twenty, like the one before.
    right = np.empty((20, len(ROW_POINTS), 10_000), dtype=bool)
    right[:, 0] = rng.random((20, 10_000)) < 0.9
    for point in range(1, len(ROW_POINTS)):
        anew = rng.random((20, 10_000)) < 0.05
        right[:, point] = np.where(anew, rng.random((20, 10_000)) < 0.9, right[:, point - 1])
    row = made_row("a_dataset_with_a_long_name", "its_method", dict.fromkeys(range(20), 0.9))
    points = row.tables["points"].assign(accuracy=right.mean(axis=2).ravel())
    tables = {**row.tables, "points": points}
    manifest = {**row.manifest, "samples": 10_000}
    files = row_files(
        replace(
            row,
            tables=tables,
            outcomes=Outcomes(tuple(range(20)), ROW_POINTS, right),
            manifest=manifest,
        )
    )
    assert 80 * sum(map(len, files.values())) <= 15e6


def test_outcomes_hold_no_pickle_and_no_date(place):
    with zipfile.ZipFile(place / "outcomes.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert load_npz(place / "outcomes.npz").keys() == {"outcomes", "seeds", "points", "samples"}
