"""`fab history`: the changes to each server, with their time, author and result."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError, UsageError
from selvedge.operations.support.each_host import on_each_host, raise_first_error
from selvedge.operations.support.tables import print_json, print_table
from selvedge.operations.support.text import when
from selvedge.resources.base import Ask
from selvedge.run import Run
from selvedge.shell.library import call
from selvedge.value import Value

TITLES = ("host", "when (UTC)", "by", "why", "steps", "from", "to", "result")
_CHANGED = re.compile(r"([0-9]+) changed")


class Event(Value):
    """A line of the history: a step, or what became of a release.

    at: UTC, ISO 8601. run: the same for all events of one command line. why: deploy, rollback, restart, …, or a step's name.
    old, new: "-" if there was none, or for a step.
    """

    at: str
    run: str
    by: str
    why: str
    old: str
    new: str
    result: str

    @classmethod
    def parse(cls, line: str) -> Event:
        """Read a line of the file. Fields that a shorter line lacks are empty."""
        return cls(*[*line.split("\t", 6), "", "", "", "", "", ""][:7])

    @property
    def is_step(self) -> bool:
        """Whether it is only a step that changed something, and not a release."""
        return self.result == "failed" or bool(_CHANGED.fullmatch(self.result))


def table_row(events: Sequence[Event]) -> list[str]:
    """Return the row of a run: when, by, why, steps, from, to, result. events: at least one, all of the same run."""
    counts: dict[str, int] = {}
    for event in events:
        if event.is_step:
            found = _CHANGED.fullmatch(event.result)
            counts[event.why] = counts.get(event.why, 0) + (int(found[1]) if found else 0)
    steps = ", ".join(f"{name} {count}" if count else name for name, count in counts.items())
    last, others = events[-1], [event for event in events if not event.is_step]
    failed = next((event.result for event in reversed(events) if event.result == "failed"), "good")
    release = others[-1] if others else Event(last.at, last.run, last.by, "", "", "", failed)
    result = failed if release.result == "good" else release.result
    return [when(last.at), last.by, release.why, steps, release.old, release.new, result]


def history(run: Run, *, lines: int, as_json: bool = False) -> None:
    """Print the last runs of each host's history, the newest last: a table with a row for each, or one JSON document.

    lines: how many runs.

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
        [name, *table_row(list(group))]
        for name, events in found.items()
        for _, group in itertools.groupby(events, lambda event: event.run)
    ]
    if rows:
        print_table(run.report, TITLES, rows, {"good": "green"}, long="result", secondary=("from", "steps", "by"))
    for name, events in found.items():
        if not events:
            run.report.line(f"{name}: the history is empty. Each run that changes the server adds a line.")
