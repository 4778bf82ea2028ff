"""What the workflow needs of the system and the folder it runs in, told before any job starts."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

DRIFT = 600
"""Seconds that a file may be ahead of the clock."""


def refuse_surroundings(checkout: str | Path) -> None:
    """Raise ValueError if the workflow cannot run on this system or in this folder.

    checkout: folder of the Snakefile.
    """
    if os.name != "posix":
        raise ValueError(
            "the workflow runs on Linux and macOS; on Windows use it within WSL. The library "
            "(cgt.nn, cgt.operate) and the device runtime work on Windows, too"
        )
    if set("{}") & set(str(checkout)):
        raise ValueError(
            f"{checkout}: Snakemake takes braces in the path of a workflow for wildcards; move or "
            f"rename the folder"
        )


def refuse_taken(places: Iterable[str | Path]) -> None:
    """Raise ValueError if a folder to write into is a file, or a link that leads nowhere."""
    for place in map(Path, places):
        for path in (place, *place.parents):
            if os.path.lexists(path) and not path.is_dir():
                what = "a link that leads nowhere" if path.is_symlink() else "a file"
                raise ValueError(
                    f"{path}: {what}, where the workflow needs a folder; move it away, or name "
                    f"another folder in the configuration"
                )


def refuse_future(paths: Iterable[str | Path]) -> None:
    """Raise ValueError naming a file dated in the future: all that reads it would run again.

    Clocks of a machine and of its file server may differ by `DRIFT`. A missing file is no matter.
    """
    now = time.time()
    late = [
        path for path in map(Path, paths) if path.is_file() and path.stat().st_mtime > now + DRIFT
    ]
    if late:
        others = f" (and {len(late) - 1} more)" if len(late) > 1 else ""
        date = time.strftime("%Y-%m-%d %H:%M", time.localtime(late[0].stat().st_mtime))
        raise ValueError(
            f"{late[0]}{others}: dated {date}, in the future by this machine's clock, so all that "
            f"reads it would run again each time; set the clock, or `touch` the file"
        )
