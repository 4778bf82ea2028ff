"""The manifest says what ran, and a merged one shows what differed."""

import subprocess
import sys

import numpy
import torch

from cgt.records import manifest

JOB = {"dataset": "d", "method": "m", "seed": 1, "settings": {"lr": 0.1}, "hyperparameters": {}}


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


def test_manifest_names_job_data_and_environment():
    data, files = {"cube.npy": "ab"}, {"a": "b"}
    one = manifest.build_manifest(JOB, data, threads=1, seconds=1.23456, files=files)
    assert one["job"] == JOB
    assert one["config_hash"] == manifest.hash_of(JOB)
    assert one["argv"] == sys.argv
    assert one["data"] == {"cube.npy": "ab"}
    assert one["files"] == {"a": "b"}
    assert one["wall_seconds"] == 1.235
    assert one["threads"] == 1
    assert one["versions"]["numpy"] == numpy.__version__
    assert one["versions"]["torch"] == torch.__version__
    assert one["cpu"]
    assert one["cpu_count"] >= 1


def test_hash_ignores_the_order_of_keys_but_no_value():
    assert manifest.hash_of({"a": 1, "b": 2}) == manifest.hash_of({"b": 2, "a": 1})
    assert manifest.hash_of({"a": 1}) != manifest.hash_of({"a": 2})


def test_git_state_follows_commits_and_edits(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "file").write_text("a")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "first")
    clean = manifest.git_state(tmp_path)
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False
    (tmp_path / "file").write_text("b")
    assert manifest.git_state(tmp_path) == {"commit": clean["commit"], "dirty": True}


def test_git_state_outside_a_repository(tmp_path):
    assert manifest.git_state(tmp_path) == {"commit": None, "dirty": None}


def test_the_commit_of_a_repository_around_is_none_of_ours(tmp_path, monkeypatch):
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "another project")
    (tmp_path / "archive").mkdir()
    assert manifest.git_state(tmp_path / "archive") == {"commit": None, "dirty": None}
    # Within a hook, git names its own repository.
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert manifest.git_state(tmp_path / "archive") == {"commit": None, "dirty": None}
    assert len(manifest.git_state(tmp_path)["commit"]) == 40


def test_variables_that_change_rounding_are_told(monkeypatch):
    for name in manifest.ROUNDING_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    plain = manifest.build_manifest(JOB, {}, 1, 1.0, {})
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    other = manifest.build_manifest(JOB, {}, 1, 1.0, {})
    assert plain["variables"] == {} and other["variables"] == {"ATEN_CPU_CAPABILITY": "default"}
    merged = manifest.summarise({"d/m/1": plain, "d/m/2": other})
    assert merged["variables"] == [{}, {"ATEN_CPU_CAPABILITY": "default"}]
    del plain["variables"]  # written by an earlier version
    assert manifest.summarise({"d/m/1": plain})["variables"] == []


def test_git_state_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert manifest.git_state(tmp_path) == {"commit": None, "dirty": None}


def test_summary_adds_times_and_lists_distinct_values():
    first = manifest.build_manifest(JOB, {"cube.npy": "ab"}, 1, 2.0, {})
    second = manifest.build_manifest({**JOB, "method": "n"}, {"cube.npy": "ab"}, 1, 3.5, {})
    second["cpu"] = "another"
    merged = manifest.summarise({"d/m/1": first, "d/n/1": second})
    assert merged["wall_seconds"] == {"d/m/1": 2.0, "d/n/1": 3.5}
    assert merged["wall_seconds_total"] == 5.5
    assert merged["cpu"] == [first["cpu"], "another"]
    assert merged["versions"] == [first["versions"]]
    assert merged["data"] == {"d": {"1": {"cube.npy": "ab"}}}
    assert [job["method"] for job in merged["jobs"]] == ["m", "n"]
