"""Nested tables as tomllib returns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def subtable(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the table `name` in `data`; empty if it is missing or not a table."""
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def sets(table: Any, path: Sequence[Any]) -> bool:
    """Return whether a table has the value at this path, or on the way to it a value that is not a table."""
    for key in path:
        if not isinstance(table, dict):
            return True
        if key not in table:
            return False
        table = table[key]
    return True


def without(table: Mapping[str, Any], stronger: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Return `table` without the keys of `stronger`: those at this depth, 1 for the keys of the table itself."""
    if depth == 1:
        return {key: value for key, value in table.items() if key not in stronger}
    return {
        key: without(value, subtable(stronger, key), depth - 1) if isinstance(value, dict) else value
        for key, value in table.items()
    }


def merged(weaker: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new table in which the values of `stronger` win, key by key through nested tables."""
    result = dict(weaker)
    for key, value in stronger.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result
