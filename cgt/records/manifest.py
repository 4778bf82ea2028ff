"""Provenance: what ran, on what, from which code and which data."""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "scikit-learn", "torch")
"""The packages whose versions can change a run's numbers."""


def build_manifest(
    job: Mapping[str, Any], data: Mapping[str, str], threads: int, seconds: float
) -> dict[str, Any]:
    """Describe one finished training run.

    job: what was asked for (JSON values); its hash is `config_hash`. data: checksums by file name.
    threads: CPU threads used. seconds: wall time of the training; if it was stopped and went on, of
    all that was kept of it.
    """
    return {
        "job": dict(job),
        "config_hash": hash_of(job),
        "argv": sys.argv,
        "data": dict(data),
        "wall_seconds": round(seconds, 3),
        **environment(threads),
    }


def environment(threads: int) -> dict[str, Any]:
    """Describe the code, the software and the machine."""
    return {
        "git": git_state(Path(__file__).parent),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "cpu_count": os.cpu_count(),
        "gpu": _gpu_model(),
        "threads": threads,
    }


def hash_of(value: Any) -> str:
    """Return the SHA-256 of a JSON value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def git_state(folder: Path) -> dict[str, Any]:
    """Return the commit and whether tracked files differ from it; None where there is no git."""
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit or None, "dirty": None if changes is None else bool(changes)}


def summarise(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Merge the manifests of a whole benchmark, by name of the run, into one.

    Each thing that describes the code or the machine becomes the list of its distinct values, so a
    benchmark that mixed two versions shows it. Data checksums are kept per (dataset, seed).
    """
    manifests = list(runs.values())
    shared = ("git", "versions", "platform", "cpu", "cpu_count", "gpu", "threads")
    data: dict[str, dict[str, Any]] = {}
    for one in manifests:
        job = one["job"]
        data.setdefault(job["dataset"], {})[str(job["seed"])] = one["data"]
    seconds = {name: one["wall_seconds"] for name, one in runs.items()}
    return {
        **{key: _distinct(one[key] for one in manifests) for key in shared},
        "data": data,
        "jobs": [one["job"] for one in manifests],
        "wall_seconds": seconds,
        "wall_seconds_total": round(sum(seconds.values()), 3),
    }


def _distinct(values: Iterable[Any]) -> list[Any]:
    unique: list[Any] = []
    for value in values:
        if value not in unique:
            unique.append(value)
    return unique


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()


def _cpu_model() -> str:
    """Linux keeps the name a user knows in /proc/cpuinfo; elsewhere take the generic one.

    Virtual machines may give one name to processors of different generations, whose results and
    times differ: the widest vector instructions are named, too.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    known = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    known = {key.strip(): value.strip() for key, value in known.items()}
    name = known.get("model name") or platform.processor() or platform.machine()
    flags = known.get("flags", "").split()
    vectors = next((one for one in ("avx512f", "avx2") if one in flags), None)
    return f"{name}, {vectors}" if vectors else name


def _gpu_model() -> str | None:
    """Name of the GPU torch would use. Only a process that has imported torch asks."""
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch and torch.cuda.is_available() else None
