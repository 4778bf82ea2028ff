"""The configuration, raw files to prepared ones, and what the splits hold."""

import argparse
import sys
from pathlib import Path

from cgt.commands.arguments import add, named_path

_OPTIONS = ("kind", "limit", "patch", "components", "guard")


def add_data(commands: argparse._SubParsersAction) -> None:
    """Add the subcommands of this stage."""
    command = add(commands, "config", config, "are these configuration files valid together?")
    command.add_argument("files", type=Path, nargs="+", help="config.yaml, then overlays (.yaml)")
    command.add_argument(
        "--schema",
        type=Path,
        default=Path("workflow/schemas/config.schema.yaml"),
        help="what a configuration may hold (that of the checkout one is in)",
    )

    command = add(commands, "download", download, "fetch and verify a dataset's raw files")
    command.add_argument("dataset")
    command.add_argument("--out", type=Path, required=True, help="folder of the raw files")

    command = add(commands, "prepare", prepare, "split a dataset and fit its scaling, at one seed")
    command.add_argument("dataset")
    command.add_argument("--seed", type=int, required=True)
    command.add_argument(
        "--kind", help="images, signals or scene, if an .npz file of yours is the dataset"
    )
    command.add_argument(
        "--raw", type=Path, help="folder of the raw files, or with --kind the .npz file"
    )
    command.add_argument("--out", type=Path, required=True, help="prepared file (.npz)")
    command.add_argument("--limit", type=int, help="keep at most this many training samples")
    command.add_argument("--patch", type=int, help="of a scene: width of a patch in pixels")
    command.add_argument("--components", type=int, help="of a scene: principal components kept")
    command.add_argument("--guard", help="of a disjoint split: which splits a band keeps apart")

    command = add(commands, "audit", audit, "count what the splits of a scene train and test on")
    command.add_argument("prepared", nargs="+", type=named_path, metavar="DATASET=PREPARED")
    command.add_argument(
        "--raw",
        type=Path,
        nargs="+",
        required=True,
        help="folder of the raw files, or the .npz file: one for all, or one each",
    )
    command.add_argument("--out", type=Path, required=True, help="audit (.csv)")


def config(arguments: argparse.Namespace) -> None:
    from cgt.study.config import check_config, load_config

    check_config(load_config(*arguments.files), arguments.schema)
    print(f"valid: {', '.join(map(str, arguments.files))}", file=sys.stderr)


def download(arguments: argparse.Namespace) -> None:
    from cgt import data

    data.download(arguments.dataset, arguments.out)


def prepare(arguments: argparse.Namespace) -> None:
    from cgt import data

    given = {name: getattr(arguments, name) for name in _OPTIONS}
    settings = {name: value for name, value in given.items() if value is not None}
    data.prepare(arguments.dataset, arguments.seed, arguments.raw, arguments.out, **settings)


def audit(arguments: argparse.Namespace) -> None:
    from cgt.analysis.audit import write_audit
    from cgt.data.audit import audit

    raw = arguments.raw * len(arguments.prepared) if len(arguments.raw) == 1 else arguments.raw
    if len(raw) != len(arguments.prepared):
        raise ValueError(
            f"--raw names {len(raw)} paths for {len(arguments.prepared)} prepared files, allowed "
            f"are one for all or one each"
        )
    pairs = zip(arguments.prepared, raw, strict=True)
    parts = [audit(dataset, path, raw_dir) for (dataset, path), raw_dir in pairs]
    write_audit([row for part in parts for row in part], arguments.out)
