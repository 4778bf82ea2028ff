"""Files under another name than their own are refused: data, checkpoints, weights, runs."""

import json
import shutil

import numpy as np
import pytest
import torch
from faults.conftest import Place
from safetensors.torch import load, save
from tiny import tiny_dataset, tiny_run

from cgt.commands.cli import main
from cgt.data import DataError
from cgt.data import load as load_data
from cgt.data.audit import audit
from cgt.data.prepared import digest_of, load_prepared, save_prepared
from cgt.records.manifest import digests, hash_of, load_manifest, run_of
from cgt.training.checkpoint import load_checkpoint, save_checkpoint
from cgt.training.runs import open_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of two methods, in folders as the workflow names them."""
    root = tmp_path_factory.mktemp("tiny") / "runs"
    for method in ("soft_cgt", "branchynet"):
        tiny_run(method, root / "indian_pines" / method / "1")
    return root


@pytest.fixture
def folder(runs, tmp_path):
    return shutil.copytree(runs, tmp_path / "runs") / "indian_pines/soft_cgt/1"


def listed(folder, **job):
    """Let the manifest list what lies in the folder now, and say another job."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["job"] |= job
    manifest |= {"files": digests(folder), "config_hash": hash_of(manifest["job"])}
    path.write_text(json.dumps(manifest))


def test_a_prepared_file_of_another_seed_trains_nothing(data, place, forks, tmp_path):
    code, output = forks.run(*place.changed(seed=2), log=tmp_path / "log")
    assert code == 2
    assert f"{data / 'prepared.npz'}: " in output
    assert "are not in the train split of seed 2: it was prepared at another seed" in output
    assert place.files() == {}


def test_without_a_seed_any_is_loaded(data):
    where = ("indian_pines", data / "prepared.npz", data / "raw")
    assert load_data(*where).checksums == load_data(*where, 1).checksums
    with pytest.raises(DataError, match="prepared at another seed"):
        load_data(*where, 2)


def test_a_split_under_another_datasets_name_is_not_audited(data, tmp_path):
    arrays = load_prepared(data / "prepared.npz", "again")
    arrays.pop("digest")
    save_prepared(tmp_path / "1.npz", {**arrays, "dataset": np.array("indian_pines_disjoint")})
    with pytest.raises(DataError, match=r"made for dataset indian_pines, expected indian_pines_d"):
        audit("indian_pines_disjoint", data / "prepared.npz", data / "raw")
    with pytest.raises(DataError, match=r"1\.npz: .* not in the train split of seed 1"):
        audit("indian_pines_disjoint", tmp_path / "1.npz", data / "raw")
    shutil.copy(data / "prepared.npz", tmp_path / "2.npz")
    with pytest.raises(DataError, match=r"2\.npz: .* not in the train split of seed 2"):
        audit("indian_pines", tmp_path / "2.npz", data / "raw")
    assert digest_of(arrays)


def test_a_renamed_checkpoint_is_another_jobs(tmp_path, capsys):
    save_checkpoint(tmp_path / "a.pt", {"done": 3})
    assert load_checkpoint(tmp_path / "a.pt") == {"done": 3}
    (tmp_path / "a.pt").rename(tmp_path / "b.pt")
    assert load_checkpoint(tmp_path / "b.pt") is None
    said = capsys.readouterr().err
    assert said == (
        f"checkpoint {tmp_path / 'b.pt'} is another job's: inside it is called a; "
        "training starts over\n"
    )


def test_whole_runs_are_opened(folder):
    assert open_run(folder, tiny_dataset()).job["method"] == "soft_cgt"


def test_weights_of_another_method_are_refused(folder):
    shutil.copy(folder.parents[1] / "branchynet/1/model.safetensors", folder)
    with pytest.raises(ValueError, match=r"model\.safetensors: its sha256 is"):
        open_run(folder, tiny_dataset())
    listed(folder)
    with pytest.raises(
        ValueError, match=r"holds another run's weights: method is 'branchynet'; it must be 'soft"
    ):
        open_run(folder, tiny_dataset())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value, folder):
    path = folder / "model.safetensors"
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])["__metadata__"]
    tensors = load(content)
    next(iter(tensors.values())).view(-1)[0] = value
    path.write_bytes(save(tensors, header))
    listed(folder)
    with pytest.raises(ValueError, match=r"model\.safetensors: .* holds NaN or infinity"):
        open_run(folder, tiny_dataset())


