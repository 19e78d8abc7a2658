"""Who may become root, with or without a password."""

from __future__ import annotations

import re
from dataclasses import replace

from selvedge.resources.access.undo import UNDO
from selvedge.resources.base import Change, Guard, Resource, section, sections
from selvedge.resources.files import File
from selvedge.shell.quoting import quote


class Sudoers(Resource):
    """The rule that lets the user become root.

    mode: "nopasswd", or "password" for the user's own. text: the rule's file in sudoers.d.
    If the user has a rule already, "password" could lock the user out, so the change is guarded.
    """

    user: str
    mode: str
    text: str
    guard: Guard = UNDO

    @property
    def file(self) -> File:
        """The file in sudoers.d."""
        return File(f"/etc/sudoers.d/90-selvedge-{self.user}", self.text, mode="0440", validate="visudo -cqf")

    def paths(self) -> tuple[str, ...]:
        return self.file.paths()

    def hashed(self) -> tuple[str, ...]:
        return self.file.hashed()

    def probe(self) -> str:
        file = section("file", self.file.probe())
        if self.mode == "nopasswd":
            return file
        mine = quote(rf"^[[:space:]]*({re.escape(self.user)}|%sudo)[[:space:]]")
        return "\n".join([section("rules", f"grep -rEhs {mine} /etc/sudoers /etc/sudoers.d"), file])

    def plan(self, fact: str) -> Change | None:
        parts = sections(fact)
        change = self.file.plan(parts.get("file", "absent"))
        if change is None or not parts.get("rules", "").strip():
            return change
        return replace(change, shell=f"guard_touches sudo\n{change.shell}", guard=self.guard)


class Password(Resource):
    """The user has a password that sudo can ask for. Selvedge never sets it.

    For a user from another source (LDAP) this is unknown; the login after the change shows whether sudo works.
    """

    user: str

    def probe(self) -> str:
        return f"sudo_password_fact {quote(self.user)}"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "elsewhere" or fact.split()[1:2] == ["P"]:
            return None
        problem = f'server.sudo is "password", but {self.user} has no password. Logins and sudo were not changed.'
        remedy = (
            f"As root on the server, run `passwd {self.user}`. Then run the same command again with "
            "`--prompt-for-sudo-password` after `fab`."
        )
        return Change.refused(f"check that {self.user} has a password", problem, remedy=remedy)
