"""Work on all hosts of a run at once, where an error on one does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.report.text import Part, Styled
from selvedge.run import Run

T = TypeVar("T")


def on_each_host(run: Run, work: Callable[[Session], T], *, endless: bool = False) -> dict[str, T | SelvedgeError]:
    """Call `work` for all hosts at once; return its result or its error, by the host's name. endless: it has no end."""

    def attempt(session: Session) -> T | SelvedgeError:
        try:
            return work(session)
        except SelvedgeError as error:
            return error

    results = run.fleet.each(attempt, endless=endless)
    return {session.name: result for session, result in zip(run.fleet.sessions, results, strict=True)}


def only_host(run: Run, command: str) -> Session:
    """Return the only host of the run. Raises UsageError, which names the command, if there are several."""
    names = [session.name for session in run.fleet.sessions]
    if len(names) != 1:
        remedy = f"Select one: `fab -H {names[0]} {command}`."
        raise UsageError(f"fab {command} connects to one server, but {len(names)} are selected: {', '.join(names)}.", remedy)
    return run.fleet.sessions[0]


def nothing_live(host: str) -> SelvedgeError:
    """Return the error for a host on which nothing is live."""
    return SelvedgeError(f"{host}: no release is live.", f"Run `fab -H {host} deploy` first.")


def raise_first_error(run: Run, results: Mapping[str, Any]) -> None:
    """Raise the first error among the results, after printing the other errors."""
    errors = [result for result in results.values() if isinstance(result, SelvedgeError)]
    for error in errors[1:]:
        run.report.error(error)
    if errors:
        raise errors[0]


def line_prefix(run: Run, host: str) -> Part:
    """Return the text that begins each line of a host's output: its name in a column, or "" if the run has one host."""
    names = [session.name for session in run.fleet.sessions]
    if len(names) == 1:
        return ""
    return Styled(f"{host.ljust(max(map(len, names)))}  ", "blue")
