"""Floor 2: the methods, one file each: a card that is read without torch, and a class.

A method's name is its file's; `REGISTRY` finds it there, so that nothing else need be edited.
May import: `nn`, `records`.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module

from cgt.methods.base import Method, Phase
from cgt.records.cards import card_of, cards

__all__ = ["REGISTRY", "Method", "Phase"]


class _Registry(Mapping[str, type[Method]]):
    """Method classes by name; a method's file is run when it is asked for."""

    def __getitem__(self, name: str) -> type[Method]:
        card_of("methods", name)  # says what there is instead
        module = import_module(f"cgt.methods.{name}")
        found = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, Method)
            and value.__module__ == module.__name__
        ]
        if len(found) != 1:
            raise ValueError(
                f"{module.__file__} defines {len(found)} subclasses of Method; one is needed"
            )
        return found[0]

    def __iter__(self) -> Iterator[str]:
        return iter(cards("methods"))

    def __len__(self) -> int:
        return len(cards("methods"))

    def __contains__(self, name: object) -> bool:
        return name in cards("methods")


REGISTRY = _Registry()
