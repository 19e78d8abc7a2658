"""The undo of changes that could lock you out of a server: sshd, the firewall, sudo."""

from __future__ import annotations

from pathlib import Path

from selvedge.resources.base import Change, Guard, Resource
from selvedge.shell import library
from selvedge.shell.quoting import with_input

_SCRIPT = Path(library.__file__).parent / "server" / "undo.sh"
UNDO = Guard(with_input("guard_arm", _SCRIPT.read_text(encoding="utf-8")), "guard_revert", "guard_disarm")
"""Restores /etc/ssh, ufw and sudoers.d a minute after it was armed, unless a new login has succeeded by then."""


class NoPendingUndo(Resource):
    """No undo is pending.

    One that an interrupted run left armed is disarmed after a login, before it fires; one that a power failure interrupted
    is completed.
    """

    guard: Guard = UNDO

    def probe(self) -> str:
        return "guard_pending"

    def plan(self, fact: str) -> Change | None:
        if not fact.strip():
            return None
        return Change("test the changes of an interrupted run with a new login", ":", guard=self.guard)
