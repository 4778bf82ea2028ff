"""Files and addresses that mean harm do nothing."""

import ast
import io
import os
import re
import tarfile
import urllib.request
from email.message import Message
from pathlib import Path

import numpy as np
import pytest

from cgt.commands.cli import main
from cgt.data.fetch import SourceUnavailable, _SameSecurity
from cgt.data.formats import parse_npy
from cgt.data.packages import read_folder
from cgt.data.registry import builder_of
from cgt.data.sources import Location
from cgt.records.cards import cards
from cgt.records.predictions import load_predictions

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "cgt").rglob("*.py"))
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]
WITHOUT_TLS = {"fashion-mnist.s3-website.eu-central-1.amazonaws.com"}


class Bomb:
    """Unpickling it creates a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def bomb(tmp_path):
    """An array that makes a folder when it is unpickled; afterwards, that it never was."""
    mark = tmp_path / "exploded"
    array = np.empty(1, dtype=object)
    array[0] = Bomb(mark)
    yield array
    assert not mark.exists()


def test_the_bomb_works(tmp_path):
    array = np.empty(1, dtype=object)
    array[0] = Bomb(tmp_path / "exploded")
    np.save(tmp_path / "bomb.npy", array, allow_pickle=True)
    np.load(tmp_path / "bomb.npy", allow_pickle=True)
    assert (tmp_path / "exploded").exists()


def test_predictions_are_not_unpickled(bomb, reference, tmp_path, capsys):
    path = tmp_path / "predictions.npz"
    np.savez(path, macs=bomb)
    run = ["--dataset", "indian_pines", "--method", "other", "--seed", "1"]
    run += ["--reference", str(reference)]
    assert main(["evaluate", str(path), *run, "--out", str(tmp_path / "out")]) == 2
    assert f"{path}: not a readable .npz file without pickles" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_prepared_file_is_not_unpickled(bomb, data, tmp_path):
    from cgt.data import DataError, load

    np.savez(tmp_path / "prepared.npz", train_index=bomb, digest=np.array("0" * 64))
    with pytest.raises(DataError, match=r"unreadable .*without pickles"):
        load("indian_pines", tmp_path / "prepared.npz", data / "raw")


def test_raw_arrays_are_not_unpickled(bomb):
    stream = io.BytesIO()
    np.save(stream, bomb, allow_pickle=True)
    with pytest.raises(ValueError, match=r"got .* of object"):
        parse_npy(stream.getvalue(), (1,), "u1")


def test_pictures_are_not_unpickled(bomb, tmp_path):
    from cgt.analysis.pictures.scene import scene

    np.savez(tmp_path / "scene.npz", methods=bomb, exit=bomb)
    with pytest.raises(ValueError, match="without pickles"):
        scene(tmp_path / "scene.npz")


def test_checkpoints_are_not_unpickled(bomb, tmp_path):
    from cgt.training.checkpoint import load_checkpoint, save_checkpoint

    save_checkpoint(tmp_path / "c.pt", {"network": bomb[0]})  # whole, with the right digest
    with pytest.raises(ValueError, match="not one of ours"):
        load_checkpoint(tmp_path / "c.pt")


def calls(path):
    """Every call in a file: the name of what is called, and its keyword arguments as text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            given = {one.arg: ast.unparse(one.value) for one in node.keywords}
            yield ast.unparse(node.func), given


def test_no_module_can_run_what_it_reads():
    forbidden = re.compile(
        r"(pickle|dill|joblib|cloudpickle|shelve|marshal)\b|(eval|exec|compile|__import__)$"
        r"|(os\.(system|popen)|subprocess\.getoutput|yaml\.(load|unsafe_load|full_load))$"
        r"|(pd|pandas)\.read_pickle$|(tar|archive)\.extract$|.*\.extractall$"
    )
    for path in SOURCES:
        for name, given in calls(path):
            assert not forbidden.match(name), (path, name)
            assert given.get("shell", "False") == "False", (path, name)
            if name == "torch.load":
                assert given["weights_only"] == "True", path
            if name in ("np.load", "numpy.load", "np.lib.format.read_array"):
                assert given["allow_pickle"] == "False", path


