"""`fab releases`: the releases on each server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError
from selvedge.operations.support.each_host import on_each_host, raise_first_error
from selvedge.operations.support.tables import print_json, print_table
from selvedge.operations.support.text import when
from selvedge.release.record import Record, Releases
from selvedge.report.text import Style
from selvedge.resources.base import Ask
from selvedge.run import Run
from selvedge.shell.library import call

STYLES: dict[str, Style] = {
    "live": "green", "live, down": "red", "bad": "red", "rolled back": "yellow", "building": "yellow", "draining": "yellow",
}  # fmt: skip
TITLES = ("host", "release", "state", "commit", "subject", "author", "when (UTC)", "by", "s")
SECONDARY = ("s", "commit", "by", "author")
"""The columns that a narrow terminal leaves out, the first of them first."""
_UNRECORDED = "unrecorded "


def releases(run: Run, *, as_json: bool = False) -> None:
    """Print every release on each host, the newest first, as a table or as one JSON document.

    Raises UnreachableError or SelvedgeError for the first host that could not be read, after printing the others.
    """
    found = on_each_host(run, _read)
    if as_json:
        targets = {session.name: session.target for session in run.fleet.sessions}
        print_json(run.report, {name: _as_json(targets[name], each) for name, each in found.items()})
    else:
        _print_table(run, {name: each for name, each in found.items() if isinstance(each, Releases)})
    raise_first_error(run, found)


def _read(session: Session) -> Releases:
    """Return the releases on a server. One that never became live has the time of its state, and its commit from git."""
    fact = session.read([Ask(call("releases_all", given=session.target.shell_values))])[0]
    lines = fact.splitlines()
    found = Releases.parse("\n".join(line for line in lines if not line.startswith(_UNRECORDED)))
    known = dict(_unrecorded(line) for line in lines if line.startswith(_UNRECORDED))
    records = [replace(record, **known.get(record.id, {})) for record in found.records]
    return replace(found, records=tuple(sorted(records, key=lambda record: record.at)))


def _unrecorded(line: str) -> tuple[str, dict[str, str]]:
    release, at, commit, author, subject = [*line.removeprefix(_UNRECORDED).split("\t", 4), "", "", ""][:5]
    return release, {"at": at, "commit": commit or release.partition("-")[0], "author": author, "subject": subject}


def _print_table(run: Run, found: dict[str, Releases]) -> None:
    rows = [
        [name, record.id, _state(each, record), record.commit[:12], record.subject, record.author, when(record.at), record.by,
         record.seconds]
        for name, each in found.items()
        for record in reversed(each.records)
    ]  # fmt: skip
    if rows:
        print_table(run.report, TITLES, rows, STYLES, long="subject", secondary=SECONDARY)
    for name, each in found.items():
        if not each.records:
            run.report.line(f"{name}: no releases yet. Run `fab -H {name} deploy`.")


def _state(found: Releases, record: Record) -> str:
    if record.id == found.live:
        return "live" if found.listening else "live, down"
    if record.id in found.draining:
        return "draining"
    return "rolled back" if record.state == "left" else record.state


def _as_json(app: Target, found: Releases | SelvedgeError) -> dict[str, Any]:
    if isinstance(found, SelvedgeError):
        return {"error": str(found)}
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
    return {"app": app.name, "live": found.live or None, "answering": found.listening, "releases": listed}
