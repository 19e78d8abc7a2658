"""The line of each key in a TOML file: tomllib does not tell."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*')"""
_KEY = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")
_TABLE = re.compile(rf"\s*\[\s*({_PART}(?:\s*\.\s*{_PART})*)\s*\]")
_QUOTES = re.compile(r'"""|' + "'''")


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the number of the line on which each key is set, by the keys that lead to it.

    text: valid TOML. Keys inside an inline table are not in the result.
    """
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        begins_inside = bool(inside)
        for quotes in _QUOTES.findall(line):
            inside = "" if inside == quotes else inside or quotes
        if begins_inside:
            continue
        if header := _TABLE.match(line):
            table = _keys(header[1])
            found[table] = number
        elif key := _KEY.match(line):
            found.setdefault((*table, *_keys(key[1])), number)
    return found


def _keys(dotted: str) -> tuple[str, ...]:
    """Return the parts of a dotted key, without quotes."""
    keys = []
    tables: Any = tomllib.loads(f"{dotted} = 0")
    while isinstance(tables, dict):
        ((key, tables),) = tables.items()
        keys.append(key)
    return tuple(keys)
