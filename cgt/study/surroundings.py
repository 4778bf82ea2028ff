"""What the workflow needs of the system and the folder it runs in, told before any job starts."""

import os
from collections.abc import Iterable
from pathlib import Path


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
