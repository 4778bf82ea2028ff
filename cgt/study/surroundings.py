"""What the workflow needs of the system and the folder it runs in, told before any job starts."""

import os
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
