"""The clock of the server."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource


class TimeSync(Resource):
    """A service synchronizes the clock: an existing one, or else systemd's own."""

    def probe(self) -> str:
        return "clock_fact"

    def plan(self, fact: str) -> Change | None:
        if fact.strip():
            return None
        shell = "apt_install systemd-timesyncd\nservice_run 'enable --now' systemd-timesyncd.service"
        return Change("synchronize the clock with systemd-timesyncd", shell)
