"""The smoke configuration, killed again and again at random moments, gives the same bytes.

    python tests/endurance/kills.py FOLDER [--kills 20] [--seed 1] [--config config/smoke.yaml]

Works on copies of this checkout in FOLDER, which must be new: one run is left alone, the other is
killed with all its processes (SIGKILL), unlocked and started anew, and ends after the last kill.
Compared are all CSVs but timings.csv, tables, figures, predictions and networks; exit code 0 means
equal. It takes long, twenty kills some half an hour on two free cores: no part of `make test`.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("Snakefile", "environment.yml", "cgt", "config", "workflow")
SAME = (".csv", ".md", ".tex", ".svg", ".pdf", ".png", ".npz", ".safetensors")
CLOCK = ("timings.csv",)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--cores", default="2")
    parser.add_argument("--config", default="config/smoke.yaml", help="overlay, from the checkout")
    parser.add_argument("--results", default="results/smoke", help="where that writes results")
    asked = parser.parse_args()
    if asked.folder.exists():
        parser.error(f"{asked.folder} exists; name a new folder")
    whole, killed = (_checkout(asked.folder / name) for name in ("whole", "killed"))

    start = time.monotonic()
    _finish(whole, asked)
    duration = time.monotonic() - start
    print(f"left alone: {duration:.0f} s", flush=True)

    chance = random.Random(asked.seed)
    for number in range(1, asked.kills + 1):
        # Resumed runs are shorter: most kills are to come early, some anywhere.
        moment = chance.uniform(2, duration / (3 if number > 1 else 1))
        ended = _kill_after(moment, killed, asked)
        print(f"kill {number}: {'had ended' if ended else f'after {moment:.1f} s'}", flush=True)
        if ended and number < asked.kills:  # nothing is left to kill: begin again
            shutil.rmtree(killed / asked.results)
        _snakemake(killed, asked, "--unlock", check=True)
    _finish(killed, asked)

    one, other = (_digests(folder / asked.results) for folder in (whole, killed))
    unlike = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    for name in unlike:
        print(f"differs: {name}")
    print(f"{len(one) - len(unlike)} of {len(one)} files are equal after {asked.kills} kills")
    return int(bool(unlike) or not one)


def _checkout(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / "data").mkdir()
    if (ROOT / "data/raw").is_dir():
        shutil.copytree(ROOT / "data/raw", folder / "data/raw", symlinks=False)
    return folder


def _command(asked: argparse.Namespace, *more: str) -> list[str]:
    common = ["--cores", asked.cores, "--scheduler", "greedy", "--rerun-incomplete", "--quiet"]
    return [sys.executable, "-m", "snakemake", *common, *more, "--configfile", asked.config]


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path}


def _snakemake(folder: Path, asked: argparse.Namespace, *more: str, check: bool = False) -> None:
    run = subprocess.run(
        _command(asked, *more), cwd=folder, env=_environment(), capture_output=True, text=True
    )
    if check and run.returncode != 0:
        raise SystemExit(f"{run.args} failed:\n{run.stdout[-3000:]}{run.stderr[-3000:]}")


def _finish(folder: Path, asked: argparse.Namespace) -> None:
    _snakemake(folder, asked, "all", check=True)


def _kill_after(seconds: float, folder: Path, asked: argparse.Namespace) -> bool:
    """Start a run and kill all its processes; True if it had ended before."""
    with open(os.devnull, "wb") as nowhere:
        run = subprocess.Popen(
            _command(asked, "all"),
            cwd=folder,
            env=_environment(),
            stdout=nowhere,
            stderr=nowhere,
            start_new_session=True,
        )
        try:
            run.wait(timeout=seconds)
            return True
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return False


def _digests(results: Path) -> dict[str, str]:
    return {
        str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(results.rglob("*"))
        if path.suffix in SAME and path.name not in CLOCK and path.is_file()
    }


if __name__ == "__main__":
    sys.exit(main())
