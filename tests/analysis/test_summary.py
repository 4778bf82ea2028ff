import json
import shutil

import numpy as np
import pandas as pd
import pytest
from synthetic import make_run

from cgt.analysis.complete import check_runs
from cgt.analysis.frames import left_early, left_first, read_summary
from cgt.analysis.summary import EXAMPLES, aggregate
from cgt.records.csv_schema import TABLES, check, exit_columns, read_csv
from cgt.records.files import save_npz, write_json
from cgt.records.manifest import hash_of

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
    with pytest.raises(ValueError, match=r"4 of 12 runs in .* are missing or damaged"):
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


def test_runs_that_are_missing_are_counted_and_nothing_is_written(runs, tmp_path):
    (runs / "indian_pines/soft_cgt/1/curves.csv").unlink()
    (runs / "indian_pines/soft_cgt/1/exits.csv").unlink()
    shutil.rmtree(runs / "fashion_mnist/my_method/2")
    with pytest.raises(ValueError) as error:
        aggregate(runs, EXPECTED, tmp_path / "out")
    assert str(error.value) == (
        f"2 of 12 runs in {runs} are missing or damaged; delete what is damaged, and `make` makes "
        f"it anew: {runs}/indian_pines/soft_cgt/1/curves.csv is missing (and 1 more of this run); "
        f"{runs}/fashion_mnist/my_method/2 is missing"
    )
    assert not (tmp_path / "out").exists()


def test_five_examples_are_enough(runs, tmp_path):
    shutil.rmtree(runs / "indian_pines")
    (runs / "fashion_mnist/soft_cgt/1/exits.csv").unlink()
    with pytest.raises(ValueError, match=r"^7 of 12 runs .*; and 2 more$") as error:
        aggregate(runs, EXPECTED, tmp_path / "out")
    assert str(error.value).count("is missing") == EXAMPLES


def test_every_run_with_a_faulty_cell_is_counted(runs, tmp_path):
    for path in runs.glob("*/soft_cgt/*/exits.csv"):
        edit(path, lambda frame: frame.assign(accuracy=float("nan")))
    with pytest.raises(ValueError, match=r"^4 of 12 runs .* must be a finite number"):
        aggregate(runs, EXPECTED, tmp_path / "out")


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
            r"operating_points\.csv: the row .*seed=1, point=budget_10 stands there twice",
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


def test_the_two_readings_of_leaving_early_can_turn_a_comparison_round():
    exits = pd.DataFrame([("d", m, e) for m in "ab" for e in (1, 2, 3)])
    exits.columns = ["dataset", "method", "exit"]
    rows = [("d", "a", 0.5, 0.1, 0.4), ("d", "b", 0.4, 0.4, 0.2)]
    points = pd.DataFrame(rows, columns=["dataset", "method", "exit_1", "exit_2", "exit_3"])
    assert left_first(points).tolist() == [0.5, 0.4]
    assert left_early(points, exits).tolist() == [0.6, 0.8]


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


def test_complete_runs_are_accepted(runs):
    check_runs(runs, EXPECTED)
    variant = ("indian_pines", "soft_cgt,tau=0.5", 1)
    (runs / "indian_pines/soft_cgt").rename(runs / "indian_pines/soft_cgt,tau=0.5")
    check_runs(runs, [variant])


def change_job(path, **changes):
    manifest = json.loads(path.read_text())
    job = {**manifest["job"], **changes}
    write_json(path, {**manifest, "job": job, "config_hash": hash_of(job)})


def cut(share):
    return lambda path: path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


DAMAGES = {
    "predictions missing": ("predictions.npz", lambda path: path.unlink(), "is missing"),
    "predictions empty": ("predictions.npz", cut(0), "not a readable .npz"),
    "predictions cut off": ("predictions.npz", cut(0.6), "not a readable .npz"),
    "predictions of another kind": (
        "predictions.npz",
        lambda path: save_npz(path, macs=np.ones(1, np.int64)),
        "key 'test_confidence' is missing",
    ),
    "weights missing": ("model.safetensors", lambda path: path.unlink(), "is missing"),
    "weights empty": ("model.safetensors", cut(0), "not a complete safetensors file"),
    "weights cut in the header": ("model.safetensors", cut(0.2), "not a complete safetensors"),
    "weights cut at the end": ("model.safetensors", cut(0.9), "not a complete safetensors file"),
    "weights too long": (
        "model.safetensors",
        lambda path: path.write_bytes(path.read_bytes() + b"\0"),
        "not a complete safetensors file",
    ),
    "manifest missing": ("manifest.json", lambda path: path.unlink(), "is missing"),
    "manifest cut off": ("manifest.json", cut(0.5), "not a JSON object"),
    "manifest of no run": ("manifest.json", lambda path: path.write_text("{}"), "job is None"),
    "manifest of another seed": (
        "manifest.json",
        lambda path: change_job(path, seed=2),
        "seed is 2; it must be 1",
    ),
    "manifest of another method": (
        "manifest.json",
        lambda path: change_job(path, method="cascade"),
        "method is 'cascade'; it must be 'soft_cgt'",
    ),
    "history missing": ("history.csv", lambda path: path.unlink(), "is missing"),
    "table missing": ("oracle.csv", lambda path: path.unlink(), "is missing"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_runs_are_found(runs, damage):
    name, apply, message = DAMAGES[damage]
    for dataset in ("indian_pines", "fashion_mnist"):
        apply(runs / dataset / "soft_cgt/1" / name)
    with pytest.raises(ValueError) as error:
        check_runs(runs, EXPECTED)
    assert str(error.value).startswith(f"2 of 12 runs in {runs} are missing or damaged; ")
    for dataset in ("indian_pines", "fashion_mnist"):
        assert f"{runs}/{dataset}/soft_cgt/1/{name}" in str(error.value)
    assert str(error.value).count(message) == 2


def test_of_a_method_trained_elsewhere_only_its_predictions_are_checked(runs):
    folder = runs / "indian_pines/my_method/1"
    for name in ("manifest.json", "model.safetensors", "history.csv", "gradients.csv"):
        (folder / name).write_text("of another kind")
    check_runs(runs, EXPECTED, external=["my_method"])
    cut(0.6)(folder / "predictions.npz")
    with pytest.raises(ValueError, match=r"^1 of 12 runs .* is missing or damaged; .* readable"):
        check_runs(runs, EXPECTED, external=["my_method"])
