"""Pages of text show tables: the published ones, and what the cards say."""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cgt.analysis.tables.parts import ABSENT, Rows, markdown
from cgt.records.cards import PACKAGE, card_of, cards
from cgt.records.files import write_text

_BLOCK = re.compile(r"<!-- (?P<name>\w+\.md) -->\n.*?<!-- end -->", flags=re.DOTALL)


def fill(page: Path, folders: Sequence[Path] = ()) -> None:
    """Put each table that `page` names between `<!-- NAME.md -->` and `<!-- end -->`.

    A table is made of cards, if it is one of `FROM_CARDS`; else it is a file in one of the folders.

    Raises FileNotFoundError if none of the folders has a file of that name; nothing is written
    then.
    """

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        text = FROM_CARDS[name](page.parent) if name in FROM_CARDS else _published(name, folders)
        return f"<!-- {name} -->\n{text.strip()}\n<!-- end -->"

    write_text(page, _BLOCK.sub(block, page.read_text(encoding="utf-8")))


def _published(name: str, folders: Sequence[Path]) -> str:
    for folder in folders:
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8")
    raise FileNotFoundError(f"there is no {name} in {', '.join(map(str, folders)) or 'no folder'}")


def _methods(folder: Path) -> str:
    return _table(
        {
            "Name": f"`{name}`",
            "On paper": _title(card),
            "Exits are trained": card["trains"],
            "Source": card["source"],
            "File": _link("methods", name, folder),
        }
        for name, card in cards("methods").items()
    )


def _method_settings(folder: Path) -> str:
    return _table(
        {"Method": f"`{name}`" if first else "", **row}
        for name, card in cards("methods").items()
        for first, row in _settings(card)
    )


def setting_table(method: str) -> str:
    """The settings of one method in Markdown: key, meaning, what is allowed, default.

    Raises:
        ValueError: naming what methods there are instead.
    """
    return _table(row for _, row in _settings(card_of("methods", method)))


def _networks(folder: Path) -> str:
    return _table(
        {
            "Name": f"`{name}`",
            "On paper": card["title"],
            "Inputs": card["inputs"],
            "Exits": ", ".join(
                f"**{number}**" if number == card["default_exits"] else str(number)
                for number in card["exits"]
            ),
            "Source": card["source"],
            "File": _link("networks", name, folder),
        }
        for name, card in cards("networks").items()
    )


def _datasets(folder: Path) -> str:
    return _table(
        {
            "Name": f"`{name}`",
            "On paper": card["title"],
            "Kind": card["kind"],
            "Augmentation": f"`{card['augmentation']}`",
            "Settings of its own": "; ".join(
                f"`{key}`: {of['meaning']} ({_allowed(of)})" for key, of in card["settings"].items()
            )
            or ABSENT,
            "File": _link("data", name, folder),
        }
        for name, card in cards("data").items()
    )


FROM_CARDS: Mapping[str, Callable[[Path], str]] = {
    "methods.md": _methods,
    "method_settings.md": _method_settings,
    "networks.md": _networks,
    "datasets.md": _datasets,
}
"""Tables by name; each gets the folder of its page, from which links start."""


def _title(card: Mapping[str, Any]) -> str:
    title, short = card["title"], card["short"]
    return title if short in title else f"{title} ({short})"


def _settings(card: Mapping[str, Any]) -> list[tuple[bool, dict[str, str]]]:
    """A row for each setting of a card, or an empty one; and whether it is the first."""
    rows = [
        {
            "Key": f"`{key}`",
            "Meaning": of["meaning"],
            "Allowed": _allowed(of),
            "Default": f"`{_yaml(of['default'])}`",
        }
        for key, of in card["settings"].items()
    ]
    empty = dict.fromkeys(("Key", "Meaning", "Allowed", "Default"), ABSENT)
    return [(number == 0, row) for number, row in enumerate(rows or [empty])]


def _allowed(setting: Mapping[str, Any]) -> str:
    """What a setting may be, in words."""
    needs = "".join(f"; needs `{k}: {_yaml(v)}`" for k, v in setting.get("needs", {}).items())
    if setting.get("type") == "boolean":
        return f"`true`, `false`{needs}"
    if "enum" in setting:
        return ", ".join(f"`{_yaml(value)}`" for value in setting["enum"]) + needs
    if "per_exit" in setting:
        of = "each exit but the last" if setting.get("early") else "each exit"
        falling = ", not falling" if setting.get("not_falling") else ""
        return f"of {of}: {_range(setting['per_exit'])}{falling}{needs}"
    return _range(setting) + needs


def _range(schema: Mapping[str, Any]) -> str:
    if {"minimum", "maximum"} <= schema.keys():
        return f"{schema['minimum']} to {schema['maximum']}"
    limits = {
        "minimum": "≥ {}",
        "exclusiveMinimum": "> {}",
        "maximum": "≤ {}",
        "exclusiveMaximum": "< {}",
    }
    found = [text.format(schema[key]) for key, text in limits.items() if key in schema]
    return " and ".join(found) or "a number"


def _yaml(value: Any) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _link(wing: str, name: str, folder: Path) -> str:
    path = os.path.relpath(PACKAGE / wing / f"{name}.py", folder)
    return f"[{name}.py]({Path(path).as_posix()})"


def _table(rows: Iterable[Mapping[str, str]]) -> str:
    """Markdown; a bar within a cell would end it."""
    escaped: Rows = [{key: text.replace("|", r"\|") for key, text in row.items()} for row in rows]
    return markdown(escaped, text=tuple(escaped[0]))
