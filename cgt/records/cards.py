"""Cards: what a method, a network or a dataset says of itself.

Each is one file of its wing with a literal `CARD = {...}` at the top. A card is read from the
source text, without running the file: configuration, analysis and workflow know all cards, and none
of them loads torch. A file without a card is a helper, and no entry.
"""

import ast
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
FAMILIES = ("reference", "paper", "field", "ours")
"""Families of methods, in order of display."""

Card = Mapping[str, Any]


@functools.cache
def cards(wing: str) -> dict[str, Card]:
    """All cards of a wing ("methods", "networks" or "data"), by name of the file.

    Methods stand family by family, everything else by name.

    Raises:
        ValueError: naming the file whose card is no literal.
    """
    folder = PACKAGE / wing
    found = {path.stem: read_card(path) for path in sorted(folder.glob("[!_]*.py"))}
    own = {name: card for name, card in found.items() if card is not None}
    return dict(sorted(own.items(), key=lambda item: (_family(item[1]), item[0])))


def card_of(wing: str, name: str) -> Card:
    """One card.

    Raises:
        ValueError: naming what there is instead.
    """
    known = cards(wing)
    if name not in known:
        what = {"methods": "method", "networks": "network", "data": "dataset"}.get(wing, wing)
        raise ValueError(f"{what} is {name!r}; allowed are {', '.join(known)}")
    return known[name]


def read_card(path: Path) -> dict[str, Any] | None:
    """The card in a file; None if it has none.

    Raises:
        ValueError: if it is there and no literal.
    """
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == ["CARD"]:
            try:
                return ast.literal_eval(node.value)
            except ValueError as error:
                raise ValueError(
                    f"{path}, line {node.lineno}: CARD must be a literal, so that it can be read "
                    f"without running the file ({error})"
                ) from None
    return None


def _family(card: Card) -> int:
    return FAMILIES.index(card["family"]) if "family" in card else 0
