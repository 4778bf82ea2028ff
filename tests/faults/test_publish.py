"""Publishing replaces and removes what it wrote, and nothing else, whatever happens."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import faults.test_disk_full as full
import pytest
from faults.forks import ROOT, is_stopped, until

from cgt.commands.cli import main
from cgt.records.manifest import build_manifest, digests
from cgt.study.listed import LIST, STAGE, read_list, some

disk = full.disk
MACHINE = {"cpu": "Abacus", "cpu_count": 2, "versions": {"python": "3.11.7"}}
RUN = "indian_pines/soft_cgt/1"
LARGE = 20_000  # more than a page


def measurements(folder, number=1, names=("latency.svg", "latency.png")):
    """A folder of measurements whose files all depend on the number."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.csv").write_text(f"what,value,unit,goal\ncgt --help,0.{number},s,< 0.3\n")
    (folder / "pipeline.json").write_text(json.dumps({**MACHINE, "cpu": f"Abacus {number}"}))
    for name in names:
        (folder / name).write_bytes(f"{name} {number}\n".encode() * LARGE)
    return folder


PUBLISHED = {"pipeline.csv", "pipeline.json", "latency.svg", "latency.png", "performance.md"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, whole, reference):
    """A finished run with all that is published of it; the drawings are stand-ins."""
    results = tmp_path_factory.mktemp("finished") / "results"
    folder = results / "runs" / RUN
    folder.mkdir(parents=True)
    files = whole()
    noted = files.pop("manifest.json")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    manifest = build_manifest(noted["job"], noted["data"], 1, 1.0, digests(folder))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    run = ["--dataset", "indian_pines", "--method", "soft_cgt", "--seed", "1"]
    evaluated = [str(folder / "predictions.npz"), *run, "--reference", str(reference)]
    assert main(["evaluate", *evaluated, "--out", str(folder)]) == 0
    gathered = ["--runs", str(results / "runs"), "--out", str(results / "summary")]
    assert main(["aggregate", RUN, *gathered]) == 0
    for name in ("tables/results.md", "figures/claims.svg", "figures/claims.png"):
        (results / name).parent.mkdir(exist_ok=True)
        (results / name).write_bytes(name.encode() * LARGE)
    return results


@pytest.fixture
def results(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "results"))


def publish(results, out):
    return ["publish", RUN, "--results", results, "--out", out]


def publish_bench(measured, out):
    return ["publish-bench", measured, "--out", out]


