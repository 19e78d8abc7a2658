"""Users of the server."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource
from selvedge.shell.quoting import quote, words

ROOT_GROUPS = frozenset(("root", "sudo", "admin", "wheel", "docker", "lxd", "disk", "shadow"))
"""Groups whose members can become root."""


class User(Resource):
    """A user exists. system: without login and password. groups: further groups, added to the ones that it has."""

    name: str
    home: str
    system: bool = False
    shell: str = "/bin/bash"
    groups: tuple[str, ...] = ()
    comment: str = ""

    def probe(self) -> str:
        name = quote(self.name)
        return f"getent passwd {name} || true\nid -nG {name} 2>/dev/null || true"

    def plan(self, fact: str) -> Change | None:
        lines = [*fact.splitlines(), "", ""]
        if ":" not in lines[0]:
            return Change(f"create user {self.name}", self._create())
        fields = lines[0].split(":")
        if self.system and self._is_other_account(fields, lines[1].split()):
            problem = f"the user {self.name} exists already and is not the app's: choose another app.name in hosts.toml"
            return Change.refused(f"see that {self.name} is a user of its own", problem)
        missing = [group for group in self.groups if group not in lines[1].split()]
        fixes = []
        if fields[6] != self.shell:
            fixes.append(f"usermod --shell {quote(self.shell)} -- {quote(self.name)}")
        if fields[5] != self.home:
            fixes.append(f"usermod --home {quote(self.home)} -- {quote(self.name)}")
        if missing:
            fixes.append(f"usermod --append --groups {quote(','.join(missing))} -- {quote(self.name)}")
        if not fixes:
            return None
        return Change(f"change user {self.name} (shell, home or groups)", "\n".join(fixes))

    def _is_other_account(self, fields: list[str], groups: list[str]) -> bool:
        """Return whether a person or another program owns the account: the app's code must not run with its rights."""
        return int(fields[2]) >= 1000 or fields[5] != self.home or not ROOT_GROUPS.isdisjoint(groups)

    def _create(self) -> str:
        options = ["--home-dir", self.home, "--shell", self.shell, "--user-group", "--comment", self.comment]
        options += ["--system", "--no-create-home"] if self.system else ["--create-home"]
        if self.groups:
            options += ["--groups", ",".join(self.groups)]
        return f"useradd {words(*options)} -- {quote(self.name)}"
