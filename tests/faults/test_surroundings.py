"""What surrounds a run does not get into it: settings of matplotlib, paths, systems, folders."""

import os
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import pytest
from checkout import copy_of_repository
from matplotlib.figure import Figure

from cgt.analysis.style import RC, save
from cgt.study.surroundings import refuse_future, refuse_surroundings, refuse_taken

ROOT = Path(__file__).parents[2]
SUMMARY = ROOT / "results/published/summary"
HOSTILE = """
figure.facecolor: black
text.color: red
axes.titleweight: bold
axes.prop_cycle: cycler('color', ['r'])
savefig.bbox: tight
savefig.pad_inches: 2
xtick.direction: in
text.usetex: True
path.simplify: False
"""


def python(code, **variables):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    return run.returncode, run.stdout, run.stderr


def drawing():
    figure = Figure(figsize=(2, 2))
    axes = figure.add_subplot(title="title", xlabel="x")
    axes.plot([0, 1, 2], [0, 1, 0])
    return figure


def test_a_matplotlibrc_changes_no_byte(tmp_path):
    path = tmp_path / "matplotlibrc"
    path.write_text(HOSTILE)
    with matplotlib.rc_context(RC):
        save(drawing(), tmp_path / "plain")
    with matplotlib.rc_context(fname=path):
        save(drawing_in(RC), tmp_path / "user")
    for form in ("svg", "png", "pdf"):
        assert (tmp_path / f"plain.{form}").read_bytes() == (
            tmp_path / f"user.{form}"
        ).read_bytes(), form


def drawing_in(settings):
    with matplotlib.rc_context(settings):
        return drawing()


@pytest.mark.parametrize("backend", ["nonsense", "module://no_such.backend"])
def test_a_notebooks_backend_stops_no_command(backend, tmp_path):
    folder = ROOT / "results/published/benchmarks"
    words = ["bench", "draw", str(folder / "infer_indian_pines.csv"), "--out", str(tmp_path)]
    code = f"from cgt.commands.cli import main; raise SystemExit(main({words!r}))"
    status, _, error = python(code, MPLBACKEND=backend)
    assert status == 0, error
    assert list(tmp_path.glob("*.svg"))


# What Windows lacks. Importing any of it fails, as there.
WITHOUT = """
import sys
import time
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
"""


@pytest.mark.parametrize(
    "module", ["cgt.nn", "cgt.operate", "cgt.operate.points", "cgt.deploy.runtime", "cgt"]
)
def test_the_library_needs_nothing_that_windows_lacks(module):
    status, _, error = python(f"{WITHOUT}\nimport {module}\nfrom {module} import *")
    assert status == 0, error


def test_files_are_written_and_a_lock_does_without_fcntl(tmp_path):
    code = f"""{WITHOUT}
from pathlib import Path
from cgt.records.files import write_text
from cgt.records.lock import locked
with locked(Path({str(tmp_path)!r})):
    write_text(Path({str(tmp_path)!r}) / "a", "a")
"""
    status, _, error = python(code)
    assert status == 0, error
    assert "cannot lock files (this system has no flock)" in error
    assert (tmp_path / "a").read_text() == "a"


def test_the_workflow_says_that_it_does_not_run_on_windows(monkeypatch):
    refuse_surroundings(ROOT)
    monkeypatch.setattr(os, "name", "nt")
    with pytest.raises(ValueError, match=r"runs on Linux and macOS; on Windows use it within WSL"):
        refuse_surroundings("checkout")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("surroundings") / "a 'quoted' \"name\""
    folder.mkdir()
    return copy_of_repository(folder)


def refusal(run):
    """What Snakemake said behind its own first lines, which say whose error it is."""
    assert run.returncode != 0
    said, named, message = run.stdout.partition("Refused:\n")
    assert named and "Traceback" not in said, run.stdout
    return message.splitlines()


def test_a_twisted_overlay_is_refused_in_one_sentence(checkout):
    with open(checkout.folder / "tiny.yaml", "a") as stream:
        stream.write("seeds: [2]\n")
    try:
        (line,) = refusal(checkout.snakemake("--dry-run"))
    finally:
        copied = (checkout.folder / "tiny.yaml").read_text().removesuffix("seeds: [2]\n")
        (checkout.folder / "tiny.yaml").write_text(copied)
    assert "tiny.yaml, line " in line and "the key 'seeds' stands in line" in line


def test_a_wrong_configuration_is_told_without_lines_of_code(checkout):
    lines = refusal(checkout.snakemake("--dry-run", "--config", "join=nonsense"))
    assert lines[0] == "the configuration is wrong:"
    assert len(lines) == 2 and "join: " in lines[1]


def test_braces_in_the_path_are_refused_in_one_sentence(tmp_path):
    folder = tmp_path / "a{b}"
    folder.mkdir()
    (line,) = refusal(copy_of_repository(folder).snakemake("--dry-run"))
    assert "Snakemake takes braces in the path of a workflow for wildcards" in line


def test_a_users_path_of_modules_is_extended(checkout, tmp_path, monkeypatch):
    """A job finds the user's modules, and this checkout's package before any other."""
    (tmp_path / "cgt").mkdir()
    (tmp_path / "cgt/__init__.py").write_text("raise SystemExit('the wrong package')")
    place = tmp_path / "found"
    (tmp_path / "sitecustomize.py").write_text(f"open({str(place)!r}, 'a').close()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    raw = "data/raw/indian_pines/cube.npy"
    run = checkout.snakemake(raw)
    assert run.returncode == 0, run.stdout
    assert (checkout.folder / raw).is_file()
    assert place.exists()


def test_a_file_or_a_dead_link_in_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "results").write_text("a file")
    (tmp_path / "data").symlink_to(tmp_path / "nowhere")
    refuse_taken([tmp_path, tmp_path / "new/folder"])
    with pytest.raises(ValueError, match=r"results: a file, where the workflow needs a folder"):
        refuse_taken([tmp_path / "results/smoke"])
    with pytest.raises(ValueError, match=r"data: a link that leads nowhere, where"):
        refuse_taken([tmp_path / "data/raw"])


def test_a_file_of_the_future_is_told(tmp_path):
    path, other = tmp_path / "cube.npy", tmp_path / "labels.npy"
    path.touch()
    other.touch()
    refuse_future([path, other, tmp_path / "none"])
    soon = time.time() + 300
    os.utime(other, (soon, soon))
    refuse_future([path, other])  # clocks differ by so much
    os.utime(path, (2**32, 2**32))
    with pytest.raises(ValueError, match=r"cube\.npy: dated 2106-.* in the future by"):
        refuse_future([other, path])