def contents(folder):
    """Everything below a folder: bytes of files, targets of links, None for folders."""
    return {
        path.relative_to(folder).as_posix(): (
            os.readlink(path) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
    }


def done(*arguments):
    assert main(list(map(str, arguments))) == 0


def refused(capsys, *arguments):
    """The one sentence of a command that refuses."""
    capsys.readouterr()
    assert main(list(map(str, arguments))) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def listed(out):
    return set(read_list(out))


# Folders of others.


def test_what_others_wrote_stays(results, tmp_path):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "mine"
    others = {"notes.txt": "mine", "old.csv": "mine", "deep/in/there.svg": "mine", ".hidden": ""}
    for name, text in others.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    before = contents(out)
    done(*publish_bench(measured, out))
    assert before.items() <= contents(out).items()
    assert set(contents(out)) == {*before, *PUBLISHED, LIST}
    assert listed(out) == PUBLISHED

    again = tmp_path / "again"
    (again / "figures").mkdir(parents=True)
    (again / "figures/own.svg").write_text("mine")
    done(*publish(results, again))
    assert (again / "figures/own.svg").read_text() == "mine"
    assert "figures/own.svg" not in listed(again) and "figures/claims.svg" in listed(again)


@pytest.mark.parametrize("content", ["mine", "the same"])
def test_a_file_of_others_under_one_of_our_names_is_named_and_stays(content, tmp_path, capsys):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "mine"
    out.mkdir()
    if content == "the same":
        shutil.copy(measured / "latency.svg", out)
    else:
        (out / "latency.svg").write_text(content)
    before = contents(out)
    message = refused(capsys, *publish_bench(measured, out))
    assert f"in the way: {out}/latency.svg (publishing did not write it); nothing was" in message
    assert contents(out) == before

    done("publish-list", out, out / "latency.svg")
    done(*publish_bench(measured, out))
    assert (out / "latency.svg").read_bytes() == (measured / "latency.svg").read_bytes()


def test_a_folder_of_results_is_not_published_over_another(results, tmp_path, capsys):
    """Another study's results have the same names; a message gives five of them."""
    other = Path(shutil.copytree(results, tmp_path / "other"))
    before = contents(other)
    message = refused(capsys, *publish(results, other))
    assert re.search(r"in the way: .*other/summary/\w+\.csv, .* and 12 more \(publishing", message)
    assert contents(other) == before


def test_the_target_must_be_a_folder(tmp_path, capsys):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "file"
    out.write_text("mine")
    assert f"{out}: not a folder" in refused(capsys, *publish_bench(measured, out))
    assert out.read_text() == "mine"


# A source that is the target.


OVERLAPS = {
    "itself": lambda results, link: results,
    "around": lambda results, link: results.parent,
    "within": lambda results, link: results / "figures/new",
    "a part": lambda results, link: results / "summary",
    "runs": lambda results, link: results / "runs",
    "a link": lambda results, link: link,
    "through a link": lambda results, link: link / "tables",
    "through dots": lambda results, link: results / "figures/../../results",
}


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_results_are_not_published_into_themselves(overlap, results, tmp_path, capsys):
    link = tmp_path / "link"
    link.symlink_to(results)
    out, before = OVERLAPS[overlap](results, link), contents(results)
    message = refused(capsys, *publish(results, out))
    assert f"is to be published into {out}, but they are one folder or one lies in" in message
    assert contents(results) == before


@pytest.mark.parametrize("overlap", ["itself", "around", "within", "a link", "through dots"])
def test_measurements_are_not_published_into_themselves(overlap, tmp_path, capsys):
    measured, link = measurements(tmp_path / "in/results"), tmp_path / "link"
    (measured / "figures").mkdir()
    link.symlink_to(measured)
    out, before = OVERLAPS[overlap](measured, link), contents(measured)
    assert "they are one folder or one lies" in refused(capsys, *publish_bench(measured, out))
    assert contents(measured) == before


def test_a_part_that_is_a_link_into_the_target(results, tmp_path, capsys):
    out = tmp_path / "published"
    done(*publish(results, out))
    shutil.rmtree(results / "figures")
    (results / "figures").symlink_to(out / "figures")
    before = contents(out)
    assert f"{results}/figures is to be" in refused(capsys, *publish(results, out))
    assert contents(out) == before


def test_a_file_that_is_a_link_into_the_target(tmp_path, capsys):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "published"
    done(*publish_bench(measured, out))
    (measured / "latency.svg").rename(measured / "moved.svg")
    (measured / "moved.svg").unlink()
    (measured / "moved.svg").symlink_to(out / "latency.svg")
    before = contents(out)
    assert "moved.svg is to be" in refused(capsys, *publish_bench(measured, out))
    assert contents(out) == before


def test_a_folder_of_results_holds_the_published_ones(results, tmp_path):
    """As in this repository: results/published lies in results."""
    done(*publish(results, results / "published"))
    assert "tables/results.md" in listed(results / "published")
    done(*publish(results, results / "published"))


# What was published before.


def test_what_is_published_no_longer_is_removed_with_its_empty_folders(results, tmp_path):
    out = tmp_path / "published"
    (results / "figures/deep").mkdir()
    (results / "figures/deep/old.svg").write_text("old")
    (results / "tables/old.md").write_text("old")
    done(*publish(results, out))
    assert (out / "figures/deep/old.svg").is_file() and (out / "tables/old.md").is_file()
    shutil.rmtree(results / "figures/deep")
    (results / "tables/old.md").unlink()
    (out / "tables/mine.md").write_text("mine")
    done(*publish(results, out))
    assert not (out / "figures/deep").exists() and not (out / "tables/old.md").exists()
    assert (out / "tables/mine.md").read_text() == "mine"
    assert {name for name in listed(out) if "old" in name} == set()


def test_publishing_again_writes_nothing(tmp_path):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "published"
    done(*publish_bench(measured, out))
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    done(*publish_bench(measured, out))
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_an_edited_file_that_is_published_no_longer_stays(tmp_path, capsys):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "published"
    done(*publish_bench(measured, out))
    (out / "latency.svg").write_text("edited")
    (measured / "latency.svg").unlink()
    (measured / "latency.png").unlink()
    capsys.readouterr()
    done(*publish_bench(measured, out))
    said = f"no longer part of it; kept, and yours now: {out}/latency.svg\n"
    assert capsys.readouterr().out.endswith(said)
    assert (out / "latency.svg").read_text() == "edited"
    assert not (out / "latency.png").exists()
    assert listed(out) == PUBLISHED - {"latency.svg", "latency.png"}
    done(*publish_bench(measured, out))
    assert capsys.readouterr().out == ""


def test_an_edited_file_is_not_overwritten(tmp_path, capsys):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "published"
    done(*publish_bench(measured, out))
    (out / "performance.md").write_text("edited")
    measurements(measured, 2)
    before = contents(out)
    message = refused(capsys, *publish_bench(measured, out))
    assert f"in the way: {out}/performance.md (edited since it was published); noth" in message
    assert contents(out) == before
    (out / "performance.md").rename(tmp_path / "kept.md")
    done(*publish_bench(measured, out))
    assert "Abacus 2" in (out / "performance.md").read_text()


def test_what_was_redrawn_may_be_replaced_and_other_edits_may_not(tmp_path, capsys):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "published"
    done(*publish_bench(measured, out))
    for name in PUBLISHED:
        (out / name).write_text("redrawn")
    (out / "own.svg").write_text("mine")
    done("publish-list", out)
    measurements(measured, 2)
    message = refused(capsys, *publish_bench(measured, out))
    assert f"in the way: {out}/pipeline.csv, {out}/pipeline.json (edited" in message
    assert (out / "own.svg").read_text() == "mine" and "own.svg" not in listed(out)
    done("publish-list", out, out / "pipeline.csv", out / "pipeline.json")
    done(*publish_bench(measured, out))


@pytest.mark.parametrize("there", ["nothing", "a folder", "a link", "elsewhere"])
def test_only_files_of_the_folder_are_listed(there, tmp_path, capsys):
    out = tmp_path / "published"
    out.mkdir()
    (tmp_path / "file").write_text("mine")
    path = out / "file"
    if there == "a folder":
        path.mkdir()
    elif there == "a link":
        path.symlink_to(tmp_path / "file")
    elif there == "elsewhere":
        path = out / "../file"
    message = refused(capsys, "publish-list", out, path)
    assert ("not in" if there == "elsewhere" else "not a regular file") in message
    assert not (out / LIST).exists()


# Links, and lists that lie.


def test_nothing_is_written_or_removed_through_a_link(results, tmp_path, capsys):
    out, mine = tmp_path / "published", tmp_path / "mine"
    done(*publish(results, out))
    (out / "figures").rename(mine)
    (out / "figures").symlink_to(mine)
    (results / "figures/claims.svg").unlink()
    before = contents(mine), contents(out)
    assert f"{out}/figures: a link, where publishing" in refused(capsys, *publish(results, out))
    assert (contents(mine), contents(out)) == before


def test_a_link_is_no_file_of_ours(tmp_path, capsys):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "published"
    done(*publish_bench(measured, out))
    (out / "latency.svg").rename(tmp_path / "mine.svg")
    (out / "latency.svg").symlink_to(tmp_path / "mine.svg")
    before = contents(out)
    assert f"{out}/latency.svg (edited" in refused(capsys, *publish_bench(measured, out))
    (measured / "latency.svg").unlink()
    done(*publish_bench(measured, out))
    assert (out / "latency.svg").is_symlink() and (tmp_path / "mine.svg").is_file()
    assert before.keys() == contents(out).keys()


def test_a_file_where_a_folder_is_needed(results, tmp_path, capsys):
    out = tmp_path / "published"
    out.mkdir()
    (out / "tables").write_text("mine")
    before = contents(out)
    assert f"{out}/tables: a file, where publ" in refused(capsys, *publish(results, out))
    assert contents(out) == before


@pytest.mark.parametrize(
    "line",
    [
        *("", "{}", "no digest", "\xff", f"{'0' * 63}  a", f"{'0' * 64} a"),
        *(f"{'0' * 64}  {name}" for name in ("../mine", "/mine", "a/../../b", "./a", LIST)),
    ],
)
def test_a_damaged_list_is_refused(line, tmp_path, capsys):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "published"
    done(*publish_bench(measured, out))
    (out / LIST).write_bytes((out / LIST).read_bytes() + f"{line}\n".encode("latin-1"))
    before = contents(out)
    assert f"{out}/{LIST}: " in refused(capsys, *publish_bench(measured, out))
    assert contents(out) == before


def test_a_list_that_names_a_file_of_others_by_its_digest_only(tmp_path):
    """The last line of defence: a listed name without the listed content stays."""
    measured, out = measurements(tmp_path / "measured"), tmp_path / "published"
    done(*publish_bench(measured, out))
    (out / "mine.txt").write_text("mine")
    (out / LIST).write_text((out / LIST).read_text() + f"{'0' * 64}  mine.txt\n")
    done(*publish_bench(measured, out))
    assert (out / "mine.txt").read_text() == "mine"


# The system refuses.


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.5])
@pytest.mark.parametrize("command", ["publish", "publish-bench"])
def test_a_full_disk(command, share, disk, results, forks, tmp_path):
    out = disk.folder / f"{command} {share}"
    measured = measurements(tmp_path / "measured")
    arguments = publish(results, out) if command == "publish" else publish_bench(measured, out)
    done(*arguments)
    (out / "mine.txt").write_text("mine")
    before = contents(out)
    if command == "publish":
        for path in (results / "figures").iterdir():
            path.write_bytes(path.read_bytes() * 2)
    else:
        measurements(measured, 22)
    size = int(share * LARGE * len("latency.svg 22\n"))
    if command == "publish" and isinstance(disk, full.SmallFiles):
        size = max(size, LARGE * 10)  # the limit is on what it gathers to compare with, too
    code, output = forks.run(*arguments, log=tmp_path / "full.log", **disk.leave(size))
    if code == 0:  # a limit on files that none reaches
        assert share == 1.5
    else:
        assert (code, full.refused(output, out)) == (2, True), output
        assert STAGE not in output  # the file it is going to be
        assert contents(out) == before

    disk.free()
    code, output = forks.run(*arguments, log=tmp_path / "again.log")
    assert code == 0, output
    assert contents(out).keys() == before.keys()
    source = results / "figures/claims.svg" if command == "publish" else measured / "latency.svg"
    assert next(out.rglob(source.name)).read_bytes() == source.read_bytes()
    shutil.rmtree(out)


