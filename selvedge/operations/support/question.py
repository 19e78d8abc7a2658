"""Questions to the user."""

from __future__ import annotations

import sys


def accepted(question: str) -> bool:
    """Return whether the user answers y or yes; False without an answer."""
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def can_ask() -> bool:
    """Return whether someone is there to answer: input and output are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()