def test_every_word_of_a_command_is_quoted():
    """`:q` is Snakemake's quoting; the exceptions are numbers."""
    numbers = {"wildcards.seed", "wildcards.trial", "params.seed", "threads"}
    found = 0
    for path in RULES:
        text = path.read_text(encoding="utf-8")
        for block in re.findall(r"^    shell:\n((?:        .*\n)+)", text, flags=re.MULTILINE):
            for word in re.findall(r"(?<!\{)\{([^{}]+)\}", block):
                found += 1
                assert word.endswith(":q") or word in numbers, (path, word)
    assert found > 50


def test_addresses_are_encrypted_where_the_host_can():
    addresses = {
        source.base
        for dataset in cards("data")
        for source in builder_of(dataset).sources()
        if isinstance(source, Location) and "://" in source.base
    }
    plain = {base for base in addresses if not base.startswith("https://")}
    assert {base.removeprefix("http://") for base in plain} <= WITHOUT_TLS
    assert len(addresses) > len(plain) > 0


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("https://host.example/f", "http://host.example/f"),
        ("https://host.example/f", "ftp://host.example/f"),
        ("http://host.example/f", "ftp://host.example/f"),
        ("http://host.example/f", "file:///etc/passwd"),
    ],
)
def test_no_redirect_to_less_security(start, end):
    request = urllib.request.Request(start)
    with pytest.raises(SourceUnavailable, match=f"{start} leads to {end}"):
        _SameSecurity().redirect_request(request, None, 302, "Found", Message(), end)


@pytest.mark.parametrize("start", ["https://host.example/f", "http://host.example/f"])
def test_redirects_to_as_much_security_are_followed(start):
    request = urllib.request.Request(start)
    end = "https://elsewhere.example/f"
    followed = _SameSecurity().redirect_request(request, None, 302, "Found", Message(), end)
    assert followed.full_url == end


def archive(path, *members):
    """A tar archive of (name, type, link target, content)."""
    with tarfile.open(path, "w") as tar:
        for name, kind, target, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, target, len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_nothing_in_an_archive_leads_out_of_its_folder(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("secret")
    found = read_folder(
        archive(
            tmp_path / "evil.tar",
            ("./data/images.gz", tarfile.REGTYPE, "", b"sound"),
            ("./data/../../../outside", tarfile.REGTYPE, "", b"evil"),
            (str(outside), tarfile.REGTYPE, "", b"evil"),
            ("./data/link.gz", tarfile.SYMTYPE, str(outside), b""),
            ("./data/hard.gz", tarfile.LNKTYPE, str(outside), b""),
            ("./data/device.gz", tarfile.CHRTYPE, "", b""),
            ("./elsewhere/images.gz", tarfile.REGTYPE, "", b"other"),
        ),
        "data",
    )
    assert found == {"images.gz": b"sound"}
    assert outside.read_text() == "secret"
    assert {path.name for path in tmp_path.iterdir()} == {"evil.tar", "outside"}


def test_a_damaged_archive_is_no_source(tmp_path):
    path = archive(tmp_path / "a.tar", ("./data/images.gz", tarfile.REGTYPE, "", b"sound" * 999))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(SourceUnavailable, match="damaged archive"):
        read_folder(path, "data")
    path.write_bytes(b"<html>")
    with pytest.raises(SourceUnavailable, match="damaged archive"):
        read_folder(path, "data")


def test_an_archive_that_swells_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("cgt.records.files._MOST_BYTES", 1 << 20)
    path = tmp_path / "predictions.npz"
    np.savez_compressed(path, macs=np.zeros(1 << 18))
    assert path.stat().st_size < 1 << 12
    with pytest.raises(ValueError, match=r"predictions\.npz: .*unpacks to 2097\d+ bytes, allowed"):
        load_predictions(path)