def test_a_full_disk_and_a_new_folder(disk, forks, tmp_path):
    measured, out = measurements(tmp_path / "measured"), disk.folder / "new"
    code, output = forks.run(
        *publish_bench(measured, out), log=tmp_path / "log", **disk.leave(2 * full.PAGE)
    )
    assert (code, full.refused(output, out)) == (2, True), output
    assert not out.exists()
    disk.free()


@pytest.mark.parametrize("closed", ["figures", "."])
def test_a_folder_that_cannot_be_written(closed, results, forks, tmp_path):
    out = tmp_path / "published"
    done(*publish(results, out))
    (results / "figures/claims.svg").write_text("new")
    (results / "tables/results.md").write_text("new")
    before = contents(out)
    (out / closed).chmod(0o555)
    code, output = forks.run(*publish(results, out), log=tmp_path / "log", powerless=True)
    (out / closed).chmod(0o755)
    place = out / ("figures/claims.svg" if closed == "figures" else STAGE)
    assert (code, output) == (
        2,
        f"cgt publish: Permission denied: {place}; "
        "the folder must be readable and writable for you\n",
    )
    assert contents(out) == before


# Killed in the middle.

WRITES = 2 * (len(PUBLISHED) + 2)  # each file is written beside, then moved; and the list, twice


