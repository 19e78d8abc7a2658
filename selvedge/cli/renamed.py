"""Settings that have a new name: `selvedge upgrade` renames them in hosts.toml."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from selvedge.errors import UsageError

RENAMED: dict[str, str] = {}
"""Old setting → new name, such as "app.old" → "new"; the table stays the same. A change that renames one adds it here."""


def renamed(text: str) -> str:
    """Return the text of hosts.toml with new names. Comments, order and layout stay.

    Raises:
        UsageError: the text is no TOML, or a name cannot be replaced without another change.
    """
    try:
        wanted = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"hosts.toml is not valid TOML: {error}.", "Correct it, then run `selvedge upgrade` again.") from None
    for old, new in RENAMED.items():
        table, _, name = old.rpartition(".")
        if not _rename(wanted, table, name, new):
            continue
        text = re.sub(rf"(?m)^(\s*(?:[\w-]+\.)*)\"?{re.escape(name)}\"?(?=\s*=)", rf"\g<1>{new}", text)
    try:
        same = tomllib.loads(text) == wanted
    except (ValueError, RecursionError):
        same = False
    if not same:
        names = ", ".join(f"{old} is now {new}" for old, new in RENAMED.items())
        raise UsageError(f"hosts.toml has settings with new names that cannot be replaced in its layout: {names}.", "Rename them.")
    return text


def _rename(tables: dict[str, Any], table: str, name: str, new: str) -> bool:
    """Rename a key in each table with a name, wherever it is (also below a host). Return whether there was one."""
    found = False
    for key, value in tables.items():
        if not isinstance(value, dict):
            continue
        if key == table and name in value:
            value[new] = value.pop(name)
            found = True
        found = _rename(value, table, name, new) or found
    return found
