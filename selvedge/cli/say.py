"""What the commands of `selvedge` print with: they get it, so that tests can read the lines."""

from __future__ import annotations

from collections.abc import Callable

Say = Callable[[str], None]
"""Prints one line."""
