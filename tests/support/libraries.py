"""The shell functions of lib/, for scripts that a test writes itself."""

from __future__ import annotations

from selvedge.shell.library import library, needs


def functions(*names: str) -> str:
    """Return the text of these files of lib/ and of all that they need."""
    found: set[str] = set()
    todo = set(names)
    while todo:
        found |= todo
        todo = set().union(*(needs(name) for name in todo)) - found
    return "".join(library(name) for name in sorted(found))
