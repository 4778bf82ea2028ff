import json
import shutil

import pandas as pd
import pytest
from synthetic import make_run

from cgt.analysis.frames import left_early, read_summary
from cgt.analysis.summary import RUN_FILES, aggregate
from cgt.records.csv_schema import TABLES, check, exit_columns, read_csv

EXPECTED = [
    (dataset, method, seed)
    for dataset in ("indian_pines", "fashion_mnist")
    for method in ("soft_cgt", "single_exit", "my_method")
    for seed in (2, 1)
]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for run in EXPECTED:
        make_run(root, *run, samples=60)
    return root


@pytest.fixture
def runs(pristine, tmp_path):
    return shutil.copytree(pristine, tmp_path / "runs")


def edit(path, change):
    frame = pd.read_csv(path)
    change(frame).to_csv(path, index=False)


def test_every_run_is_in_every_table_in_the_expected_order(runs, tmp_path):
    aggregate(runs, EXPECTED, tmp_path / "out")
    names = sorted(path.stem for path in (tmp_path / "out").iterdir())
    assert names == sorted(TABLES)
    for name in names:
        frame = read_csv(tmp_path / "out" / f"{name}.csv")
        found = frame[["dataset", "method", "seed"]].drop_duplicates().itertuples(index=False)
        assert [tuple(run) for run in found] == [
            (dataset, method, seed)
            for dataset in ("indian_pines", "fashion_mnist")
            for method in ("soft_cgt", "single_exit", "my_method")
            for seed in (1, 2)
            if method != "single_exit" or not TABLES[name].may_be_empty
        ]


def test_runs_that_do_not_route_make_tables_without_rows(runs, tmp_path):
    single = [run for run in EXPECTED if run[1] == "single_exit"]
    aggregate(runs, single, tmp_path / "out")
    frames = read_summary(tmp_path / "out")
    assert {name for name, frame in frames.items() if frame.empty} == {
        name for name, table in TABLES.items() if table.may_be_empty
    }
    assert frames["calibration"].columns.tolist() == TABLES["calibration"].columns


def test_exits_that_a_network_lacks_have_share_0(runs, tmp_path):
    aggregate(runs, EXPECTED, tmp_path / "out")
    curves = read_summary(tmp_path / "out")["curves"]
    single = curves[curves["method"] == "single_exit"]
    assert single[["exit_1", "exit_2", "exit_3"]].drop_duplicates().values.tolist() == [[1, 0, 0]]
    assert curves[exit_columns(curves)].sum(axis=1).sub(1).abs().max() < 1e-5


def test_history_and_wall_time_get_their_labels(runs, tmp_path):
    aggregate(runs, EXPECTED, tmp_path / "out")
    training = (tmp_path / "out" / "training.csv").read_text().splitlines()
    assert training[0] == (
        "dataset,method,seed,epoch,exit,train_loss,val_accuracy,mean_weight,mean_eligibility,grad_norm,"
        "val_mean_eligibility"
    )
    assert training[1].startswith("indian_pines,soft_cgt,1,1,1,")
    gradients = (tmp_path / "out" / "gradients.csv").read_text().splitlines()
    assert gradients[0] == "dataset,method,seed,epoch,stage,exit,other,norm,cosine"
    assert gradients[1].startswith("indian_pines,soft_cgt,1,1,1,1,1,")
    timings = (tmp_path / "out" / "timings.csv").read_text().splitlines()
    assert timings[:2] == ["dataset,method,seed,seconds", "indian_pines,soft_cgt,1,11.000000"]


def test_a_rerun_gives_the_same_bytes(runs, tmp_path):
    for out in ("a", "b"):
        aggregate(runs, EXPECTED, tmp_path / out)
    for name in TABLES:
        a, b = (tmp_path / out / f"{name}.csv" for out in ("a", "b"))
        assert a.read_bytes() == b.read_bytes()
        assert b"\r" not in a.read_bytes()


def test_of_a_method_trained_elsewhere_only_its_predictions_are_asked(runs, tmp_path):
    for file in ("history.csv", "gradients.csv", "manifest.json"):
        for path in runs.glob(f"*/my_method/*/{file}"):
            path.unlink()
    with pytest.raises(ValueError, match="12 files are missing"):
        aggregate(runs, EXPECTED, tmp_path / "out")
    aggregate(runs, EXPECTED, tmp_path / "out", external=["my_method"])
    has = {
        name: "my_method" in set(pd.read_csv(tmp_path / "out" / f"{name}.csv")["method"])
        for name in TABLES
    }
    assert {name for name, there in has.items() if not there} == {
        "training",
        "gradients",
        "timings",
    }


