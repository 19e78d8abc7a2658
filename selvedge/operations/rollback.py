"""`fab rollback` and `fab restart`: make an earlier release, or a copy of the live one, live."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.errors import SelvedgeError
from selvedge.operations.database_check import Intent, check_database
from selvedge.operations.support.text import when
from selvedge.release.hooks import after_switch
from selvedge.release.live import Live, releases_query
from selvedge.release.record import Record, Releases, original
from selvedge.resources.base import Ask, Resource
from selvedge.resources.nginx.maintenance import MaintenanceNoted, maintained_sites
from selvedge.resources.restores import NotHalfRestored
from selvedge.resources.timers import TimersRunning
from selvedge.run import Run
from selvedge.shell.quoting import quote
from selvedge.task import Step
from selvedge.value import Value

_TAKEN = r"""
for file in instances/*/backup; do
  [ -f "$file" ] || continue
  instance=${file%/backup}
  printf '%s %s %s\n' "$(date -u -r "$file" +%Y-%m-%dT%H:%M:%SZ)" "${instance##*/}" "$(cat "$file")"
done
awk -F '\t' '$4 == "deploy" && $6 ~ /^[0-9a-f]/ { print $1, $6 }' history 2>/dev/null || :"""
"""Shell that prints the backups from before migrations, and the deploys, for `TakenBackup.parse`."""


def choose_release(host: str, releases: Releases, to: str = "") -> Record:
    """Return the release to roll back to: the last good one before the live one, or the newest one whose id begins with `to`.

    Raises SelvedgeError if there is none, or if that release never became live or is already live.
    """
    if not releases.live:
        raise SelvedgeError(
            f"{host}: there is no live release to roll back from.", f"Run `fab -H {host} deploy` first."
        )
    listing = f"Run `fab -H {host} releases` to see all releases."
    if to:
        named = [record for record in releases.records if record.id.startswith(to)]
        if not named:
            raise SelvedgeError(f"{host}: the server has no release {to}.", listing)
        good = [record for record in named if record.was_live]
        if not good:
            raise SelvedgeError(f"{host}: the release {named[-1].id} is {named[-1].state}: it never became live.", listing)
        if good[-1].id == releases.live:
            raise SelvedgeError(f"{host}: the release {good[-1].id} is already live.", listing)
        return good[-1]
    live = releases.record(releases.live)
    before = [
        record
        for record in releases.records
        if record.state == "good" and original(record.id) != original(releases.live)
        # If the run was interrupted after the switch, the live release has no time.
        and (live is None or not live.at or record.at <= live.at)
    ]
    if not before:
        left = [each for each in releases.records if each.state == "left" and original(each.id) != original(releases.live)]
        if left:
            listing = (
                f"`fab -H {host} rollback --to RELEASE` also accepts a release in the state \"rolled back\". The newest one: "
                f"`fab -H {host} rollback --to {left[-1].id}`."
            )
        raise SelvedgeError(f"{host}: there is no good release to roll back to.", listing)
    return before[-1]


def roll_back(run: Run, to: str, *, keep: bool, downgrade: bool, flags: Mapping[str, Any]) -> None:
    """Make an earlier release live on every host of the run. Raises SelvedgeError before anything is changed."""
    run = run.of_app()
    found = _locked_releases(run, "fab rollback", flags)
    chosen = {host: choose_release(host, releases, to) for host, releases in found.items()}
    for host, record in chosen.items() if not flags.get("script") else ():
        run.report.step(host, "rollback", f"to {record.id} ({record.subject or 'no subject'}, live on {when(record.at)} UTC)")
    _name_backups(run, chosen, flags)
    intent = Intent(keep, downgrade, dry=_changes_nothing(flags), quiet=bool(flags.get("script")))
    for session in run.fleet.sessions:
        check_database(session, found[session.name], chosen[session.name], intent)
    run.chain([_switch("rollback", chosen, downgraded=downgrade)], flags)


def restart(run: Run, flags: Mapping[str, Any]) -> None:
    """Start a copy of the live release on every host, and switch to it. Raises SelvedgeError."""
    run, copies = run.of_app(), {}
    for host, releases in _locked_releases(run, "fab restart", flags).items():
        if not releases.live:
            raise SelvedgeError(f"{host}: there is no live release to restart.", f"Run `fab -H {host} deploy` first.")
        live = releases.record(releases.live) or Record(releases.live, "good")
        copies[host] = replace(live, id=next_copy(releases))
    run.chain([_switch("restart", copies)], flags)


def next_copy(releases: Releases) -> str:
    """Return the name of the next copy of the live release: "…r1", "…r2", without those that run, or in which a timer runs."""
    first, _, number = releases.live.partition("r")
    names = (f"{first}r{count}" for count in itertools.count(int(number or 0) + 1))
    return next(name for name in names if name not in (*releases.running, *releases.draining, *releases.timed))


class TakenBackup(Value):
    """A backup from before a migration (backup.before_migrate). at: UTC, ISO 8601. release: the one that migrated."""

    at: str
    release: str
    id: str = ""

    @classmethod
    def parse(cls, fact: str) -> list[TakenBackup]:
        """Read lines of time, release and backup; without a backup, of a deploy that the history has."""
        return sorted((cls(*line.split()) for line in fact.splitlines()), key=lambda each: each.at)


def backup_of(to: Record, taken: Sequence[TakenBackup]) -> tuple[TakenBackup | None, str]:
    """Return the backup with the data that a release has left: the first one that was taken after the release was live.

    taken: backups and deploys. Returns, too, a release that was deployed in between, "" for none: its backup is not known any more.
    """
    after = [each for each in taken if each.at > to.at and original(each.release) != original(to.id)]
    found = next((each for each in after if each.id), None)
    before = after[: after.index(found)] if found else []
    return found, before[0].release if before else ""


def _name_backups(run: Run, chosen: Mapping[str, Record], flags: Mapping[str, Any]) -> None:
    """Print the backup that has the data which each chosen release knows."""
    sessions = [session for session in run.fleet.sessions if session.target.backup.before_migrate]
    if flags.get("script") or not sessions:
        return

    def read(session: Session) -> str:
        return session.read([Ask(f"cd {quote(session.target.paths.base)} 2>/dev/null || exit 0\n{_TAKEN}")])[0]

    for session, fact in zip(sessions, run.fleet.each(read, sessions), strict=True):
        name, to = session.name, chosen[session.name]
        found, lost = backup_of(to, TakenBackup.parse(fact))
        if found:
            back = f"`fab -H {name} restore --live --snapshot {found.id}`"
            run.report.step(name, "rollback", f"  the data before the migration of {found.release} is in a backup: {back}")
        if lost:
            run.report.step(name, "rollback", f"  {lost} was deployed before that, so the backup may have its migration")


def _changes_nothing(flags: Mapping[str, Any]) -> bool:
    return bool(flags.get("dry_run") or flags.get("script"))


def _locked_releases(run: Run, doing: str, flags: Mapping[str, Any]) -> dict[str, Releases]:
    """Return the releases on each host by its name. If the run may change something, take the locks before the reading."""
    if not _changes_nothing(flags):
        run.fleet.lock(doing, int(flags.get("wait") or 0))
    return {name: Releases.parse(fact) for name, fact in read_releases(run).items()}


def read_releases(run: Run) -> dict[str, str]:
    """Return the facts about the releases on each host by its name. Raises SelvedgeError if the data of one is half restored."""

    def read(session: Session) -> str:
        whole = NotHalfRestored.of(session.target)
        fact, *marks = session.read([Ask(releases_query(session.app)), *([whole] if session.target.backup.to else [])])
        for mark in marks:
            whole.plan(mark)
        return fact

    return dict(zip((session.name for session in run.fleet.sessions), run.fleet.each(read), strict=True))


def _switch(why: str, chosen: Mapping[str, Record], *, downgraded: bool = False) -> Step:
    """Return a step that makes the chosen release of each host live."""

    def switch(app: Target) -> Iterator[Resource | Step]:
        release = chosen[app.host.name]
        yield Live(app, release.id, release.commit, forced=True, why=why, downgraded=downgraded)
        # The app may have been stopped.
        yield TimersRunning(app.name)
        yield from (MaintenanceNoted(site.name) for site in maintained_sites(app))
        yield from after_switch(app, release.id, release.commit, why)

    return Step(switch, name=why, phase="switch")
