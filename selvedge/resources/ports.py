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
        named = " and ".join(f"{name} (process {pid})" for name, pid in holders.items()) or "a program unknown to ss"
        stop = f"If it may go, e.g. `systemctl disable --now {next(iter(holders))}` there" if holders else "Free it"
        problem = f"port {self.number}, which {self.program} needs, is held by {named}. Nothing was changed."
        return Change.refused(
            f"have port {self.number} free for {self.program}",
            problem,
            remedy=f"{stop}; then run this again.",
        )