def test_weights_that_say_nothing_are_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(save(load(path.read_bytes())))
    listed(folder)
    with pytest.raises(ValueError, match="does not say whose weights it holds"):
        open_run(folder, tiny_dataset())


def test_weights_of_another_shape_are_refused(folder):
    path = folder / "model.safetensors"
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    path.write_bytes(save({"one": torch.zeros(2)}, header))
    listed(folder)
    with pytest.raises(ValueError, match=r"the weights do not fit compact_scene"):
        open_run(folder, tiny_dataset())


def test_a_run_in_another_runs_folder_is_refused(folder):
    shutil.rmtree(folder)
    shutil.copytree(folder.parents[1] / "branchynet/1", folder)
    with pytest.raises(ValueError, match="method is 'branchynet'; it must be 'soft_cgt'"):
        open_run(folder, tiny_dataset())


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"dataset": "../../X"}, r"manifest\.json: dataset is '../../X'; it must match"),
        ({"method": "a/b"}, r"manifest\.json: method is 'a/b'; it must match"),
        ({"implementation": "../x"}, r"implementation is '../x'; it must match"),
        ({"seed": "../1"}, r"manifest\.json: seed is '../1'; it must be a whole number"),
        ({"seed": True}, r"manifest\.json: seed is True"),
        ({"dataset": "fashion_mnist"}, "dataset is 'fashion_mnist'; it must be 'indian_pines'"),
        ({"seed": 2}, "seed is 2; it must be 1"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(job, message, folder):
    listed(folder, **job)
    with pytest.raises(ValueError, match=message):
        open_run(folder, tiny_dataset())


def test_nothing_is_exported_outside_the_folder(data, forks, tmp_path, capsys):
    place = Place(tmp_path / "job", data)
    assert forks.run(*place.arguments, log=tmp_path / "log")[0] == 0
    listed(place.out, dataset="../../X")
    asked = ["--dataset", "indian_pines", "--prepared", data / "prepared.npz", "--raw"]
    asked += [data / "raw", "--out", tmp_path / "a/b/out"]
    assert main([str(word) for word in ("export", place.out, *asked)]) == 2
    assert "dataset is '../../X'; it must match" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_a_manifest_of_an_earlier_version_says_so(folder):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["files"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="written by an earlier version: it lists no files"):
        load_manifest(path)


def test_a_path_says_which_run_it_is_of(tmp_path):
    assert run_of(tmp_path / "runs/d/m,tau=0.5/3") == ("d", "m,tau=0.5", 3)
    assert run_of(tmp_path / "d/m/3") == run_of("/") == (None, None, None)


def test_predictions_of_another_run_are_not_evaluated(folder, reference, tmp_path, capsys):
    def evaluated(**changed):
        asked = {"dataset": "indian_pines", "method": "soft_cgt", "seed": 1, **changed}
        words = [word for name in asked for word in (f"--{name}", str(asked[name]))]
        where = ["--reference", str(reference), "--out", str(tmp_path / "out")]
        code = main(["evaluate", str(folder / "predictions.npz"), *words, *where])
        return code, capsys.readouterr().err

    assert evaluated() == (0, "")
    assert evaluated(method="soft_cgt,tau=0.5") == (0, "")
    shutil.rmtree(tmp_path / "out")
    assert "method is 'soft_cgt'; it must be 'cascade'" in evaluated(method="cascade")[1]
    assert "seed is 1; it must be 2" in evaluated(seed=2)[1]
    shutil.copy(folder.parents[1] / "branchynet/1/predictions.npz", folder)
    code, said = evaluated()
    assert code == 2 and "predictions.npz: its sha256 is" in said
    assert not (tmp_path / "out").exists()
