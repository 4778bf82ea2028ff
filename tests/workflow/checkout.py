"""A copy of the workflow, run for real on a slice of Indian Pines."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]

TINY = {
    "results": "results/tiny",
    "data": {"raw": "data/raw", "prepared": "data/prepared/tiny"},
    "seeds": [1],
    "datasets": {
        "indian_pines": {
            "network": "compact_scene",
            "epochs": 1,
            "batch_size": 32,
            "momentum": 0.9,
            "weight_decay": 0.0,
            "label_smoothing": 0.0,
            "limit": 160,
            "components": 4,
            "patch": 5,
        }
    },
    "methods": {
        "single_exit": {"indian_pines": {"lr": 0.05}},
        "soft_cgt": {"indian_pines": {"lr": 0.05, "scale": 4.0}},
    },
    "pictures": {"seed": 1, "method": "soft_cgt", "scene_step": 4},
    "tuning": {
        "datasets": {"indian_pines": {"trials": 2, "epochs": 1, "seeds": [1000, 1001]}},
        "space": {"lr": [0.05, 0.1], "label_smoothing": [0.0]},
        "first": {"lr": 0.05, "label_smoothing": 0.0},
    },
}


@dataclass(frozen=True)
class Checkout:
    """A copy of the repository with a configuration of its own."""

    folder: Path

    def configure(self, config):
        (self.folder / "tiny.yaml").write_text(yaml.safe_dump(config))

    def start(self, *arguments):
        """Start Snakemake on two cores; return the process, output and errors in stdout."""
        command = [
            *(sys.executable, "-m", "snakemake", "--cores", "2", "--show-failed-logs"),
            *(*map(str, arguments), "--replace-workflow-config", "--configfile", "tiny.yaml"),
        ]
        # Jobs call `python`, which must be this one.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def snakemake(self, *arguments):
        """Run Snakemake on two cores; return the finished process, output and errors in stdout."""
        with self.start(*arguments) as process:
            output, _ = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def planned(self, *arguments):
        """Number of jobs of each rule that a dry run would do."""
        run = self.snakemake("--dry-run", *arguments)
        assert run.returncode == 0, run.stdout
        _, found, table = run.stdout.partition("Job stats:\n")
        if not found:
            assert "Nothing to be done" in run.stdout
            return {}
        rows = re.findall(r"^(\w+) +(\d+)$", table.split("\n\n")[0], flags=re.MULTILINE)
        return {rule: int(count) for rule, count in rows if rule not in ("total", "all")}


def copy_of_repository(folder):
    for name in ("Snakefile", "environment.yml", "CITATION.cff"):
        shutil.copy(ROOT / name, folder)
    for name in ("cgt", "config", "workflow"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    checkout = Checkout(folder)
    checkout.configure(TINY)
    return checkout
