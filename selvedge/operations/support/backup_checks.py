"""Checks of an app's backups: when the last one was taken, whether it failed, whether it can be restored."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.config.target import Target
from selvedge.operations.support.check_results import CheckResult, ok, problem, warning
from selvedge.operations.support.host_status import HostStatus
from selvedge.operations.support.text import duration
from selvedge.resources.restores import HALF, chosen_flag, repair

USUAL_PERIOD = 4 * 86400
"""Seconds from one backup to the next, if the server does not know them."""
LATE = 12 * 3600
"""Seconds that a backup may take. One that failed is reported at once; two that were missed make the last one old."""


def check_backups(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    """Check the backups of an app with `backup.to`."""
    host = app.host.name
    if "backup-timer" not in status.facts:
        yield warning("backup", "backups are not set up on the server", f"Run `fab -H {host} backup`.")
        return
    # No backup is taken of half restored data.
    take = f"{'Finish the restore, then run' if 'backup-half' in status.facts else 'Run'} `fab -H {host} backup`."
    named = chosen_flag(_words(status, "backup-stopped"))
    again = f"Run `fab -H {host} restore --live{named}` again, or `fab -H {host} start`: the data is that from before the restore."
    start = f"Run `fab -H {host} start`, and `fab -H {host} logs` if it does not."
    for fact, text, remedy in (
        ("backup-half", HALF, repair(app, _words(status, "backup-half"))),
        ("backup-closed", "a restore was interrupted before it let the other servers in", f"Run `fab -H {host} postgres`."),
        ("backup-stopped", "a restore was interrupted before it replaced data, and the app is stopped", again),
        ("backup-unstarted", "a restore has replaced the data, and the app has not started since", start),
    ):
        if fact in status.facts:
            yield problem("backup", text, remedy)
    good, failed = _age(status, "backup-good"), _age(status, "backup-failed")
    if failed is not None:
        yield problem("backup", f"failed {duration(failed)} ago: {_words(status, 'backup-failed')}", take)
    if good is None:
        if failed is None:
            yield warning("backup", "no backup was taken yet", take)
    elif (place := _words(status, "backup-good", 3)) and place != app.backup_repository:
        text = f"none was taken to {app.backup_repository} yet: the last good one, {duration(good)} old, is in {place}"
        yield warning("backup", text, take)
    elif app.backup.schedule and good > 2 * _period(status) + LATE and failed is None:
        yield warning("backup", f"the last one is {duration(good)} old", take)
    else:
        yield ok("backup", f"the last good one is {duration(good)} old")
    timer = _words(status, "backup-timer", 0)
    if app.backup.schedule and timer != "active":
        remedy = f"Run `fab -H {host} {'postgres' if app.has_only_database else 'supervisor'}`, which enables it."
        yield problem("backup", f"its timer is {timer or 'missing'}", remedy)
    if (unrehearsed := _age(status, "backup-unrehearsed")) is not None:
        text = f"the rehearsal of a restore failed {duration(unrehearsed)} ago: {_words(status, 'backup-unrehearsed')}"
        yield problem("backup", text, f"Run `fab -H {host} backup --rehearse`.")


def _period(status: HostStatus) -> float:
    """Return the longest time from one scheduled backup to the next, in seconds."""
    return next(iter(status.numbers("backup-period", 1) or ()), USUAL_PERIOD)


def _age(status: HostStatus, fact: str) -> float | None:
    """Return the seconds since the time that begins a fact, None without the fact."""
    found, now = status.numbers(fact, 1), status.numbers("now", 1)
    return now[0] - found[0] if found and now else None


def _words(status: HostStatus, fact: str, start: int = 1) -> str:
    return " ".join(status.facts.get(fact, [])[start:])
