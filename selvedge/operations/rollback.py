"""Which release a rollback goes back to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from selvedge.config.settings import Target
from selvedge.errors import SelvedgeError
from selvedge.operations.output import when
from selvedge.release.database import check_rollback
from selvedge.release.live import Live, Record, Standing
from selvedge.resources.base import Resource
from selvedge.task import Step

if TYPE_CHECKING:
    from selvedge.run import Run


def base(instance: str) -> str:
    """The instance that a restarted one ("…r1") was made from."""
    return instance.partition("r")[0]


def choose(host: str, standing: Standing, to: str = "") -> Record:
    """The record to go back to: the good release that was live before, or the newest one whose id begins with `to`.

    Raises SelvedgeError where there is none: none was good, the id is unknown, ambiguous, bad, or already live.
    """
    if not standing.live:
        raise SelvedgeError(
            f"{host}: nothing is live there, so there is nothing to go back from.", f"Run `fab -H {host} deploy` first."
        )
    listing = f"`fab -H {host} releases` lists them."
    if to:
        named = [record for record in standing.records if record.id.startswith(to)]
        if not named:
            raise SelvedgeError(f"{host}: there is no release {to} on the server any more.", listing)
        good = [record for record in named if record.state in ("good", "left")]
        if not good:
            raise SelvedgeError(f"{host}: {named[-1].id} is {named[-1].state}: it never became live.", listing)
        if good[-1].id == standing.live:
            raise SelvedgeError(f"{host}: {good[-1].id} is the live release already.", listing)
        return good[-1]
    live = standing.record(standing.live)
    before = [
        record
        for record in standing.records
        if record.state == "good" and base(record.id) != base(standing.live)
        # A run that was cut off behind the switch has not written when.
        and (live is None or not live.at or record.at <= live.at)
    ]
    if not before:
        raise SelvedgeError(f"{host}: there is no good release to go back to.", listing)
    return before[-1]


def roll_back(run: Run, to: str, *, keep: bool, downgrade: bool, flags: Mapping[str, Any]) -> None:
    """Make an earlier release live on every host of the run. Raises SelvedgeError before anything is changed."""
    changes_nothing = bool(flags.get("dry_run") or flags.get("script"))
    if not changes_nothing:
        run.fleet.lock("fab rollback", int(flags.get("wait") or 0))
    standings = run.standings()
    chosen = {host: choose(host, standing, to) for host, standing in standings.items()}
    for host, record in chosen.items() if not flags.get("script") else ():
        run.report.step(host, "rollback", f"to {record.id} ({record.subject or 'no subject'}, live on {when(record.at)} UTC)")
    for session in run.fleet.sessions:
        there = chosen[session.name]
        downgrades = downgrade and not changes_nothing
        check_rollback(
            session, standings[session.name], there, keep=keep or (downgrade and changes_nothing), downgrade=downgrades
        )
    ids = {host: record.id for host, record in chosen.items()}
    run.step(_switch("rollback", ids, downgraded=downgrade), flags)


def start_anew(run: Run, flags: Mapping[str, Any]) -> None:
    """Start the live release of every host once more, as it is there, and switch to it. Raises SelvedgeError."""
    if not (flags.get("dry_run") or flags.get("script")):
        run.fleet.lock("fab restart", int(flags.get("wait") or 0))
    ids = {}
    for host, standing in run.standings().items():
        if not standing.live:
            raise SelvedgeError(f"{host}: nothing is live there.", f"Run `fab -H {host} deploy` first.")
        base, _, number = standing.live.partition("r")
        ids[host] = f"{base}r{int(number or 0) + 1}"
    run.step(_switch("restart", ids), flags)


def _switch(why: str, ids: Mapping[str, str], *, downgraded: bool = False) -> Step:
    """A step that makes the named release of each host live."""

    def switch(app: Target) -> Iterator[Resource | Step]:
        yield Live(app, ids[app.host.name], forced=True, why=why, downgraded=downgraded)

    return Step(switch, name=why, phase="switch")