@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_killed_at_the_moment_of_a_write(write, forks, tmp_path):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "published"
    (measured / "stale.svg").write_text("stale")
    done(*publish_bench(measured, out))
    (out / "mine.txt").write_text("mine")
    old = contents(out)
    measurements(measured, 2)
    (measured / "stale.svg").unlink()
    expected = tmp_path / "expected"
    done(*publish_bench(measured, expected))
    new = {**contents(expected), "mine.txt": b"mine"}

    arguments = publish_bench(measured, out)
    log = tmp_path / "killed.log"
    code, output = forks.run(*arguments, log=log, at_write=(write, signal.SIGKILL))
    assert code == -signal.SIGKILL, output
    for name, content in contents(out).items():
        if name != LIST and not name.startswith(STAGE):
            assert content in (old.get(name), new.get(name)), name

    # Not the same again: what was half published must be known to others, too.
    if write % 2:
        measurements(measured, 3)
        done(*publish_bench(measured, tmp_path / "third"))
        new = {**contents(tmp_path / "third"), "mine.txt": b"mine"}
    code, output = forks.run(*arguments, log=tmp_path / "again.log")
    assert code == 0, output
    assert contents(out) == new


def test_there_are_no_more_writes(forks, tmp_path):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "published"
    done(*publish_bench(measured, out))
    measurements(measured, 2)
    at_write = (WRITES + 1, signal.SIGKILL)
    assert forks.run(*publish_bench(measured, out), log=tmp_path / "log", at_write=at_write)[0] == 0


@pytest.mark.parametrize("write", [1, 9, 17, 18, 19, 22])
def test_a_study_killed_on_its_way(write, results, forks, tmp_path):
    out = tmp_path / "published"
    code, _ = forks.run(
        *publish(results, out), log=tmp_path / "log", at_write=(write, signal.SIGKILL)
    )
    assert code == -signal.SIGKILL
    done(*publish(results, out))
    done(*publish(results, tmp_path / "expected"))
    assert contents(out) == contents(tmp_path / "expected")


