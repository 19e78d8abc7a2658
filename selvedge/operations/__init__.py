"""Commands that look after servers, one file each. Each is loaded when it is first used (PEP 562)."""

import importlib
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    """Return the module of a command. Raises AttributeError if there is none."""
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return importlib.import_module(f"selvedge.operations.{name}")
    except ModuleNotFoundError as error:
        raise AttributeError(f"module 'selvedge.operations' has no attribute {name!r}") from error
