"""Restores of an app's data that were cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selvedge.errors import SelvedgeError
from selvedge.paths import Paths
from selvedge.resources.base import Change, Resource
from selvedge.shell.library import call

if TYPE_CHECKING:
    from selvedge.config.target import Target

HALF_MARK = "state/half-restored"
HALF = "a restore was interrupted, and has replaced only a part of the live data"


def repair(app: Target) -> str:
    """Return what to do about a restore that has replaced only a part of the data."""
    host, mark = app.host.name, f"{app.paths.backup}/{HALF_MARK}"
    flags, then = "--live", f"`fab -H {host} start`"
    # PostgreSQL rejects the other servers meanwhile (server/backup/network.py), and `postgres` lets them in.
    if app.has_only_database:
        flags, then = "--live --app-stopped", f"`fab -H {host} postgres` and `fab -H {app.services.clients} deploy`"
    elif app.database and app.database.here:
        flags, then = "--live --app-stopped", f"`fab -H {host} postgres start`"
    again = f"Run the same `fab -H {host} restore {flags}` again."
    return f"{again} If you have repaired the data yourself: `sudo rm {mark}` on the server, then {then}."


def half_restored(app: Target) -> SelvedgeError:
    """Return the error for a command that would run the app on half restored data."""
    return SelvedgeError(f"{app.host.name}: {HALF}.", repair(app))


class NotHalfRestored(Resource):
    """No restore has replaced only a part of the data of the app. A run that would build, migrate or start it stops before that.

    host: the server's name. remedy: what to do otherwise.
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
        if fact.strip() == "half yes":
            raise SelvedgeError(f"{self.host}: {HALF}.", self.remedy)
        return None
