"""Packages that only some need: the extras of this project."""

from importlib import import_module
from types import ModuleType


def need(module: str, extra: str) -> ModuleType:
    """Import a package of an extra.

    Raises ModuleNotFoundError that says in one sentence what to install, if it is not there.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise ModuleNotFoundError(
            f"{module} is not installed; it comes with the extra {extra!r}: in the folder of this "
            f"project, pip install '.[{extra}]'",
            name=module,
        ) from None
