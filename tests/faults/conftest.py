"""A tiny training job on real data, and processes that run it."""

import json

import pytest
from faults.forks import Forks

from cgt.commands.cli import main
from cgt.records.reference import Reference, save_reference

EPOCHS = 6
SETTINGS = {"network": "compact_scene", "epochs": EPOCHS, "batch_size": 32, "lr": 0.05}


class Place:
    """Where one job works: its arguments, and what it has left there."""

    def __init__(self, folder, data, method="soft_cgt", settings=SETTINGS):
        self.folder, self.out, self.checkpoints = folder, folder / "run", folder / "checkpoints"
        self.options = {
            "dataset": "indian_pines",
            "method": method,
            "seed": 1,
            "prepared": data / "prepared.npz",
            "raw": data / "raw",
            "settings": json.dumps(settings),
            "out": self.out,
            "checkpoints": self.checkpoints,
        }
        self.arguments = self.changed()

    def changed(self, **options):
        """The arguments of the job with other options."""
        named = {**self.options, **options}
        return ["train", *(word for name in named for word in (f"--{name}", named[name]))]

    def files(self):
        """The contents of everything under a final name, wall-clock times aside, by name."""
        if not self.out.exists():
            return {}
        found = {path.name: path.read_bytes() for path in self.out.glob("[!.]*")}
        if "manifest.json" in found:
            manifest = json.loads(found["manifest.json"])
            found["manifest.json"] = {name: manifest[name] for name in ("job", "data")}
        return found

    def unlike(self, whole):
        """Names of files that are not as in `whole`, with the first lines of text that differ."""
        found = self.files()
        return [
            _difference(name, found.get(name), whole.get(name))
            for name in sorted({*found, *whole})
            if found.get(name) != whole.get(name)
        ]

    def leftovers(self):
        """Temporary files and checkpoints."""
        found = [*self.out.glob(".*"), *self.checkpoints.glob("*")]
        return [path.name for path in found if path.name != "lock"]


def _difference(name, one, other):
    if one is None or other is None:
        return f"{name}: {'missing' if one is None else 'should not be there'}"
    if isinstance(one, dict) or name.endswith(".csv"):
        lines = [str(of) if isinstance(of, dict) else of.decode() for of in (one, other)]
        pairs = zip(*(of.splitlines() for of in lines), strict=False)
        return f"{name}: {next((pair for pair in pairs if pair[0] != pair[1]), 'length')}"
    return f"{name}: other bytes"


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Raw and prepared Indian Pines; the download comes from the installed package."""
    folder = tmp_path_factory.mktemp("data")
    assert main(["download", "indian_pines", "--out", str(folder / "raw")]) == 0
    prepare = ["prepare", "indian_pines", "--seed", "1", "--raw", str(folder / "raw")]
    small = ["--limit", "160", "--patch", "5", "--components", "4"]
    assert main([*prepare, *small, "--out", str(folder / "prepared.npz")]) == 0
    return folder


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """What the network of Indian Pines costs, as a file."""
    path = tmp_path_factory.mktemp("reference") / "indian_pines.json"
    costs = {"network": "compact_scene", "exits": 3, "macs": 2000, "first_exit": 400}
    named = {"kind": "scene", "class_names": tuple(map(str, range(16)))}
    save_reference(path, Reference("indian_pines", **costs, **named))
    return path


@pytest.fixture(scope="session")
def forks():
    with Forks() as running:
        yield running


@pytest.fixture
def place(tmp_path, data):
    return Place(tmp_path, data)


@pytest.fixture(scope="session")
def whole(tmp_path_factory, data, forks):
    """A function that gives the files of a run of `method` that nothing disturbed."""
    known = {}

    def files(method="soft_cgt"):
        if method not in known:
            undisturbed = Place(tmp_path_factory.mktemp(method), data, method)
            code, output = forks.run(*undisturbed.arguments, log=undisturbed.folder / "log")
            assert code == 0, output
            known[method] = undisturbed.files()
        return dict(known[method])  # a test that takes a file out does so for itself alone

    return files
