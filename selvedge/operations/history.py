"""`fab history`: the changes to each server, with their time, author and result."""

from __future__ import annotations

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.support.each_host import on_each_host, raise_first_error
from selvedge.operations.support.tables import print_json, print_table
from selvedge.operations.support.text import when
from selvedge.resources.base import Ask
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.value import Value

TITLES = ("host", "when (UTC)", "by", "why", "from", "to", "result")


class Event(Value):
    """A line of the history. at: UTC, ISO 8601. why: deploy, rollback, restart, … old: "-" if there was none."""

    at: str
    by: str
    why: str
    old: str
    new: str
    result: str

    @classmethod
    def parse(cls, line: str) -> Event:
        """Read a line of the file. Fields that a shorter line lacks are empty."""
        return cls(*[*line.split("\t", 5), "", "", "", "", ""][:6])


def history(run: Run, *, lines: int, as_json: bool = False) -> None:
    """Print the last lines of each host's history, the newest last, as a table or as one JSON document.

    Raises UsageError if `lines` is not positive; UnreachableError or SelvedgeError for the first host that could not be
    read, after printing the others.
    """
    if lines < 1:
        raise UsageError("--lines must be at least 1.", "For example: `fab history --lines 20`.")

    def read(session: Session) -> list[Event]:
        shell = call("releases_history", str(lines), given=session.target.shell_values)
        return [Event.parse(line) for line in session.read([Ask(shell)])[0].splitlines() if line]

    found = on_each_host(run, read)
    if as_json:
        print_json(run.report, {name: _as_json(events) for name, events in found.items()})
    else:
        _print_table(run, {name: events for name, events in found.items() if not isinstance(events, SelvedgeError)})
    raise_first_error(run, found)


def _as_json(events: list[Event] | SelvedgeError) -> object:
    return {"error": str(events)} if isinstance(events, SelvedgeError) else [vars(event) for event in events]


def _print_table(run: Run, found: dict[str, list[Event]]) -> None:
    rows = [
        [name, when(event.at), event.by, event.why, event.old, event.new, event.result]
        for name, events in found.items()
        for event in events
    ]
    if rows:
        print_table(run.report, TITLES, rows, {"good": "green"}, long="result", secondary=("from", "by"))
    for name, events in found.items():
        if not events:
            run.report.line(f"{name}: the history is empty. Each run that changes the server adds a line.")
