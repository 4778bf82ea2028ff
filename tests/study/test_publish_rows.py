"""From runs to published rows: what is written, what stays, what is refused."""

import copy
import json

import numpy as np
import pandas as pd
import pytest
from synthetic import make_predictions, make_reference

from cgt.records.files import save_npz, write_json
from cgt.records.manifest import FILES, build_manifest, digests
from cgt.records.predictions import save_predictions
from cgt.records.reference import save_reference
from cgt.records.rows import read_manifest, read_rows
from cgt.study.publish_rows import publish_rows, read_trials, tuned_of

DATASET = "fashion_mnist"
SETTINGS = {"epochs": 3, "batch_size": 32, "momentum": 0.9, "weight_decay": 0.0}
SETTINGS |= {"label_smoothing": 0.0, "network": "compact_images"}
CONFIG = {
    "seeds": [1, 2],
    "datasets": {DATASET: {**SETTINGS, "limit": None}},
    "methods": {
        "branchynet": {DATASET: {"lr": 0.1, "exit_weights": [1, 1, 1]}},
        "mine": {"method": "soft_cgt", DATASET: {"lr": 0.2}},
    },
    "external": ["theirs"],
    "tuning": {
        "datasets": {DATASET: {"trials": 2, "epochs": 1, "seeds": [9]}},
        "space": {"lr": [0.1, 0.2], "label_smoothing": [0.0]},
        "first": {"lr": 0.1, "label_smoothing": 0.0},
        "only": {"branchynet": ["lr"], "mine": ["lr"]},
        "taken_from": {"indian_pines": DATASET},
    },
}
ALL = ("branchynet", "mine", "theirs")


def make_run(results, prepared, method, seed):
    folder = results / "runs" / DATASET / method / str(seed)
    save_predictions(folder / "predictions.npz", make_predictions(DATASET, method, seed, 100))
    split = prepared / DATASET / f"{seed}.npz"
    if not split.exists():
        save_npz(split, test_index=np.arange(100), digest=np.array(f"digest {seed}"))
    if method == "theirs":
        return
    for name in FILES[1:]:
        (folder / name).write_text(name)
    entry = CONFIG["methods"][method]
    own = {name: value for name, value in entry[DATASET].items() if name != "lr"}
    job = {
        **{"dataset": DATASET, "method": method, "implementation": entry.get("method", method)},
        **{"seed": seed, "hyperparameters": own},
        "settings": {"lr": entry[DATASET]["lr"], "augmentation": "mirror", **SETTINGS},
    }
    data = {"prepared": f"digest {seed}"}
    write_json(folder / "manifest.json", build_manifest(job, data, 1, 7.0 + seed, digests(folder)))


@pytest.fixture
def places(tmp_path):
    results, prepared = tmp_path / "results", tmp_path / "prepared"
    for method in ALL:
        for seed in (1, 2):
            make_run(results, prepared, method, seed)
    save_reference(results / "reference" / f"{DATASET}.json", make_reference(DATASET, 10))
    # The synthetic reference names a toy; rows need a network whose code can be read.
    path = results / "reference" / f"{DATASET}.json"
    write_json(path, {**json.loads(path.read_text()), "network": "compact_images"})
    return results, prepared, tmp_path / "rows"


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_rows_of_finished_entries(places):
    rows = places[2]
    done = publish_rows(CONFIG, ALL, *places, marked="trial")
    assert done.written == [f"{DATASET}/{name}" for name in ALL] and not done.unfinished
    frames = read_rows(rows)
    assert frames["marks"].set_index("method")["marked"].to_dict() == dict.fromkeys(ALL, "trial")
    manifest = read_manifest(rows, DATASET, "mine")
    assert manifest["settings"] == {
        "dataset": CONFIG["datasets"][DATASET],
        "implementation": "soft_cgt",
        "method": {"lr": 0.2},
    }
    assert manifest["seconds"] == {"1": 8.0, "2": 9.0}
    assert manifest["machine"]["threads"] == [1]
    theirs = read_manifest(rows, DATASET, "theirs")
    assert (theirs["tuned"], theirs["seconds"]) == ("no: trained elsewhere", {})
    before = contents(rows)
    publish_rows(CONFIG, ALL, *places, marked="trial")
    assert contents(rows) == before


