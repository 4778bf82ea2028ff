"""Provenance: what ran, on what, from which code and which data, and which files it has written."""

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cgt.records.csv_columns import NAME

PACKAGES = ("numpy", "scikit-learn", "torch")
"""The packages whose versions can change a run's numbers."""

ROUNDING_VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
"""Environment variables that choose other instructions, which round differently."""

TRAINING = 1
"""Revision of the training code: raised by whoever makes the loop, or what all methods share in it,
give other numbers. Runs of different revisions are never compared; see `cgt.study.protocol`."""

MANIFEST = "manifest.json"
FILES = ("predictions.npz", "history.csv", "gradients.csv", "model.safetensors")
"""What training writes into a run's folder before the manifest, which holds their digests."""

_NAMES = ("dataset", "method", "implementation")
_SETTINGS = ("settings", "hyperparameters")


def build_manifest(
    job: Mapping[str, Any],
    data: Mapping[str, str],
    threads: int,
    seconds: float,
    files: Mapping[str, str],
) -> dict[str, Any]:
    """Describe one finished training run.

    job: what was asked for (JSON values); its hash is `config_hash`. data: checksums by file name.
    threads: CPU threads used. seconds: wall time of the training; if it was stopped and went on, of
    all that was kept of it. files: digests of what it has written, see `digests`.
    """
    return {
        "job": dict(job),
        "training": TRAINING,
        "config_hash": hash_of(job),
        "files": dict(files),
        "argv": sys.argv,
        "data": dict(data),
        "wall_seconds": round(seconds, 3),
        **environment(threads),
    }


def environment(threads: int) -> dict[str, Any]:
    """Describe the code, the software and the machine."""
    return {
        "git": git_state(Path(__file__).parents[2]),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "cpu_count": os.cpu_count(),
        "gpu": _gpu_model(),
        "threads": threads,
        "variables": {name: os.environ[name] for name in ROUNDING_VARIABLES if name in os.environ},
    }


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each of `FILES` in the folder of a run."""
    return {name: _sha256(folder / name) for name in FILES}


def load_manifest(
    path: Path | str,
    dataset: str | None = None,
    method: str | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Read and check the manifest of a run.

    dataset, method, seed: whose it has to be, where given. A variant of a method, such as
    `soft_cgt,tau=0.5`, has the method's.

    Raises:
        ValueError: naming the file, the key and what is allowed; also if it is another run's, or
            an earlier version has written it.
    """
    try:
        manifest = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON object ({error})") from error
    for problem in _problems(manifest):
        raise ValueError(f"{path}: {problem}")
    job = manifest["job"]
    own = None if method is None else method.partition(",")[0]
    for name, value in {"dataset": dataset, "method": own, "seed": seed}.items():
        if value is not None and job[name] != value:
            raise ValueError(f"{path}: {name} is {job[name]!r}; it must be {value!r}")
    return manifest


def check_files(
    folder: Path | str,
    dataset: str | None = None,
    method: str | None = None,
    seed: int | None = None,
    names: Iterable[str] = FILES,
) -> dict[str, Any]:
    """Check that a folder holds what its training has written; return the manifest.

    names: the files to look at. Others as in `load_manifest`.

    Raises:
        ValueError: as `load_manifest`, or naming the file that is missing, cut off or another's.
    """
    manifest = load_manifest(Path(folder) / MANIFEST, dataset, method, seed)
    for name in names:
        path, expected = Path(folder) / name, manifest["files"][name]
        if not path.is_file():
            raise ValueError(f"{path}: missing; {MANIFEST} beside it lists it: train the run anew")
        if (found := _sha256(path)) != expected:
            raise ValueError(
                f"{path}: its sha256 is {found[:12]}..., but {expected[:12]}... in {MANIFEST} "
                f"beside it: it is damaged, edited or another run's; train the run anew"
            )
    return manifest


def run_of(folder: Path | str) -> tuple[str, str, int] | tuple[None, None, None]:
    """Dataset, method and seed that a path says: of `.../runs/DATASET/METHOD/SEED`; else None."""
    *_, root, dataset, method, seed = ("", "", "", "", *Path(folder).resolve().parts)
    if root != "runs" or not seed.isdecimal():
        return None, None, None
    return dataset, method, int(seed)


def _problems(manifest: Any) -> Iterable[str]:
    if not isinstance(manifest, dict):
        yield f"not a JSON object but {type(manifest).__name__}"
        return
    job, data, files = (manifest.get(name) for name in ("job", "data", "files"))
    if isinstance(job, dict) and "files" not in manifest:
        yield "written by an earlier version: it lists no files; run again to rewrite it"
    for name, value in {"job": job, "data": data, "files": files}.items():
        if not isinstance(value, dict):
            yield f"{name} is {value!r}; it must be an object"
            return
    for name in _NAMES:
        if not isinstance(job.get(name), str) or not re.fullmatch(NAME, job[name]):
            yield f"{name} is {job.get(name)!r}; it must match {NAME}"
    seed = job.get("seed")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        yield f"seed is {seed!r}; it must be a whole number of at least 0"
    for name in _SETTINGS:
        if not isinstance(job.get(name), dict):
            yield f"{name} is {job.get(name)!r}; it must be an object"
    if manifest.get("config_hash") != hash_of(job):
        yield "config_hash is not that of job: one of them has been edited"
    for name, values in {"data": data, "files": files}.items():
        if not all(isinstance(value, str) for value in values.values()):
            yield f"{name} must hold a digest for each name"
    if not isinstance(data.get("prepared"), str):
        yield f"data.prepared is {data.get('prepared')!r}; it must be a digest"
    if set(files) != set(FILES):
        yield f"files lists {sorted(files)}; it must list {sorted(FILES)}"
    seconds = manifest.get("wall_seconds")
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds < float("inf"):
        yield f"wall_seconds is {seconds!r}; it must be a finite number of at least 0"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hash_of(value: Any) -> str:
    """Return the SHA-256 of a JSON value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def git_state(folder: Path) -> dict[str, Any]:
    """Return the commit and whether tracked files differ from it; None where there is no git.

    folder: of the checkout. The commit of a repository around it says nothing about the code:
    None, too.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    if not top or not os.path.samefile(top, folder):
        return {"commit": None, "dirty": None}
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
        # Manifests of an earlier version do not say.
        "variables": _distinct(one["variables"] for one in manifests if "variables" in one),
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
    # Within a hook, variables such as GIT_DIR name the repository that it is about.
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(folder), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, env=own)
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