def test_two_at_a_time(forks, tmp_path):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "published"
    arguments = publish_bench(measured, out)
    first = forks.start(*arguments, log=tmp_path / "1.log", at_write=(3, signal.SIGSTOP))
    until(lambda: is_stopped(first))
    code, output = forks.run(*arguments, log=tmp_path / "2.log")
    assert (code, output) == (
        2,
        f"cgt publish-bench: another process is publishing into {out}; wait until it ends, then "
        "run again\n",
    )
    os.kill(first, signal.SIGCONT)
    assert forks.wait(first) == 0
    assert set(contents(out)) == {*PUBLISHED, LIST}


@pytest.mark.parametrize("there", ["a folder of others", "a file", "a link"])
def test_others_may_have_a_folder_of_that_name(there, tmp_path, capsys):
    measured, out = measurements(tmp_path / "measured"), tmp_path / "published"
    (out / "elsewhere").mkdir(parents=True)
    (out / "elsewhere" / f"0-{'0' * 64}").write_text("mine")
    if there == "a folder of others":
        (out / "elsewhere").rename(out / STAGE)
    elif there == "a file":
        (out / STAGE).write_text("mine")
    else:
        (out / STAGE).symlink_to(out / "elsewhere")
    before = contents(out)
    assert f"{out}/{STAGE}: not written by publ" in refused(capsys, *publish_bench(measured, out))
    assert contents(out) == before


# An unfinished source takes nothing away.


@pytest.mark.parametrize("part", ["tables", "figures"])
def test_a_part_that_is_missing_does_not_remove_the_published_one(part, results, tmp_path, capsys):
    out = tmp_path / "published"
    done(*publish(results, out))
    shutil.rmtree(results / part)
    before = contents(out)
    assert f"{results}/{part} holds nothing" in refused(capsys, *publish(results, out))
    assert contents(out) == before


def test_damaged_weights_are_not_published(results, tmp_path, capsys):
    path = results / "runs" / RUN / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    message = refused(capsys, *publish(results, tmp_path / "published"))
    assert "1 of 1 runs" in message and f"{path}: not a complete safetensors file" in message
    assert not (tmp_path / "published").exists()


# The repository.


@pytest.mark.parametrize("part", ["", "ablation", "benchmarks"])
def test_the_published_files_are_those_listed(part):
    """If not, they were redrawn: `cgt publish-list` of the folder renews the list."""
    out = ROOT / "results/published" / part
    command = ["sha256sum", "--check", "--quiet", LIST]
    run = subprocess.run(command, cwd=out, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert "README.md" not in listed(out)


def make_clean(folder):
    shutil.copy(ROOT / "Makefile", folder)
    run = subprocess.run(["make", "clean"], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_clean_knows_every_folder_that_rules_write():
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    written = re.search(r"^WRITTEN := (.*\\\n.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    folders = set(re.findall(r"\{RESULTS\}/([a-z]+)", rules)) - {"runs"}
    assert folders <= set(written[1].replace("\\", "").split())


def test_clean_leaves_what_make_did_not_write(tmp_path):
    ours = [
        *("results/figures/a.svg", "results/smoke/runs/x", "results/report.html"),
        *("results/runs/d/ours/1/gradients.csv", "results/runs/d/ours/1/predictions.npz"),
        *("data/prepared/d/1.npz", "data/prepared/smoke/d/12.npz", ".snakemake/log/x"),
    ]
    others = [
        *("results/notes.txt", "results/my study/a.svg", "results/published/README.md"),
        *("results/runs/d/theirs/1/predictions.npz", "results/runs/notes.txt"),
        *("data/prepared/d/own.npz", "data/raw/d/cube.npy"),
    ]
    for name in (*ours, *others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/mine.csv").write_text("x")
    (tmp_path / "results/tables").symlink_to(tmp_path / "elsewhere")
    output = make_clean(tmp_path)
    left = {name for name, content in contents(tmp_path).items() if content is not None}
    assert left == {*others, "elsewhere/mine.csv", "Makefile"}
    for name in ("results/notes.txt", "results/my study", "results/runs/d/theirs"):
        assert f"kept, because make did not write it: {name}\n" in output
    make_clean(tmp_path)


def test_five_names_are_enough():
    assert some("abcde") == "a, b, c, d, e"
    assert some("abcdefg") == "a, b, c, d, e and 2 more"
