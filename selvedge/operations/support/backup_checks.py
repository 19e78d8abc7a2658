"""Checks of an app's backups: when the last one was taken, whether it failed, whether it can be restored."""

from __future__ import annotations

from collections.abc import Iterator

from selvedge.config.target import Target
from selvedge.operations.support.check_results import CheckResult, ok, problem, warning
from selvedge.operations.support.host_status import HostStatus
from selvedge.operations.support.text import duration

OLD_DAYS = 8
"""Days after which the last backup is old, unless `backup.schedule` is empty."""


def check_backups(app: Target, status: HostStatus) -> Iterator[CheckResult]:
    """Check the backups of an app with `backup.to`."""
    host = app.host.name
    if "backup-timer" not in status.facts:
        yield warning("backup", "backups are not set up on the server", f"Run `fab -H {host} backup`.")
        return
    for fact, text, marks in (
        ("backup-half", "a restore was interrupted, and has replaced only a part of the live data", "half-restored stopped"),
        ("backup-stopped", "a restore was interrupted, and has not run to its end since", "stopped"),
    ):
        if fact in status.facts:
            remove = " ".join(["sudo rm -f", *(f"{app.paths.backup}/state/{mark}" for mark in marks.split())])
            remedy = f"Run the same `fab -H {host} restore --live` again. If the data is right as it is: `{remove}` on the server."
            yield problem("backup", text, remedy)
    good, failed = _age(status, "backup-good"), _age(status, "backup-failed")
    if failed is not None:
        yield problem("backup", f"failed {duration(failed)} ago: {_words(status, 'backup-failed')}", f"Run `fab -H {host} backup`.")
    if good is None:
        if failed is None:
            yield warning("backup", "no backup was taken yet", f"Run `fab -H {host} backup`.")
    elif app.backup.schedule and good > OLD_DAYS * 86400 and failed is None:
        yield warning("backup", f"the last one is {duration(good)} old", f"Run `fab -H {host} backup`.")
    else:
        yield ok("backup", f"the last good one is {duration(good)} old")
    timer = _words(status, "backup-timer", 0)
    if app.backup.schedule and timer != "active":
        remedy = f"Run `fab -H {host} supervisor`, which enables it."
        yield problem("backup", f"its timer is {timer or 'missing'}", remedy)
    if (unrehearsed := _age(status, "backup-unrehearsed")) is not None:
        text = f"the rehearsal of a restore failed {duration(unrehearsed)} ago: {_words(status, 'backup-unrehearsed')}"
        yield problem("backup", text, f"Run `fab -H {host} backup --rehearse`.")


def _age(status: HostStatus, fact: str) -> float | None:
    """Return the seconds since the time that begins a fact, None without the fact."""
    found, now = status.numbers(fact, 1), status.numbers("now", 1)
    return now[0] - found[0] if found and now else None


def _words(status: HostStatus, fact: str, start: int = 1) -> str:
    return " ".join(status.facts.get(fact, [])[start:])
