"""The same question to every server of the run, where one that fails does not silence the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError
from selvedge.run import Run

T = TypeVar("T")


def gather(run: Run, work: Callable[[Session], T]) -> dict[str, T | SelvedgeError]:
    """What the work found on each host, by the host's name, from all at once; the error where it failed."""

    def attempt(session: Session) -> T | SelvedgeError:
        try:
            return work(session)
        except SelvedgeError as error:
            return error

    found = run.fleet.each(attempt)
    return {session.name: each for session, each in zip(run.fleet.sessions, found, strict=True)}


def conclude(run: Run, found: Mapping[str, Any]) -> None:
    """Print all errors but the first, and raise that one; nothing where there is none."""
    errors = [each for each in found.values() if isinstance(each, SelvedgeError)]
    for error in errors[1:]:
        run.report.error(error)
    if errors:
        raise errors[0]
