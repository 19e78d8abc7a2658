"""Ports that a program will listen on."""

from __future__ import annotations

import re

from selvedge.resources.base import Change, Resource


class Port(Resource):
    """A TCP port that is free, or used by `program` (the name of its systemd service and process).

    The change only fails, and never stops another program: a step that begins with this resource changes nothing.
    """

    number: int
    program: str

    def probe(self) -> str:
        return f"ss -H -l -n -t -p 'sport = :{self.number}' || true"

    def plan(self, fact: str) -> Change | None:
        if "LISTEN" not in fact:
            return None
        found = [(name, int(pid)) for name, pid in re.findall(r'\("([^"]+)",pid=([0-9]+)', fact)]
        # The lowest process id of each program: the process that started the workers.
        holders = dict(sorted(found, reverse=True))
        if self.program in holders:
            return None
        named = " and ".join(f"{name} (process {pid})" for name, pid in holders.items()) or "an unknown program"
        first = next(iter(holders), "")
        stop = f"If you do not need {first}, stop it on the server: `sudo systemctl disable --now {first}`." if first else ""
        problem = f"Port {self.number}, which {self.program} needs, is in use by {named}. Nothing was changed."
        return Change.refused(
            f"check that port {self.number} is free for {self.program}",
            problem,
            remedy=f"{stop or 'Free the port on the server.'} Then run the same command again.",
        )
