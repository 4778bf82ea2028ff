"""The README shows tables; this puts the published ones there."""

import re
from collections.abc import Sequence
from pathlib import Path

from cgt.records.files import write_text

_BLOCK = re.compile(r"<!-- (?P<name>\w+\.md) -->\n.*?<!-- end -->", flags=re.DOTALL)


def fill(readme: Path, folders: Sequence[Path]) -> None:
    """Put each table that `readme` names between `<!-- NAME.md -->` and `<!-- end -->`.

    Raises FileNotFoundError if none of the folders has a file of that name; nothing is written
    then.
    """

    def block(match: re.Match[str]) -> str:
        paths = [folder / match["name"] for folder in folders]
        found = next((path for path in paths if path.is_file()), paths[-1])
        text = found.read_text(encoding="utf-8").strip()
        return f"<!-- {match['name']} -->\n{text}\n<!-- end -->"

    write_text(readme, _BLOCK.sub(block, readme.read_text(encoding="utf-8")))
