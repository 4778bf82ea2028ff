"""One file for a repository with a DOI: code, published results, and the runs that are there.

Everything that git tracks at the present commit, which has the published CSVs, and of each finished
run all but its weights: predictions, history, gradients and manifest. `SHA256SUMS` inside lists
every file, as `sha256sum --check` reads it. Equal content gives equal bytes.
"""

import gzip
import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import cgt
from cgt.records.files import atomic_path
from cgt.records.manifest import FILES, MANIFEST, check_files, run_of

SUMS = "SHA256SUMS"
OF_A_RUN = (*(name for name in FILES if name != "model.safetensors"), MANIFEST)


def archive(root: Path, runs: Path, out: Path) -> Path:
    """Write `cgt-VERSION.tar.gz` into the folder `out`.

    Args:
        root: the checkout; its tracked files go in.
        runs: root folder of the runs, DATASET/METHOD/SEED; need not be there.

    Returns:
        The archive.

    Raises:
        ValueError: if git knows no such checkout, a tracked file has been changed, or a run is
            damaged; says which.
    """
    name = f"cgt-{cgt.__version__}"
    files = {path: root / path for path in _tracked(root)}
    for folder in sorted(path.parent for path in runs.glob(f"*/*/*/{MANIFEST}")):
        check_files(folder, *run_of(folder), names=OF_A_RUN[:-1])
        place = folder.relative_to(runs).as_posix()
        files |= {f"results/runs/{place}/{one}": folder / one for one in OF_A_RUN}
    target = out / f"{name}.tar.gz"
    sums = []
    with (
        atomic_path(target) as temporary,
        open(temporary, "wb") as raw,
        gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for place, path in sorted(files.items()):
            content = path.read_bytes()
            sums.append(f"{hashlib.sha256(content).hexdigest()}  {place}\n")
            _add(tar, f"{name}/{place}", content, executable=bool(path.stat().st_mode & 0o100))
        _add(tar, f"{name}/{SUMS}", "".join(sums).encode())
    return target


def _tracked(root: Path) -> list[str]:
    if changed := _git(root, "status", "--porcelain", "--untracked-files=no"):
        first = changed.splitlines()[0][3:]
        raise ValueError(f"{first} is not as committed; commit or undo it before you archive")
    names = _git(root, "ls-files", "-z").split("\0")
    return [name for name in names if name and not (root / name).is_symlink()]


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ValueError(
            f"{root}: git cannot list its files; archive from a clone with git installed"
        ) from error
    return run.stdout


def _add(tar: tarfile.TarFile, place: str, content: bytes, executable: bool = False) -> None:
    entry = tarfile.TarInfo(place)
    entry.size = len(content)
    entry.mode = 0o755 if executable else 0o644
    tar.addfile(entry, io.BytesIO(content))