def test_a_row_says_whether_test_samples_are_the_same_at_every_seed(places):
    results, _, rows = places
    publish_rows(CONFIG, ["theirs"], *places)  # made up with targets that depend on the seed
    assert read_manifest(rows, DATASET, "theirs")["same_samples"] is False
    first, second = (results / "runs" / DATASET / "theirs" / str(seed) for seed in (1, 2))
    (second / "predictions.npz").write_bytes((first / "predictions.npz").read_bytes())
    publish_rows(CONFIG, ["theirs"], *places)
    assert read_manifest(rows, DATASET, "theirs")["same_samples"] is True


def test_an_entry_with_its_own_label_smoothing(places):
    """Runs have it in place of the dataset's; those without it are not the entry's."""
    config = copy.deepcopy(CONFIG)
    config["methods"]["mine"][DATASET]["label_smoothing"] = 0.1
    with pytest.raises(ValueError, match="trained with label_smoothing 0"):
        publish_rows(config, ["mine"], *places)
    for seed in (1, 2):
        path = places[0] / "runs" / DATASET / "mine" / str(seed) / "manifest.json"
        job = json.loads(path.read_text())["job"]
        job["settings"]["label_smoothing"] = 0.1
        data = {"prepared": f"digest {seed}"}
        write_json(path, build_manifest(job, data, 1, 7.0, digests(path.parent)))
    done = publish_rows(config, ["mine"], *places)
    assert done.written == [f"{DATASET}/mine"]


def test_publishing_one_entry_touches_no_other(places):
    rows = places[2]
    publish_rows(CONFIG, ALL, *places)
    before = contents(rows)
    publish_rows(CONFIG, ["mine"], *places, marked="trial")
    changed = {path for path, data in contents(rows).items() if data != before[path]}
    assert {path.relative_to(rows).as_posix() for path in changed} == {
        f"{DATASET}/mine/manifest.json",
        f"{DATASET}/mine/published.sha256",
    }


def test_unfinished_entries_stay_as_they_were(places):
    results, _, rows = places
    publish_rows(CONFIG, ALL, *places)
    before = contents(rows)
    (results / "runs" / DATASET / "mine/2/predictions.npz").unlink()
    done = publish_rows(CONFIG, ALL, *places)
    assert done.unfinished == [f"{DATASET}/mine"]
    assert contents(rows) == before
    with pytest.raises(ValueError, match="no run of mine is finished at all seeds"):
        publish_rows(CONFIG, ["mine"], *places)


def damaged(name, value):
    def damage(results, prepared, config):
        path = results / "runs" / DATASET / "mine/1/manifest.json"
        manifest = json.loads(path.read_text())
        part = manifest["data"] if name == "prepared" else manifest["job"]["settings"]
        part[name] = value
        folder = path.parent
        write_json(
            path,
            build_manifest(manifest["job"], manifest["data"], 1, 1.0, digests(folder)),
        )

    return damage


def earlier_code(results, prepared, config):
    path = results / "runs" / DATASET / "mine/1/manifest.json"
    write_json(path, {**json.loads(path.read_text()), "training": 0})


def cut_off(results, prepared, config):
    path = results / "runs" / DATASET / "mine/1/predictions.npz"
    path.write_bytes(path.read_bytes()[:-1])


def other_split(results, prepared, config):
    path = prepared / DATASET / "1.npz"
    save_npz(path, test_index=np.arange(100)[::-1], digest=np.array("digest 1"))


