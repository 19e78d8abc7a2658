"""What a run has led to, for its page (`--report`): the live release of each host, and the commits between the two releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from selvedge.engine.fleet import Fleet
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError
from selvedge.release.live import Live, releases_query
from selvedge.release.record import Record, Releases
from selvedge.report.text import visible
from selvedge.resources.base import Ask
from selvedge.shell.library import call
from selvedge.value import Value

COMMITS = 50
"""The most commits that a page lists."""
_FORMAT = "%h%x09%aI%x09%an%x09%s"


class Commit(Value):
    """A commit. at: the author's time, ISO 8601."""

    id: str
    at: str
    author: str
    subject: str

    @classmethod
    def parse(cls, line: str) -> Commit:
        """Read a line of git log in _FORMAT."""
        return cls(*[*line.split("\t", 3), "", "", ""][:4])


class Outcome(Value):
    """A host after a run.

    before, after: the live releases, "" for none, None if unknown. record: that of `after`. listening: whether it answers.
    wanted: the release or commit that the run had to make live, "" if none. commits: those between the two, the newest first.
    problem: why the host could not be read. runs_app: False for a host that only balances, or has only the database.
    """

    host: str
    before: str | None = None
    after: str | None = None
    record: Record | None = None
    listening: bool = True
    wanted: str = ""
    commits: tuple[Commit, ...] = ()
    problem: str = ""
    runs_app: bool = True


def outcome_of_plans(session: Session, items: Sequence[Any]) -> Outcome:
    """Return what is known without a further reading: the host is as it was when it was planned."""
    if not session.target.runs_here:
        return Outcome(session.name, "", "", runs_app=False)
    for resource, fact in (pair for item in items for pair in zip(item.resources, item.facts, strict=False)):
        if isinstance(resource, Live):
            found = Releases.parse(fact)
            record = found.record(found.live)
            return Outcome(session.name, found.live, found.live, record, found.listening, resource.instance)
    return Outcome(session.name, wanted=session.release.commit if any(item.step.needs_commit for item in items) else "")


def read_outcomes(fleet: Fleet, plans: Mapping[str, Sequence[Any]], *, backwards: bool) -> list[Outcome]:
    """Read the hosts, each by one exec and all at once; hosts without a connection are unknown.

    plans: the steps of each host, as they were planned before the first change. backwards: the run goes back to an earlier release.
    """

    def read(session: Session) -> Outcome:
        known = outcome_of_plans(session, plans.get(session.name, ()))
        if not known.runs_app:
            return known
        if not session.remote.is_connected:
            return Outcome(session.name, known.before, None, wanted=known.wanted, problem="there is no connection to it")
        old, new = (known.before or "")[:12], known.wanted[:12]
        queries = [Ask(releases_query(session.target))]
        if old and new and old != new:
            pair = (new, old) if backwards else (old, new)
            shell = call("releases_commits", *pair, str(COMMITS + 1), _FORMAT, given=session.target.shell_values)
            queries.append(Ask(shell))
        try:
            fact, *lines = map(visible, session.read(queries))
        except SelvedgeError as error:
            return Outcome(session.name, known.before, None, wanted=known.wanted, problem=error.message)
        found = Releases.parse(fact)
        commits = tuple(Commit.parse(line) for line in lines[0].splitlines() if line) if lines else ()
        return Outcome(
            session.name, known.before, found.live, found.record(found.live), found.listening, known.wanted, commits
        )  # fmt: skip

    return fleet.each(read)
