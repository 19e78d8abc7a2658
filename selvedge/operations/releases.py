"""`fab releases` and `fab history`: what was released when, by whom, and how it ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.each_host import Reading, conclude, gather
from selvedge.operations.output import document, shorten, table, when
from selvedge.release.live import Record, Standing
from selvedge.run import Run
from selvedge.shell import assign
from selvedge.value import dataclass

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
        document(run.report, {name: _plain(run, name, standing) for name, standing in found.items()})
    else:
        rows = [
            [name, record.id, _state(standing, record), record.commit[:12], shorten(record.subject, SUBJECT),
             shorten(record.author, BY), when(record.at), shorten(record.by, BY), record.seconds]
            for name, standing in found.items() if not isinstance(standing, SelvedgeError)
            for record in reversed(standing.records)
        ]  # fmt: skip
        if rows:
            titles = ("host", "release", "state", "commit", "subject", "author", "when (UTC)", "by", "s")
            table(run.report, titles, rows, COLORS, long="subject")
        for name, standing in found.items():
            if isinstance(standing, Standing) and not standing.records:
                run.report.line(f"{name}: nothing was released there yet. `fab -H {name} deploy` does.")
    conclude(run, found)


def read(session: Session) -> Standing:
    """What is on a server; an instance that never became live has the time of its state, and what git knows of it."""
    paths = session.target.paths
    variables = assign(base=paths.base, run_dir=paths.run, repo=paths.repo)
    fact = session.facts([Reading(f"{variables}\nlive_fact\nreleases_unrecorded", ("standing", "releases"))])[0]
    lines = fact.splitlines()
    standing = Standing.parse("\n".join(line for line in lines if not line.startswith(_UNRECORDED)))
    known = dict(_unrecorded(line) for line in lines if line.startswith(_UNRECORDED))
    records = [replace(record, **known.get(record.id, {})) for record in standing.records]
    return replace(standing, records=tuple(sorted(records, key=lambda record: record.at)))


def _unrecorded(line: str) -> tuple[str, dict[str, str]]:
    release, at, commit, author, subject = [*line.removeprefix(_UNRECORDED).split("\t", 4), "", "", ""][:5]
    return release, {"at": at, "commit": commit or release.partition("-")[0], "author": author, "subject": subject}


def _state(standing: Standing, record: Record) -> str:
    if record.id == standing.live:
        return "live" if standing.listening else "live, down"
    return "rolled back" if record.state == "left" else record.state


def _plain(run: Run, name: str, standing: Standing | SelvedgeError) -> dict[str, Any]:
    if isinstance(standing, SelvedgeError):
        return {"error": str(standing)}
    app = next(session.target.name for session in run.fleet.sessions if session.name == name)
    listed = [
        {
            "release": record.id,
            "state": "live" if record.id == standing.live else _state(standing, record),
            "commit": record.commit,
            "subject": record.subject,
            "author": record.author,
            "at": record.at or None,
            "by": record.by or None,
            "seconds": int(record.seconds) if record.seconds.isdecimal() else None,
        }
        for record in reversed(standing.records)
    ]
    return {"app": app, "live": standing.live or None, "answering": standing.listening, "releases": listed}


@dataclass(frozen=True)
class Event:
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
        shell = f"{assign(base=session.target.paths.base)}\nreleases_history {lines}"
        return [Event.parse(line) for line in session.facts([Reading(shell, ("releases",))])[0].splitlines() if line]

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