FAULTS = {
    "cut off": (cut_off, "predictions.npz: its sha256 is"),
    "another learning rate": (damaged("lr", 0.3), "trained with .*0.3.*configuration says .*0.2"),
    "another schedule": (damaged("epochs", 4), "trained with epochs 4; the configuration says 3"),
    "another network": (damaged("network", "roomy_images"), "trained with network roomy_images"),
    "earlier code": (earlier_code, "trained by revision 0 of the training code, which is now"),
    "other data": (damaged("prepared", "another"), "trained on another file than"),
    "other samples": (other_split, "test_index is not that of"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_runs_that_are_not_what_they_should_be_are_refused(name, places):
    results, prepared, rows = places
    damage, message = FAULTS[name]
    damage(results, prepared, CONFIG)
    with pytest.raises(ValueError, match=message):
        publish_rows(CONFIG, ["mine", "theirs"], *places)
    assert not rows.exists()


def test_a_row_that_does_not_fit_those_that_stay_is_refused(places):
    rows = places[2]
    publish_rows(CONFIG, ["branchynet"], *places)
    before = contents(rows)
    config = copy.deepcopy(CONFIG)
    config["datasets"][DATASET]["limit"] = 600
    with pytest.raises(ValueError, match=r"differ in their protocol: branchynet has .*theirs has"):
        publish_rows(config, ["theirs"], *places)
    assert contents(rows) == before
    publish_rows(config, ["theirs", "branchynet"], *places)  # all at once: nothing old stays
    assert len(read_rows(rows)["marks"]) == 2


def test_an_edited_row_is_not_written_over(places):
    rows = places[2]
    publish_rows(CONFIG, ["mine"], *places)
    with (rows / DATASET / "mine/areas.csv").open("a") as stream:
        stream.write("\n")
    with pytest.raises(ValueError, match=r"areas\.csv \(edited since it was published\)"):
        publish_rows(CONFIG, ["mine"], *places)


def test_an_unknown_entry_is_refused(places):
    with pytest.raises(ValueError, match="no entry 'yours'; allowed are branchynet, mine, theirs"):
        publish_rows(CONFIG, ["yours"], *places)


def table(
    path, *, method="branchynet", chosen=0, hyperparameters='{"exit_weights": [1.0, 1.0, 1.0]}'
):
    """Both points of the space were tried."""
    rows = [
        {
            **{"dataset": DATASET, "method": method, "trial": trial, "lr": lr, "n": 1},
            **{"label_smoothing": 0.0, "hyperparameters": hyperparameters, "score": 0.5},
            **{"se": None, "scores": "0.5", "tied": 0, "chosen": int(trial == chosen)},
        }
        for trial, lr in enumerate((0.1, 0.2))
    ]
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_tuned_is_what_the_configured_search_has_chosen(tmp_path):
    def tuned(**changes):
        found = read_trials([tmp_path / "none.csv", table(tmp_path / "t.csv", **changes)])
        return tuned_of(CONFIG, DATASET, "branchynet", found)

    how, record = tuned()
    assert how == "protocol"
    assert record == {
        **{"dataset": DATASET, "trials": 2, "trial": 0},
        **{"epochs": 1, "seeds": [9], "score": 0.5},
    }
    assert tuned(chosen=1)[0] == "no: not what the search has chosen"
    other = '{"exit_weights": [1.0, 0.5, 1.0]}'
    assert tuned(hyperparameters=other)[0] == "no: by other trials than the configuration's"
    assert tuned(method="mine")[0] == "no: no search was made"


def test_a_dataset_without_a_search_may_share_anothers(tmp_path):
    config = copy.deepcopy(CONFIG)
    config["datasets"]["indian_pines"] = {}
    config["methods"]["branchynet"]["indian_pines"] = {"lr": 0.1, "exit_weights": [1, 1, 1]}
    found = read_trials([table(tmp_path / "t.csv")])
    how, record = tuned_of(config, "indian_pines", "branchynet", found)
    assert (how, record["dataset"]) == ("protocol", DATASET)
    config["methods"]["branchynet"]["indian_pines"]["lr"] = 0.2
    how = tuned_of(config, "indian_pines", "branchynet", found)[0]
    assert how == "no: not what the search has chosen"
    del config["tuning"]["taken_from"]
    how = tuned_of(config, "indian_pines", "branchynet", found)[0]
    assert how == "no: no search was made"


def test_trials_of_the_first_table_count(tmp_path):
    first = table(tmp_path / "first.csv", chosen=1)
    found = read_trials([first, table(tmp_path / "second.csv")])
    assert len(found) == 2 and found.loc[found["chosen"] == 1, "lr"].item() == 0.2
    both = read_trials([first, table(tmp_path / "third.csv", method="mine")])
    assert set(both["method"]) == {"branchynet", "mine"}
