"""The types of the keys that Selvedge reads from a project's files. A wrong one is refused with the file's and the key's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

STRINGS = [str]
PYPROJECT = {
    "project": {
        "name": str,
        "requires-python": str,
        "dynamic": STRINGS,
        "dependencies": STRINGS,
        "optional-dependencies": {"*": STRINGS},
    },
    "dependency-groups": {"*": [(str, dict)]},
    "tool": {
        "uv": {"package": bool, "dev-dependencies": STRINGS},
        "pdm": {"dev-dependencies": {"*": STRINGS}},
        "poetry": {
            "dependencies": dict,
            "dev-dependencies": dict,
            "extras": {"*": STRINGS},
            "group": {"*": {"dependencies": dict}},
        },
    },
}
FILES: dict[str, dict[str, Any]] = {
    "pyproject.toml": PYPROJECT,
    "uv.lock": {"requires-python": str, "package": [{"source": {"*": str}}]},
    "pdm.lock": {"metadata": {"groups": STRINGS}},
    "Pipfile": {"source": [dict], "packages": dict, "dev-packages": dict, "requires": {"*": str}},
    "Pipfile.lock": {
        "_meta": {"hash": {"*": str}, "requires": dict, "sources": [{"name": str, "url": str}]},
        "*": {"*": {"extras": STRINGS, "hashes": STRINGS, "version": str}},
    },
}
"""Shapes by the names of files. A dict is a table with the shape of each key, "*" for any other; a list has one shape of its items;
a type or a tuple of types is itself."""
NAMES = {dict: "a table", list: "a list", str: "a string", bool: "true or false", int: "a number", float: "a number"}


def problems(name: str, data: object) -> Iterator[str]:
    """Yield the end of a sentence for each key of a file that has a wrong type. name: the file's name without its folder."""
    if name in FILES:
        yield from _problems(FILES[name], data, "")


def _problems(shape: Any, data: object, key: str) -> Iterator[str]:
    types = dict if isinstance(shape, dict) else list if isinstance(shape, list) else shape
    if not isinstance(data, types):
        yield f"{key or 'it'} must be {_named(types)}, not {_named(type(data))}"
    elif isinstance(shape, list) and isinstance(data, list):
        for number, each in enumerate(data, 1):
            yield from _problems(shape[0], each, f"{key}, item {number},")
    elif isinstance(shape, dict) and isinstance(data, dict):
        for name, value in data.items():
            inner = shape.get(name, shape.get("*"))
            if inner is not None:
                yield from _problems(inner, value, f"{key}.{name}".lstrip("."))


def _named(types: Any) -> str:
    """Return the words for a type, or for a tuple of types."""
    if isinstance(types, tuple):
        return " or ".join(map(_named, types))
    return NAMES.get(types, "a value of another type")
