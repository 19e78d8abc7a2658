"""Restores of an app's data that were cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selvedge.errors import SelvedgeError
from selvedge.paths import Paths
from selvedge.resources.base import Change, Resource
from selvedge.shell.library import call
from selvedge.shell.quoting import quote

if TYPE_CHECKING:
    from selvedge.config.target import Target

HALF_MARK = "state/half-restored"
HALF = "a restore was interrupted, and has replaced only a part of the live data"


def chosen_flag(chosen: str) -> str:
    """Return the flag that names what a cut restore puts in place. chosen: a backup's short id, "file", or ""."""
    return " --from FILE" if chosen == "file" else f" --snapshot {chosen}" if chosen else ""


def half_query(app: str) -> str:
    """Return shell that prints the line for `half_of`, if there is one."""
    # No function: most apps have no backups, and their reading asks for this, too.
    found = r'/"whole": true/q; s/.*"chosen": "\([0-9a-z]*\)".*/half yes \1/p; t; s/.*/half yes/p'
    mark = f"{Paths(app).backup}/{HALF_MARK}"
    return f"printf '%s\\n' \"$(sed -n {quote(found)} {quote(mark)} 2>/dev/null)\""


def half_of(fact: str) -> str | None:
    """Return what a restore puts in place that has replaced only a part of the data, None without one."""
    found = next((line.split() for line in fact.splitlines() if line.startswith("half ")), None)
    return None if found is None else "".join(found[2:3])


def repair(app: Target, chosen: str = "") -> str:
    """Return what to do about a restore that has replaced only a part of the data. chosen: what it puts in place, if known."""
    host, mark = app.host.name, f"{app.paths.backup}/{HALF_MARK}"
    flags, then = "", f"`fab -H {host} start`"
    # PostgreSQL rejects the other servers meanwhile (server/backup/network.py), and `postgres` lets them in.
    if app.has_only_database:
        flags, then = " --app-stopped", f"`fab -H {host} postgres` and `fab -H {app.services.clients} deploy`"
    elif app.database and app.database.here:
        flags, then = " --app-stopped", f"`fab -H {host} postgres start`"
    again = f"Run the same `fab -H {host} restore --live{chosen_flag(chosen)}{flags}` again."
    return f"{again} If you have repaired the data yourself: `sudo rm {mark}` on the server, then {then}."


def half_restored(app: Target, chosen: str = "") -> SelvedgeError:
    """Return the error for a command that would run the app on half restored data."""
    return SelvedgeError(f"{app.host.name}: {HALF}.", repair(app, chosen))


class NotHalfRestored(Resource):
    """No restore has replaced only a part of the data of the app. A run that would build, migrate or start it stops before that.

    host: the server's name. remedy: what to do otherwise, without the name of the backup.
    """

    app: str
    host: str
    remedy: str

    @classmethod
    def of(cls, app: Target) -> NotHalfRestored:
        return cls(app.name, app.host.name, repair(app))

    def probe(self) -> str:
        return call("restoring_fact", app=self.app, base=Paths(self.app).base)

    def plan(self, fact: str) -> Change | None:
        """Raises SelvedgeError."""
        if fact.strip() == "half now":
            problem = f"{self.host}: a restore is running, and has replaced only a part of the live data."
            raise SelvedgeError(problem, "Run this command again when it has ended.")
        if (chosen := half_of(fact)) is not None:
            remedy = self.remedy.replace("restore --live", f"restore --live{chosen_flag(chosen)}", 1)
            raise SelvedgeError(f"{self.host}: {HALF}.", remedy)
        return None
