"""`fab releases` and `fab history`: what was released when, by whom, and how it ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.each_host import conclude, gather
from selvedge.operations.output import document, shorten, table, when
from selvedge.release.record import Record, Releases
from selvedge.resources.base import Ask
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.value import Value

COLORS = {"live": "green", "live, down": "red", "bad": "red", "rolled back": "yellow", "building": "yellow"}
SUBJECT, BY = 48, 24
"""Columns of a terminal that a subject and a person get."""
_UNRECORDED = "unrecorded "


def releases(run: Run, *, as_json: bool = False) -> None:
    """Print every release that is on each host of the run, the newest first; as a table, or as one JSON document.

    Raises UnreachableError or SelvedgeError for the first host that cannot be read, after the others were printed.
    """
    found = gather(run, read)
    if as_json:
        document(run.report, {name: _plain(run, name, each) for name, each in found.items()})
    else:
        rows = [
            [name, record.id, _state(each, record), record.commit[:12], shorten(record.subject, SUBJECT),
             shorten(record.author, BY), when(record.at), shorten(record.by, BY), record.seconds]
            for name, each in found.items() if not isinstance(each, SelvedgeError)
            for record in reversed(each.records)
        ]  # fmt: skip
        if rows:
            titles = ("host", "release", "state", "commit", "subject", "author", "when (UTC)", "by", "s")
            table(run.report, titles, rows, COLORS, long="subject")
        for name, each in found.items():
            if isinstance(each, Releases) and not each.records:
                run.report.line(f"{name}: nothing was released there yet. `fab -H {name} deploy` does.")
    conclude(run, found)


def read(session: Session) -> Releases:
    """What is on a server; an instance that never became live has the time of its state, and what git knows of it."""
    fact = session.read([Ask(call("releases_all", given=session.target.shell_values))])[0]
    lines = fact.splitlines()
    found = Releases.parse("\n".join(line for line in lines if not line.startswith(_UNRECORDED)))
    known = dict(_unrecorded(line) for line in lines if line.startswith(_UNRECORDED))
    records = [replace(record, **known.get(record.id, {})) for record in found.records]
    return replace(found, records=tuple(sorted(records, key=lambda record: record.at)))


def _unrecorded(line: str) -> tuple[str, dict[str, str]]:
    release, at, commit, author, subject = [*line.removeprefix(_UNRECORDED).split("\t", 4), "", "", ""][:5]
    return release, {"at": at, "commit": commit or release.partition("-")[0], "author": author, "subject": subject}


def _state(found: Releases, record: Record) -> str:
    if record.id == found.live:
        return "live" if found.listening else "live, down"
    return "rolled back" if record.state == "left" else record.state


def _plain(run: Run, name: str, found: Releases | SelvedgeError) -> dict[str, Any]:
    if isinstance(found, SelvedgeError):
        return {"error": str(found)}
    app = next(session.target.name for session in run.fleet.sessions if session.name == name)
    listed = [
        {
            "release": record.id,
            "state": "live" if record.id == found.live else _state(found, record),
            "commit": record.commit,
            "subject": record.subject,
            "author": record.author,
            "at": record.at or None,
            "by": record.by or None,
            "seconds": int(record.seconds) if record.seconds.isdecimal() else None,
        }
        for record in reversed(found.records)
    ]
    return {"app": app, "live": found.live or None, "answering": found.listening, "releases": listed}


class Event(Value):
    """A line of the history. at: UTC, ISO 8601. why: deploy, rollback, restart, …; old: "-" where there was none."""

    at: str
    by: str
    why: str
    old: str
    new: str
    result: str

    @classmethod
    def parse(cls, line: str) -> Event:
        """A line as the server has it; what a shorter one lacks is empty."""
        return cls(*[*line.split("\t", 5), "", "", "", "", ""][:6])


def history(run: Run, *, lines: int, as_json: bool = False) -> None:
    """Print the last lines of each host's history, the newest last; as a table, or as one JSON document.

    Raises UsageError where `lines` is not positive, else as `releases`.
    """
    if lines < 1:
        raise UsageError("--lines must be a number of at least 1.")

    def read_events(session: Session) -> list[Event]:
        history = call("releases_history", str(lines), given=session.target.shell_values)
        return [Event.parse(line) for line in session.read([Ask(history)])[0].splitlines() if line]

    found = gather(run, read_events)
    if as_json:
        document(run.report, {
            name: {"error": str(events)} if isinstance(events, SelvedgeError) else [vars(event) for event in events]
            for name, events in found.items()
        })  # fmt: skip
    else:
        _show(run, {name: events for name, events in found.items() if not isinstance(events, SelvedgeError)})
    conclude(run, found)


def _show(run: Run, found: dict[str, list[Event]]) -> None:
    rows = [
        [name, when(event.at), event.by, event.why, event.old, event.new, event.result]
        for name, events in found.items()
        for event in events
    ]
    if rows:
        titles = ("host", "when (UTC)", "by", "why", "from", "to", "result")
        table(run.report, titles, rows, {"good": "green"}, "result")
    for name, events in found.items():
        if not events:
            run.report.line(f"{name}: its history is empty. Each run that changes something there adds to it.")
