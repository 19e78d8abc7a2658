"""Which release a rollback goes back to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from selvedge.config.target import Target
from selvedge.errors import SelvedgeError
from selvedge.operations.support.text import when
from selvedge.release.database import check_rollback
from selvedge.release.live import Live, releases_query
from selvedge.release.record import Record, Releases
from selvedge.resources.base import Ask, Resource
from selvedge.run import Run
from selvedge.task import Step


def base(instance: str) -> str:
    """The instance that a restarted one ("…r1") was made from."""
    return instance.partition("r")[0]


def choose(host: str, releases: Releases, to: str = "") -> Record:
    """The record to go back to: the good release that was live before, or the newest one whose id begins with `to`.

    Raises SelvedgeError where there is none: none was good, the id is unknown, ambiguous, bad, or already live.
    """
    if not releases.live:
        raise SelvedgeError(
            f"{host}: nothing is live there, so there is nothing to go back from.", f"Run `fab -H {host} deploy` first."
        )
    listing = f"`fab -H {host} releases` lists them."
    if to:
        named = [record for record in releases.records if record.id.startswith(to)]
        if not named:
            raise SelvedgeError(f"{host}: there is no release {to} on the server any more.", listing)
        good = [record for record in named if record.state in ("good", "left")]
        if not good:
            raise SelvedgeError(f"{host}: {named[-1].id} is {named[-1].state}: it never became live.", listing)
        if good[-1].id == releases.live:
            raise SelvedgeError(f"{host}: {good[-1].id} is the live release already.", listing)
        return good[-1]
    live = releases.record(releases.live)
    before = [
        record
        for record in releases.records
        if record.state == "good" and base(record.id) != base(releases.live)
        # A run that was cut off behind the switch has not written when.
        and (live is None or not live.at or record.at <= live.at)
    ]
    if not before:
        raise SelvedgeError(f"{host}: there is no good release to go back to.", listing)
    return before[-1]


def roll_back(run: Run, to: str, *, keep: bool, downgrade: bool, flags: Mapping[str, Any]) -> None:
    """Make an earlier release live on every host of the run. Raises SelvedgeError before anything is changed."""
    changes_nothing = bool(flags.get("dry_run") or flags.get("script"))
    found = _locked_releases(run, "fab rollback", flags)
    chosen = {host: choose(host, releases, to) for host, releases in found.items()}
    for host, record in chosen.items() if not flags.get("script") else ():
        run.report.step(host, "rollback", f"to {record.id} ({record.subject or 'no subject'}, live on {when(record.at)} UTC)")
    for session in run.fleet.sessions:
        check_rollback(
            session,
            found[session.name],
            chosen[session.name],
            keep=keep or (downgrade and changes_nothing),
            downgrade=downgrade and not changes_nothing,
        )
    ids = {host: record.id for host, record in chosen.items()}
    run.chain([_switch("rollback", ids, downgraded=downgrade)], flags)


def restart(run: Run, flags: Mapping[str, Any]) -> None:
    """Start the live release of every host once more, as it is there, and switch to it. Raises SelvedgeError."""
    ids = {}
    for host, releases in _locked_releases(run, "fab restart", flags).items():
        if not releases.live:
            raise SelvedgeError(f"{host}: nothing is live there.", f"Run `fab -H {host} deploy` first.")
        first, _, number = releases.live.partition("r")
        ids[host] = f"{first}r{int(number or 0) + 1}"
    run.chain([_switch("restart", ids)], flags)


def _locked_releases(run: Run, doing: str, flags: Mapping[str, Any]) -> dict[str, Releases]:
    """Return the releases on each host, by its name; read under the lock unless the run changes nothing."""
    if not (flags.get("dry_run") or flags.get("script")):
        run.fleet.lock(doing, int(flags.get("wait") or 0))
    read = run.fleet.each(lambda session: session.read([Ask(releases_query(session.app))])[0])
    names = (session.name for session in run.fleet.sessions)
    return {name: Releases.parse(fact) for name, fact in zip(names, read, strict=True)}


def _switch(why: str, ids: Mapping[str, str], *, downgraded: bool = False) -> Step:
    """Return a step that makes the named release of each host live."""

    def switch(app: Target) -> Iterator[Resource | Step]:
        yield Live(app, ids[app.host.name], forced=True, why=why, downgraded=downgraded)

    return Step(switch, name=why, phase="switch")
