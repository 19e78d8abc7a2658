"""The type of the function with which a command of `selvedge` prints."""

from __future__ import annotations

from collections.abc import Callable

Say = Callable[[str], None]
"""Prints one line."""
