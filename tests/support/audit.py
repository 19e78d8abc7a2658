"""Audit events of Python (sys.addaudithook): a hook cannot be removed, so one hook serves all tests."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator
from typing import Any

_watched: set[str] = set()
_events: list[str] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _watched:
        _events.append(str(arguments[0]))


@functools.cache
def _install() -> None:
    sys.addaudithook(_hook)


@contextlib.contextmanager
def audited(*events: str) -> Iterator[list[str]]:
    """Record the first argument of each of these events, e.g. the path of "open"."""
    _install()
    _events.clear()
    _watched.update(events)
    try:
        yield _events
    finally:
        _watched.clear()