def test_every_missing_file_is_named_and_nothing_is_written(runs, tmp_path):
    (runs / "indian_pines/soft_cgt/1/curves.csv").unlink()
    shutil.rmtree(runs / "fashion_mnist/my_method/2")
    with pytest.raises(
        ValueError, match=f"is incomplete; {1 + len(RUN_FILES)} files are missing"
    ) as error:
        aggregate(runs, EXPECTED, tmp_path / "out")
    for name in ("indian_pines/soft_cgt/1/curves.csv", "fashion_mnist/my_method/2/history.csv"):
        assert name in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (
            "curves.csv",
            lambda frame: frame.assign(accuracy=frame["accuracy"].mask(frame.index == 4)),
            r"curves\.csv: accuracy is .* in row 5; it must be a finite number",
        ),
        (
            "history.csv",
            lambda frame: frame.assign(train_loss=float("inf")),
            r"history\.csv: train_loss is .*inf.* in row 1; it must be a finite number",
        ),
        (
            "operating_points.csv",
            lambda frame: pd.concat([frame, frame.iloc[[1]]]),
            r"operating_points\.csv: the row .*seed=1, point=one_se stands there twice",
        ),
        (
            "exits.csv",
            lambda frame: frame.assign(seed=9),
            r"exits\.csv: seed is 9; it must be 1",
        ),
        (
            "exits.csv",
            lambda frame: frame.assign(exit=frame["exit"] + 0.5),
            r"exits\.csv: exit must hold whole numbers only",
        ),
        (
            "exits.csv",
            lambda frame: frame.drop(columns="macs").assign(flops=1),
            r"exits\.csv: missing columns \['macs'\], unknown columns \['flops'\]",
        ),
        (
            "curves.csv",
            lambda frame: frame.drop(columns="exit_2"),
            r"exit columns are \['exit_1', 'exit_3'\]; they must be exit_1, exit_2, \.\.\.",
        ),
        ("curves.csv", lambda frame: frame.iloc[:0], r"curves\.csv: holds no rows"),
    ],
)
def test_a_faulty_cell_is_refused_and_named(runs, tmp_path, file, change, message):
    edit(runs / "indian_pines/soft_cgt/1" / file, change)
    with pytest.raises(ValueError, match=message) as error:
        aggregate(runs, EXPECTED, tmp_path / "out")
    assert "indian_pines/soft_cgt/1" in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_manifest_without_wall_time_is_refused(runs, tmp_path):
    path = runs / "indian_pines/soft_cgt/1/manifest.json"
    path.write_text(json.dumps({}))
    with pytest.raises(ValueError, match=r"manifest\.json: job is None; it must be an object"):
        aggregate(runs, EXPECTED, tmp_path / "out")


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ([], "no runs are expected"),
        ([EXPECTED[0], EXPECTED[0]], "runs expected twice: indian_pines/soft_cgt/2"),
    ],
)
def test_a_faulty_expectation_is_refused(runs, tmp_path, expected, message):
    with pytest.raises(ValueError, match=message):
        aggregate(runs, expected, tmp_path / "out")


def test_left_early_uses_the_last_exit_of_each_network():
    names = ["dataset", "method", "exit"]
    rows = [("d", "one", 1), ("d", "two", 1), ("d", "two", 2), ("e", "two", 1)]
    exits = pd.DataFrame(rows, columns=names)
    rows = [("d", "two", 0.7, 0.3), ("d", "one", 1.0, 0.0), ("e", "two", 1.0, 0.0)]
    frame = pd.DataFrame(rows, columns=["dataset", "method", "exit_1", "exit_2"])
    assert left_early(frame, exits).tolist() == [0.7, 0.0, 0.0]


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("areas", {"mean_budget_accuracy": "area"}, "area is called mean_budget_accuracy now"),
        ("exit_rules", {"exit_rule": "policy"}, "policy is called exit_rule now"),
        ("training", {"mean_eligibility": "active_share"}, "active_share is called mean_elig"),
    ],
)
def test_a_former_column_is_refused_with_its_new_name(frames, table, old, new):
    with pytest.raises(ValueError, match=f"here: written by an earlier version: {new}"):
        check(frames[table].rename(columns=old), table, "here")


def test_a_former_point_is_refused_with_its_new_name(frames):
    points = frames["operating_points"].replace({"point": {"one_se": "knee"}})
    with pytest.raises(ValueError, match="knee is called one_se now; run again"):
        check(points, "operating_points", "here")


def test_a_former_file_is_refused_with_its_new_name(runs, tmp_path):
    aggregate(runs, EXPECTED, tmp_path / "out")
    (tmp_path / "out/exit_rules.csv").rename(tmp_path / "out/policies.csv")
    with pytest.raises(ValueError, match=r"policies\.csv: this file is called exit_rules\.csv now"):
        read_summary(tmp_path / "out")


def test_a_table_without_exit_shares_is_refused_where_they_are_due(frames):
    curves = frames["curves"]
    with pytest.raises(ValueError, match=r"here: exit columns are \[\]"):
        check(curves.drop(columns=exit_columns(curves)), "curves", "here")
